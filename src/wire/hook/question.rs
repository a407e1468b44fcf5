//! What is asked: somebody waits for the answer.

use std::sync::Arc;

use super::About;
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::room::Room;
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
