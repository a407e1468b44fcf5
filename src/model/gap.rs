//! What is missing, said aloud.

use super::position::Position;
use super::room::Room;

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// History is bounded, and this part of it was dropped.
    Evicted,
    /// The cursor is of a life of the log that left nothing behind.
    Epoch,
    /// The cursor lies beyond the end of the log.
    Future,
    /// The room is not (any more) for this client.
    Unauthorized,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Evicted, Self::Epoch, Self::Future, Self::Unauthorized];

    /// The reason that `text` names on the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Epoch => "epoch",
            Self::Future => "future",
            Self::Unauthorized => "unauthorized",
        }
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Events of one room between two positions are not held any more: `from` exclusive, `to` inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The room.
    pub room: Room,
    /// After which position; nothing where it is not known or not to be told.
    pub from: Option<Position>,
    /// Up to which position; likewise.
    pub to: Option<Position>,
    /// Why.
    pub reason: Reason,
}

impl Gap {
    /// The gap of a room that this client may not (any more) read: it tells no positions.
    #[must_use]
    pub const fn unauthorized(room: Room) -> Self {
        Self {
            room,
            from: None,
            to: None,
            reason: Reason::Unauthorized,
        }
    }
}

impl serde::Serialize for Gap {
    /// `{room, from, to, reason}`, without the positions where they are not the client's to know.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let positions = self.reason != Reason::Unauthorized;
        let mut fields = serializer.serialize_struct("Gap", if positions { 4 } else { 2 })?;
        fields.serialize_field("room", &self.room)?;
        if positions {
            fields.serialize_field("from", &self.from)?;
            fields.serialize_field("to", &self.to)?;
        }
        fields.serialize_field("reason", &self.reason)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_back_from_its_text() {
        for reason in [
            Reason::Evicted,
            Reason::Epoch,
            Reason::Future,
            Reason::Unauthorized,
        ] {
            let text = serde_json::to_value(reason).unwrap();
            assert_eq!(Reason::parse(text.as_str().unwrap()), Some(reason));
        }
        assert_eq!(Reason::parse("of a later version"), None);
    }
}
