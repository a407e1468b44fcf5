//! What was done and what was seen: all that the checker knows.

use std::time::Duration;

use super::script::{Options, Rule};

/// The door by which a client comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    WebSocket,
    /// The dialect of socket.io-client 4, over a WebSocket.
    SocketIo,
    Sse,
    LongPoll,
    /// The pages of `GET /v1/rooms/{room}/events`, followed by their cursors.
    History,
}

/// Where a client wants to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Now,
    Earliest,
    Rewind(usize),
    /// A cursor that it was given.
    At(String),
    /// A text that is no cursor.
    Unreadable(String),
}

/// One connection, or one request, of a client.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) transport: Transport,
    pub(super) rooms: Vec<String>,
    pub(super) start: Start,
    /// Whether retained values are asked for.
    pub(super) snapshot: bool,
    /// Who it is.
    pub(super) principal: &'static str,
    /// The name that it gives itself, where a transport takes one.
    pub(super) origin: Option<&'static str>,
    /// The secret name by which it would go on as who it was, where a transport gives one.
    pub(super) pid: Option<String>,
}

impl Opening {
    /// Whether the client brings a cursor, readable or not.
    pub(super) const fn resumes(&self) -> bool {
        matches!(self.start, Start::At(_) | Start::Unreadable(_))
    }
}

/// A whole frame, as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// A text message.
    WebSocket(String),
    /// A packet of Engine.IO that holds one of Socket.IO.
    SocketIo(String),
    /// A block of an event stream, without its blank line.
    Sse(String),
    /// The whole body of a good answer.
    Body(String),
    /// The status and body of a refusal.
    Refused(u16, String),
    /// A close frame.
    Close(Option<u16>),
    /// Bytes that are no frame of any standard.
    Broken(String),
}

/// A request to join or leave a room of an open stream.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) reference: String,
    pub(super) room: String,
    /// `None` to leave; `Some(None)` to join from now; `Some(Some(cursor))` to join from there.
    pub(super) join: Option<Option<String>>,
    /// Whether retained values are asked for.
    pub(super) snapshot: bool,
}

/// What happened to one client.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    Opened(Opening),
    Saw(Raw),
    Asked(Ask),
    /// The response to a `POST /v1/messages`.
    Answered(u16, String),
    /// The script is quiet, and nothing has come for long.
    Quiet,
    /// The connection is over, by whomever.
    Over,
}

/// Something, and how many entries the log had when it happened.
#[derive(Clone, Debug)]
pub(super) struct Dated<T> {
    pub(super) step: usize,
    pub(super) what: T,
}

/// One event as its publisher knows it.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) id: String,
    pub(super) rooms: Vec<String>,
    pub(super) event: String,
    /// Without insignificant white space.
    pub(super) data: String,
    pub(super) from: Option<String>,
    pub(super) options: Options,
}

/// What changed the log, in order.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Published(Published),
    /// One that is in no log; its id is empty.
    Volatile(Published),
    /// A publish under a key that had been answered with the first id was answered with the second.
    Repeated(String, String),
    /// A publish that was to be refused, and how it was answered.
    Refused {
        wanted: &'static str,
        answer: String,
    },
    Advanced(Duration),
    Restarted,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) rules: Vec<Rule>,
    /// Bound of the whole log, in events.
    pub(super) total: usize,
    /// Nothing can be missed: more is kept than is published, and nothing restarts.
    pub(super) calm: bool,
    pub(super) log: Vec<Entry>,
    /// The last one, where rooms have policies, is always there, and reads whatever windows and ends bring.
    pub(super) clients: Vec<Vec<Dated<Happening>>>,
}
