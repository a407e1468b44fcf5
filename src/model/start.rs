//! Where a stream is to begin.

use super::position::Position;

/// Where a stream is to begin, as its client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what comes from now on.
    Now,
    /// After this position.
    At(Position),
    /// After a cursor that could not be read, as one of an epoch that is not known: where an answer of 400 would
    /// end an `EventSource` for ever.
    Unreadable,
    /// With everything that is held.
    Earliest,
    /// With the newest so many of each room.
    Newest(usize),
}

impl Start {
    /// The position after which to begin, where there is one.
    #[must_use]
    pub const fn position(self) -> Option<Position> {
        match self {
            Self::At(position) => Some(position),
            Self::Now | Self::Unreadable | Self::Earliest | Self::Newest(_) => None,
        }
    }

    /// Whether the client was here before.
    #[must_use]
    pub const fn is_resume(self) -> bool {
        matches!(self, Self::At(_) | Self::Unreadable)
    }
}
