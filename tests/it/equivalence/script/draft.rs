//! An event that is to be published, and what it asks for.

use std::fmt::Write as _;

use super::ROOMS;

/// An event that is to be published.
#[derive(Clone, Debug)]
pub(in super::super) struct Draft {
    /// Makes its payload unlike every other.
    pub(in super::super) number: usize,
    pub(in super::super) rooms: Vec<&'static str>,
    pub(in super::super) padding: usize,
    /// Whether the body carries white space that means nothing.
    pub(in super::super) spaced: bool,
    pub(in super::super) options: Options,
}

/// How it is to be treated.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Options {
    pub(in super::super) key: Option<&'static str>,
    /// What the payload's own field says, where a room takes its keys from there.
    pub(in super::super) field: Option<&'static str>,
    pub(in super::super) retain: Retain,
    pub(in super::super) ttl_ms: Option<u64>,
    pub(in super::super) except: Option<Except>,
    pub(in super::super) volatile: bool,
}

/// Whether it is the present value of its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Retain {
    #[default]
    No,
    Value,
    /// It takes the value away.
    Clear,
}

/// Who is not to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Except {
    Principal(&'static str),
    Origin(&'static str),
}

impl Draft {
    /// The event that shows at the end whether a room is awake.
    pub(in super::super) fn call(number: usize, room: &str) -> Self {
        let rooms = ROOMS.into_iter().filter(|have| *have == room).collect();
        Self {
            number: 2_000_000 + number,
            rooms,
            padding: 0,
            spaced: false,
            options: Options::default(),
        }
    }

    /// The payload without insignificant white space: escapes, numbers and the order of keys are the publisher's.
    pub(in super::super) fn data(&self) -> String {
        if self.options.retain == Retain::Clear {
            return "null".to_owned();
        }
        let pad = "x ".repeat(self.padding / 2);
        let field = match self.options.field {
            Some(field) => format!(r#","k":"{field}""#),
            None => String::new(),
        };
        format!(
            r#"{{"n":{},"v":[1.50e1,-0,null],"s":"ü\u00e9\n\"{pad}","a":{{}}{field}}}"#,
            self.number
        )
    }

    /// The payload as it is sent.
    pub(in super::super) fn body(&self) -> String {
        match self.spaced {
            true => self.data().replacen(":[1.50e1,", " : [\n1.50e1 ,\t", 1),
            false => self.data(),
        }
    }

    /// The event's name.
    pub(in super::super) fn event(&self) -> String {
        format!("made:{}", self.number % 3)
    }

    /// What a publish says of it, its rooms aside: the members of an object.
    pub(in super::super) fn members(&self) -> String {
        let options = &self.options;
        let mut text = format!(r#""event": "{}", "data": {}"#, self.event(), self.body());
        if let Some(key) = options.key {
            let _ = write!(text, r#", "key": {}"#, serde_json::json!(key));
        }
        if options.retain != Retain::No {
            text += r#", "retain": true"#;
        }
        // A span is a text with its unit, or a number of milliseconds.
        match options.ttl_ms {
            Some(ttl) if self.number.is_multiple_of(2) => {
                let _ = write!(text, r#", "ttl": "{}s""#, ttl / 1000);
            }
            Some(ttl) => {
                let _ = write!(text, r#", "ttl": {ttl}"#);
            }
            None => {}
        }
        match options.except {
            Some(Except::Principal(name)) => {
                let _ = write!(text, r#", "except": {{"principals": ["{name}"]}}"#);
            }
            Some(Except::Origin(name)) => {
                let _ = write!(text, r#", "except": {{"origin": "{name}"}}"#);
            }
            None => {}
        }
        if options.volatile {
            text += r#", "volatile": true"#;
        }
        text
    }
}
