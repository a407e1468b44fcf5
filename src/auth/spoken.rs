//! A room that is made of what a client says, and of its claims: `org:{org}:site:{0}`.

use serde_json::{Map, Value};

use super::Access;
use super::grants::Patterns;
use crate::model::room::Room;

/// The template of such a room. That it can be made opens it to nobody: grants do.
#[derive(Debug)]
pub struct SpokenRoom {
    text: Box<str>,
    patterns: Patterns,
}

impl SpokenRoom {
    /// Reads a template: literal text and placeholders, no `*`.
    ///
    /// # Errors
    /// Says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let patterns = Patterns::parse_rooms(&[text.to_owned()]);
        let patterns = patterns.map_err(|wrong| wrong.join("; "))?;
        let text = text.into();
        Ok(Self { text, patterns })
    }

    /// The room, with each placeholder filled by what is `said`, else by the claim of this name. Bytes that no room has are
    /// escaped. Nothing where something is missing, or is a list that makes more than one room.
    #[must_use]
    pub fn fill(&self, said: &Map<String, Value>, access: &Access) -> Option<Room> {
        let is_said = |name: &str| super::grants::lookup(said, name).is_some();
        let mut rooms = if self.patterns.claims().all(is_said) {
            self.patterns.rooms(said)
        } else {
            let mut known = access.claims();
            known.extend(said.clone());
            self.patterns.rooms(&known)
        };
        let room = rooms.pop()?;
        rooms.is_empty().then_some(room)
    }
}

impl PartialEq for SpokenRoom {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
