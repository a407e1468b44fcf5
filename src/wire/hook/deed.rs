//! What a backend wants done.

use serde_json::value::RawValue;

use crate::model::code::Refusal;
use crate::model::event::Offer;
use crate::model::id::StreamId;
use crate::model::room::Room;
use crate::wire::client::{Fields, bad, fields, none_left, text};
use crate::wire::publish;

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

/// The longest name of a principal that is looked for, in bytes.
const PRINCIPAL: usize = 1024;

impl Deed {
    /// Reads one.
    pub(super) fn parse(raw: &RawValue) -> Result<Self, Refusal> {
        let mut fields = fields(raw.get())?;
        let kind = text(&mut fields, "type")?.ok_or_else(|| bad("`type` is missing"))?;
        let deed = match &*kind {
            "publish" => Self::Publish(publish::take(&mut fields)?),
            "join" => Self::Join {
                whom: Whom::take(&mut fields)?,
                room: room(&mut fields)?,
            },
            "leave" => Self::Leave {
                whom: Whom::take(&mut fields)?,
                room: room(&mut fields)?,
            },
            "disconnect" => Self::Disconnect {
                whom: Whom::take(&mut fields)?,
            },
            _ => {
                return Err(bad("`type` is one of publish, join, leave, disconnect"));
            }
        };
        none_left(&fields, deed)
    }
}

impl Whom {
    fn take(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        match (text(fields, "stream")?, text(fields, "principal")?) {
            (None, None) => Ok(Self::This),
            (Some(stream), None) => StreamId::from_client(&stream)
                .map(Self::Stream)
                .ok_or_else(|| bad("`stream` is no name of a stream")),
            (None, Some(name)) if (1..=PRINCIPAL).contains(&name.len()) => {
                Ok(Self::Principal(name))
            }
            (None, Some(_)) => Err(bad(format!("`principal` is 1 to {PRINCIPAL} bytes"))),
            (Some(_), Some(_)) => Err(bad("either `stream` or `principal`, not both")),
        }
    }
}

fn room(fields: &mut Fields<'_>) -> Result<Room, Refusal> {
    let name = text(fields, "room")?.ok_or_else(|| bad("`room` is missing"))?;
    publish::room(&name)
}
