//! What a key takes: from a raw value to a checked one, or to what is wrong with it.

use std::time::Duration;

use super::node::{Content, Node, Origin};
use super::source::Fault;
use super::units;
use crate::model::limits::Rate;
use crate::model::secret::Secret;
use crate::server::endpoint::{Endpoint, Scheme};

/// A rule for a text; the error says what is wrong and what to write instead.
pub(super) type Check = fn(&str) -> Result<(), String>;

/// What a key takes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One endpoint or several.
    Endpoints,
    /// A text under a rule.
    Text(&'static str, Check),
    /// A list of texts under a rule.
    Texts(&'static str, Check),
    /// A text that is never shown.
    Secret(&'static str),
    /// The name of a file. It is not shown either: the secret itself is easily written here by mistake.
    File,
    /// `true` or `false`.
    Flag,
    /// A whole number, between bounds.
    Count(u64, u64),
    /// Bytes, between bounds.
    Size(u64, u64),
    /// A duration, between bounds in milliseconds.
    Duration(u64, u64),
    /// So many in so long.
    Rate,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A list of some of these, at least one, none twice.
    Choices(&'static [&'static str]),
    /// A SHA-256 in hexadecimal, or a list of at most so many. Not shown: the key itself is easily written here by
    /// mistake.
    Digests(usize),
}

/// A checked value.
pub(super) enum Value {
    Text(String),
    Texts(Vec<(String, Origin)>),
    Secret(Secret),
    Flag(bool),
    Number(u64),
    Duration(Duration),
    Rate(Rate),
    Digests(Vec<([u8; 32], Origin)>),
}

impl Kind {
    /// Whether a value may stand in an excerpt.
    pub(super) fn is_open(self) -> bool {
        !matches!(self, Self::Secret(_) | Self::File | Self::Digests(_))
    }

    /// Whether a list may stand here, so that `__0` in a variable's name means its first entry.
    pub(super) fn is_list(self) -> bool {
        matches!(
            self,
            Self::Endpoints | Self::Texts(..) | Self::Choices(_) | Self::Digests(_)
        )
    }

    /// What it takes, with units and bounds, for people.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Endpoints => "an IP address and port, `http://` or `https://` before it, or `unix:` and a path; or a list of them".into(),
            Self::Text(what, _) => what.into(),
            Self::Texts(what, _) => format!("a list of {what}"),
            Self::Secret(what) => what.into(),
            Self::File => "a file name, relative to the configuration file".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Count(low, high) => format!("a whole number, {low} to {high}"),
            Self::Size(low, high) => format!(
                "a size in bytes (B, KiB, MiB, GiB, kB, MB, GB), {} to {}",
                units::show_size(low),
                units::show_size(high)
            ),
            Self::Duration(low, high) => format!(
                "a duration (ms, s, m, h, d), {} to {}",
                units::show_duration(Duration::from_millis(low)),
                units::show_duration(Duration::from_millis(high))
            ),
            Self::Rate => "a rate (so many per s, min or h)".into(),
            Self::Choice(all) => format!("one of {}", quoted(all)),
            Self::Choices(all) => format!("a list of some of {}", quoted(all)),
            Self::Digests(most) => {
                format!("a SHA-256 as 64 hexadecimal digits, or a list of up to {most}")
            }
        }
    }

    /// Whether a raw value has the right shape, its content aside: decides whether a variable is read as TOML.
    pub(super) fn fits(self, node: &Node) -> bool {
        match (self, &node.content) {
            (Self::Endpoints, Content::Array(_) | Content::Text(_))
            | (Self::Digests(_), Content::Array(_) | Content::Text(_))
            | (Self::Texts(..) | Self::Choices(_), Content::Array(_))
            | (Self::Flag, Content::Flag(_))
            | (Self::Count(..) | Self::Size(..), Content::Integer(_)) => true,
            (
                Self::Text(..)
                | Self::Secret(_)
                | Self::File
                | Self::Size(..)
                | Self::Duration(..)
                | Self::Rate
                | Self::Choice(_),
                Content::Text(_),
            ) => true,
            (_, _) => false,
        }
    }

    /// The checked value of `node`, or what is wrong with it (one fault for each wrong entry of a list).
    pub(super) fn read(self, node: &Node) -> Result<Value, Vec<Fault>> {
        if !self.fits(node) {
            let problem = format!("takes {}, not {}", self.describe(), node.kind_name());
            return Err(vec![Fault::new(&node.origin, problem)]);
        }
        if let Self::Digests(most) = self {
            let one = std::slice::from_ref(node);
            let items = if let Content::Array(items) = &node.content {
                items
            } else {
                one
            };
            return self.read_digests(items, most, &node.origin);
        }
        let fault = |problem: String| vec![Fault::new(&node.origin, problem)];
        match &node.content {
            Content::Text(text) => match (self, self.read_text(text).map_err(fault)?) {
                // One is as good as a list of one.
                (Self::Endpoints, Value::Text(text)) => {
                    Ok(Value::Texts(vec![(text, node.origin.clone())]))
                }
                (_, value) => Ok(value),
            },
            Content::Integer(number) => self.read_integer(*number).map_err(fault),
            Content::Flag(flag) => Ok(Value::Flag(*flag)),
            Content::Array(items) => self.read_list(items, &node.origin),
            Content::Table(_) | Content::Float | Content::Date => Err(fault("unreadable".into())),
        }
    }

    fn read_text(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Endpoints => {
                Endpoint::parse(text, Scheme::Http).map(|_| Value::Text(text.into()))
            }
            Self::Text(_, check) | Self::Texts(_, check) => {
                check(text).map(|()| Value::Text(text.into()))
            }
            Self::Secret(_) | Self::File if text.is_empty() => Err("is empty".into()),
            Self::Secret(_) => Ok(Value::Secret(Secret::new(text))),
            Self::File => Ok(Value::Text(text.into())),
            Self::Size(..) => self.bounded(units::size(text)?).map(Value::Number),
            Self::Duration(low, high) => {
                let span = units::duration(text)?;
                let allowed = Duration::from_millis(low)..=Duration::from_millis(high);
                if !allowed.contains(&span) {
                    return Err(format!("is out of bounds: it takes {}", self.describe()));
                }
                Ok(Value::Duration(span))
            }
            Self::Rate => units::rate(text).map(Value::Rate),
            Self::Choice(all) | Self::Choices(all) => choice(text, all),
            Self::Flag | Self::Count(..) | Self::Digests(_) => {
                Err(format!("takes {}", self.describe()))
            }
        }
    }

    fn read_integer(self, number: Option<i128>) -> Result<Value, String> {
        let number = number.and_then(|number| u64::try_from(number).ok());
        number
            .ok_or_else(|| format!("is out of bounds: it takes {}", self.describe()))
            .and_then(|number| self.bounded(number))
            .map(Value::Number)
    }

    fn bounded(self, number: u64) -> Result<u64, String> {
        match self {
            Self::Count(low, high) | Self::Size(low, high) if !(low..=high).contains(&number) => {
                Err(format!("is out of bounds: it takes {}", self.describe()))
            }
            Self::Endpoints
            | Self::Text(..)
            | Self::Texts(..)
            | Self::Secret(_)
            | Self::File
            | Self::Flag
            | Self::Count(..)
            | Self::Size(..)
            | Self::Duration(..)
            | Self::Rate
            | Self::Choice(_)
            | Self::Choices(_)
            | Self::Digests(_) => Ok(number),
        }
    }

    fn read_digests(
        self,
        items: &[Node],
        most: usize,
        origin: &Origin,
    ) -> Result<Value, Vec<Fault>> {
        let read = |item: &Node| {
            let fault = |problem: String| Fault::new(&item.origin, problem);
            let Content::Text(text) = &item.content else {
                let problem = format!("takes {}, not {}", self.describe(), item.kind_name());
                return Err(fault(problem));
            };
            digest(text).map_err(fault)
        };
        let (mut digests, mut faults) = (Vec::<([u8; 32], Origin)>::new(), Vec::new());
        for item in items {
            match read(item) {
                Ok(digest) if digests.iter().any(|(other, _)| *other == digest) => {
                    faults.push(Fault::new(&item.origin, "names this twice"));
                }
                Ok(digest) => digests.push((digest, item.origin.clone())),
                Err(fault) => faults.push(fault),
            }
        }
        if !(1..=most).contains(&items.len()) {
            let problem = format!("has {} entries: it takes 1 to {most}", items.len());
            faults.push(Fault::new(origin, problem));
        }
        if faults.is_empty() {
            Ok(Value::Digests(digests))
        } else {
            Err(faults)
        }
    }

    fn read_list(self, items: &[Node], origin: &Origin) -> Result<Value, Vec<Fault>> {
        let (mut texts, mut faults) = (Vec::new(), Vec::new());
        for item in items {
            let Content::Text(text) = &item.content else {
                let problem = format!("takes texts in its list, not {}", item.kind_name());
                faults.push(Fault::new(&item.origin, problem));
                continue;
            };
            match self.read_text(text) {
                Ok(Value::Text(text)) => texts.push((text, item.origin.clone())),
                Ok(_) => {}
                Err(problem) => faults.push(Fault::new(&item.origin, problem)),
            }
        }
        faults.extend(repeated(&texts));
        if items.is_empty() && matches!(self, Self::Endpoints | Self::Choices(_)) {
            faults.push(Fault::new(origin, "is empty: it takes at least one"));
        }
        if faults.is_empty() {
            Ok(Value::Texts(texts))
        } else {
            Err(faults)
        }
    }
}

fn repeated(texts: &[(String, Origin)]) -> Vec<Fault> {
    let mut seen = std::collections::BTreeSet::new();
    texts
        .iter()
        .filter(|(text, _)| !seen.insert(text))
        .map(|(_, origin)| Fault::new(origin, "names this twice"))
        .collect()
}

fn choice(text: &str, all: &[&str]) -> Result<Value, String> {
    if all.contains(&text) {
        return Ok(Value::Text(text.into()));
    }
    let meant = super::suggest::nearest(text, all.iter().copied())
        .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    Err(format!("is none of {}{meant}", quoted(all)))
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let Some(digits) = digits.filter(|digits| digits.len() == 64) else {
        return Err(
            "is no SHA-256 of 64 hexadecimal digits: write the hash of the key, never the key itself; \
             `gatecast key` makes a pair"
                .into(),
        );
    };
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Ok(bytes)
}

fn quoted(all: &[&str]) -> String {
    let all: Vec<String> = all.iter().map(|one| format!("`{one}`")).collect();
    all.join(", ")
}
