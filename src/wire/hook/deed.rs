//! What a backend wants done.

use crate::model::event::Offer;
use crate::model::id::StreamId;
use crate::model::room::Room;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Publish an event.
    Publish(Offer),
    /// Let streams join a room.
    Join {
        /// Which streams.
        whom: Whom,
        /// The room.
        room: Room,
    },
    /// Let streams leave a room.
    Leave {
        /// Which streams.
        whom: Whom,
        /// The room.
        room: Room,
    },
    /// End streams, with the code `disconnected`.
    Disconnect {
        /// Which streams.
        whom: Whom,
    },
}

/// Whose streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The one that the question was about.
    This,
    /// The one of this name.
    Stream(StreamId),
    /// All those of whom is shown by this name.
    Principal(String),
}
