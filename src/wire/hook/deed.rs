//! What a backend wants done.

use serde_json::value::RawValue;

use crate::model::code::Refusal;
use crate::model::decree::Whom;
use crate::model::event::Offer;
use crate::model::room::Room;
use crate::wire::client::{bad, fields, none_left, room, text};
use crate::wire::{publish, whom};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Publish an event.
    Publish(Offer),
    /// Let streams join a room.
    Join {
        /// Which streams; `None` is the one that the question was about.
        whom: Option<Whom>,
        /// The room.
        room: Room,
    },
    /// Let streams leave a room.
    Leave {
        /// Which streams; `None` is the one that the question was about.
        whom: Option<Whom>,
        /// The room.
        room: Room,
    },
    /// End streams, with the code `disconnected`.
    Disconnect {
        /// Which streams; `None` is the one that the question was about.
        whom: Option<Whom>,
    },
}

impl Deed {
    /// Reads one.
    pub(super) fn parse(raw: &RawValue) -> Result<Self, Refusal> {
        let mut fields = fields(raw.get())?;
        let kind = text(&mut fields, "type")?.ok_or_else(|| bad("`type` is missing"))?;
        let deed = match &*kind {
            "publish" => Self::Publish(publish::take(&mut fields)?),
            "join" => Self::Join {
                whom: whom::take(&mut fields)?,
                room: room(&mut fields)?,
            },
            "leave" => Self::Leave {
                whom: whom::take(&mut fields)?,
                room: room(&mut fields)?,
            },
            "disconnect" => Self::Disconnect {
                whom: whom::take(&mut fields)?,
            },
            _ => {
                return Err(bad("`type` is one of publish, join, leave, disconnect"));
            }
        };
        none_left(&fields, deed)
    }
}
