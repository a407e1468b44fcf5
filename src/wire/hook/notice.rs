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
        }
        #[derive(Serialize)]
        struct Left<'a> {
            room: &'a Room,
        }
        match self {
            Self::Disconnect { about, code, rooms } => {
                to_json(self.kind(), about, shown, ts, Ended { code, rooms })
            }
            Self::Unsubscribe { about, room } => {
                to_json(self.kind(), about, shown, ts, Left { room })
            }
        }
    }
}
