//! What is asked: somebody waits for the answer.

use std::sync::Arc;

use http::HeaderName;
use serde::Serialize;

use super::About;
use super::body::{Payload, to_json};
use crate::model::event::EventName;
use crate::model::hook::Kind;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::model::trace::TraceParent;

/// May this client have a stream of these rooms?
#[derive(Clone, Debug)]
pub struct Connect {
    /// Whose stream it is.
    pub about: Arc<About>,
    /// The rooms that it would join.
    pub rooms: Vec<Room>,
    /// Whether it brings a cursor.
    pub resumes: bool,
    /// What it says of itself besides its credential.
    pub says: Option<Json>,
    /// The trace that the client's request is part of.
    pub trace: Option<TraceParent>,
}

/// May this stream join this room?
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Whose stream it is.
    pub about: Arc<About>,
    /// The room.
    pub room: Room,
    /// The trace that the client's request is part of.
    pub trace: Option<TraceParent>,
}

/// A client says this: what is to be done, and what is it told?
#[derive(Clone, Debug)]
pub struct Message {
    /// Who says it.
    pub about: Arc<About>,
    /// What it calls it.
    pub event: EventName,
    /// The room that it is about, if it names one.
    pub room: Option<Room>,
    /// What it says.
    pub data: Json,
    /// The trace that the client's request is part of.
    pub trace: Option<TraceParent>,
}

impl Connect {
    /// The body for a hook that may see the headers that are `shown`.
    #[must_use]
    pub fn to_json(&self, shown: &[HeaderName], ts: UnixMillis) -> String {
        #[derive(Serialize)]
        struct Own<'a> {
            rooms: &'a [Room],
            resumes: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            auth: Option<Payload<'a>>,
        }
        let own = Own {
            rooms: &self.rooms,
            resumes: self.resumes,
            auth: self.says.as_ref().map(Payload),
        };
        to_json(Kind::Connect, &self.about, shown, ts, own)
    }
}

impl Subscribe {
    /// The body for a hook that may see the headers that are `shown`.
    #[must_use]
    pub fn to_json(&self, shown: &[HeaderName], ts: UnixMillis) -> String {
        #[derive(Serialize)]
        struct Own<'a> {
            room: &'a Room,
        }
        let own = Own { room: &self.room };
        to_json(Kind::Subscribe, &self.about, shown, ts, own)
    }
}

impl Message {
    /// The body for a hook that may see the headers that are `shown`.
    #[must_use]
    pub fn to_json(&self, shown: &[HeaderName], ts: UnixMillis) -> String {
        #[derive(Serialize)]
        struct Own<'a> {
            event: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            room: Option<&'a Room>,
            data: Payload<'a>,
        }
        let own = Own {
            event: self.event.as_str(),
            room: self.room.as_ref(),
            data: Payload(&self.data),
        };
        to_json(Kind::Message, &self.about, shown, ts, own)
    }
}
