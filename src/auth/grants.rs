//! Grants: which rooms a role opens to one client. `user:{sub}`, `org:{org}:*`, `*`.
//!
//! A pattern is literal text, placeholders that claims fill, and `*` as the last character for the rest of
//! the name. What a claim fills in is escaped, so that it is never a pattern and never more than one part.

mod claims;
mod template;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::room::Room;

pub(super) use claims::lookup;
use template::Template;

/// The most grants that placeholders may make of one list: an array claim cannot swell a stream without bound.
/// What is beyond is dropped, which takes access away and never gives it.
pub const MAX_EXPANDED: usize = 64;

/// Checks a pattern of `subscribe`, `publish` or `presence`.
///
/// # Errors
/// Says what is wrong and what to write instead.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    Template::parse(pattern).map(drop)
}

/// Checks a default room: a pattern without `*`.
///
/// # Errors
/// Says what is wrong and what to write instead.
pub fn check_room_template(room: &str) -> Result<(), String> {
    closed(room).map(drop)
}

fn closed(room: &str) -> Result<Template, String> {
    let template = Template::parse(room)?;
    if template.is_open() {
        return Err(format!(
            "`{room}` cannot be joined: a default room has no `*`; name the room"
        ));
    }
    Ok(template)
}

/// One pattern with its claims filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    text: Box<str>,
    /// Whether `*` follows: any rest that is not empty.
    open: bool,
}

impl Grant {
    fn covers(&self, room: &str) -> bool {
        if !self.open {
            return *self.text == *room;
        }
        let private = room.starts_with('_') || room.starts_with("user:");
        if self.text.is_empty() && private {
            return false;
        }
        room.strip_prefix(&*self.text)
            .is_some_and(|rest| !rest.is_empty())
    }
}

fn exact(room: &str) -> Grant {
    Grant {
        text: room.into(),
        open: false,
    }
}

/// The rooms that one client was granted, for one kind of use. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Grants(Arc<[Grant]>);

impl Grants {
    /// Whether nothing at all is granted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As patterns.
    pub(super) fn texts(&self) -> Vec<String> {
        let text = |grant: &Grant| {
            let rest = if grant.open { "*" } else { "" };
            format!("{}{rest}", grant.text)
        };
        self.0.iter().map(text).collect()
    }

    /// Whether they cover the room of this name.
    pub(super) fn cover(&self, room: &str) -> bool {
        self.0.iter().any(|grant| grant.covers(room))
    }

    /// They themselves, unless they grant nothing.
    pub(super) fn if_any(self) -> Option<Self> {
        (!self.is_empty()).then_some(self)
    }

    /// No room at all.
    pub(super) fn none() -> Self {
        Self(Arc::new([]))
    }

    /// The same, and these rooms.
    pub(super) fn and(&self, rooms: &[Room]) -> Self {
        let more = rooms.iter().map(Room::as_str);
        let more = more.filter(|room| !self.cover(room)).map(exact);
        let own = self.0.iter().cloned();
        Self(own.chain(more).collect())
    }

    /// The same without the grants of just these rooms.
    pub(super) fn without(&self, rooms: &[Room]) -> Self {
        let is_one = |grant: &&Grant| !rooms.iter().any(|room| **grant == exact(room.as_str()));
        Self(self.0.iter().filter(is_one).cloned().collect())
    }

    /// Those of `rooms` that it covers, and nothing else.
    pub(super) fn only<'a>(&self, rooms: impl Iterator<Item = &'a str>) -> Self {
        let covered = rooms.filter(|room| self.cover(room));
        Self(covered.map(exact).collect())
    }
}

/// One list of patterns of a role.
#[derive(Debug)]
pub(super) struct Patterns {
    templates: Vec<Template>,
    /// What every client of the role shares, where no pattern has a placeholder.
    fixed: Option<Grants>,
}

impl Patterns {
    /// # Errors
    /// One sentence for each pattern that is none.
    pub(super) fn parse(patterns: &[String]) -> Result<Self, Vec<String>> {
        Self::parse_each(patterns, Template::parse)
    }

    /// The same for default rooms, which have no `*`.
    pub(super) fn parse_rooms(rooms: &[String]) -> Result<Self, Vec<String>> {
        Self::parse_each(rooms, closed)
    }

    fn parse_each(
        patterns: &[String],
        parse: fn(&str) -> Result<Template, String>,
    ) -> Result<Self, Vec<String>> {
        let (mut templates, mut mistakes) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match parse(pattern) {
                Ok(template) => templates.push(template),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let fixed = templates
            .iter()
            .all(Template::is_fixed)
            .then(|| Grants(expand(&templates, &Map::new()).into()));
        Ok(Self { templates, fixed })
    }

    /// The claims that its placeholders name.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().flat_map(Template::claims)
    }

    /// Fills in what is known about one client.
    pub(super) fn grants(&self, claims: &Map<String, Value>) -> Grants {
        self.fixed
            .clone()
            .unwrap_or_else(|| Grants(expand(&self.templates, claims).into()))
    }

    /// About how many bytes `grants`, made of these patterns, take that nobody shares.
    pub(super) fn weight(&self, grants: &Grants) -> usize {
        if self.fixed.is_some() {
            return 0;
        }
        let texts = grants.0.iter().map(|grant| grant.text.len());
        texts.map(|text| size_of::<Grant>() + text).sum()
    }

    /// The same as [`Self::grants`] for a list of default rooms: each once, in the order of the list.
    pub(super) fn rooms(&self, claims: &Map<String, Value>) -> Vec<Room> {
        let mut rooms = Vec::new();
        for grant in expand(&self.templates, claims) {
            match Room::parse(&grant.text) {
                Ok(room) if !rooms.contains(&room) => rooms.push(room),
                Ok(_) | Err(_) => {}
            }
        }
        rooms.shrink_to_fit();
        rooms
    }
}

fn expand(templates: &[Template], claims: &Map<String, Value>) -> Vec<Grant> {
    let mut left = MAX_EXPANDED;
    let mut grants = Vec::new();
    for template in templates {
        let texts = template.fill(claims, left);
        if !template.is_fixed() {
            left -= texts.len();
        }
        grants.extend(texts.into_iter().map(|text| Grant {
            text: text.into(),
            open: template.is_open(),
        }));
    }
    grants
}

#[cfg(test)]
mod tests;
