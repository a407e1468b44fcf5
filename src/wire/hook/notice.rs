//! What is told: nobody waits for an answer.

use std::sync::Arc;

use http::HeaderName;
use serde::Serialize;

use super::About;
use super::body::to_json;
use crate::model::hook::Kind;
use crate::model::id::StreamId;
use crate::model::room::Room;
use crate::model::time::UnixMillis;

/// The most that the rooms of a stream that has ended take in the body, in bytes: what waits to be told is bounded, and a
/// stream in very many rooms shall not be the one whose end is not told.
const ROOMS: usize = 64 * 1024;

/// What has happened.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A stream has ended.
    Disconnect {
        /// Whose stream it was.
        about: Arc<About>,
        /// Why: the text of a code of the table, or `client` where the client has gone.
        code: &'static str,
        /// The rooms that it was in.
        rooms: Vec<Room>,
    },
    /// A stream has left a room, and goes on.
    Unsubscribe {
        /// Whose stream it is.
        about: Arc<About>,
        /// The room.
        room: Room,
    },
}

impl Notice {
    /// The hook that is told.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Disconnect { .. } => Kind::Disconnect,
            Self::Unsubscribe { .. } => Kind::Unsubscribe,
        }
    }

    /// The stream that it is about: its notices arrive in order.
    #[must_use]
    pub fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Disconnect { about, .. } | Self::Unsubscribe { about, .. } => about.stream,
        }
    }

    /// The body for a hook that may see the headers that are `shown`, of what happened at `ts`.
    #[must_use]
    pub fn to_json(&self, shown: &[HeaderName], ts: UnixMillis) -> String {
        #[derive(Serialize)]
        struct Ended<'a> {
            code: &'static str,
            rooms: &'a [Room],
            #[serde(skip_serializing_if = "Option::is_none")]
            rooms_left_out: Option<usize>,
        }
        #[derive(Serialize)]
        struct Left<'a> {
            room: &'a Room,
        }
        match self {
            Self::Disconnect { about, code, rooms } => {
                let (rooms, left_out) = rooms.split_at(that_fit(rooms));
                let ended = Ended {
                    code,
                    rooms,
                    rooms_left_out: (!left_out.is_empty()).then_some(left_out.len()),
                };
                to_json(self.kind(), about, shown, ts, ended)
            }
            Self::Unsubscribe { about, room } => {
                to_json(self.kind(), about, shown, ts, Left { room })
            }
        }
    }
}

/// How many of `rooms`, from the first on, are told.
fn that_fit(rooms: &[Room]) -> usize {
    let ends = rooms.iter().scan(0, |bytes, room| {
        // Its quotes and its comma: nothing in a room's name is escaped.
        *bytes += room.as_str().len() + 3;
        Some(*bytes)
    });
    ends.take_while(|end| *end <= ROOMS).count()
}
