//! What operators ask and are answered, as JSON.

use serde::{Deserialize, Serialize};

use crate::model::position::Position;
use crate::model::room::Room;

/// What an operator asks in a body.
pub trait Body {
    /// What the body is. One that is not is refused in these words: a parser's would repeat what stands in a wrong place,
    /// which may be a credential, and a refusal is logged.
    const SHAPE: &'static str;
}

impl Body for Whom {
    const SHAPE: &'static str = "the body is an object: `stream`, `principal`, `role`, `room`, `transport` and `dialect`, each a string, and nothing else";
}

impl Body for Drain {
    const SHAPE: &'static str = "the body is an object: `node` a flag, `role` and `room` strings, `window_ms` a number, and nothing else";
}

impl Body for Revoke {
    const SHAPE: &'static str = "the body is an object: `token_id`, `subject`, `key`, `stream` and `issuer` strings, `issued_before` and `until` numbers, and nothing else";
}

impl Body for Log {
    const SHAPE: &'static str = "the body is an object: `filter` a string, and nothing else";
}

impl Body for Explain {
    const SHAPE: &'static str =
        "the body is an object: `credential` a string, `rooms` a list of names, and nothing else";
}

/// Which streams are meant: those for which all that is said holds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// The stream of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Those of this principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Those of this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Those in this room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Those of this transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Those of this dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
}

/// Who is to leave, to come back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// The whole node: it stops, as by SIGTERM.
    #[serde(default)]
    pub node: bool,
    /// The streams of this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The streams in this room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Over how long the ends are spread, in milliseconds; as long as at any drain where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
}

/// What is not to hold any more: exactly one of the first four.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// A token's `jti`.
    pub token_id: Option<String>,
    /// A token's `sub`.
    pub subject: Option<String>,
    /// The name of an API key.
    pub key: Option<String>,
    /// One stream.
    pub stream: Option<String>,
    /// With `subject`: the issuer whose subject it is.
    pub issuer: Option<String>,
    /// With `subject`: tokens issued before this time (Unix milliseconds); now where nothing is said.
    pub issued_before: Option<u64>,
    /// Until when it has to hold (Unix milliseconds): when the credentials end by themselves.
    pub until: Option<u64>,
}

/// A filter of log lines.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// As `telemetry.filter` has it.
    pub filter: String,
}

/// What a credential is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// The credential; what is allowed without one, where there is none.
    pub credential: Option<String>,
    /// Rooms to say of whether it may read and publish.
    #[serde(default)]
    pub rooms: Vec<String>,
}

/// How many.
#[derive(Debug, Serialize)]
pub struct Count {
    /// Streams.
    pub streams: usize,
}

/// Streams, a page of them.
#[derive(Debug, Serialize)]
pub struct Streams {
    /// In the order of their names.
    pub streams: Vec<Stream>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// One stream.
#[derive(Debug, Serialize)]
pub struct Stream {
    /// Its name.
    pub stream: String,
    /// Who; nothing while a WebSocket has not said it yet.
    pub principal: Option<String>,
    /// In which role.
    pub role: Option<String>,
    /// From where.
    pub peer: String,
    /// The request that opened it, as its answer showed it (`X-Request-Id`).
    pub request: String,
    /// How.
    pub transport: &'static str,
    /// In which language.
    pub dialect: &'static str,
    /// Its rooms.
    pub rooms: Vec<Room>,
    /// Everything due up to here has been handed to its socket.
    pub cursor: Option<Position>,
    /// Events that wait for it, one of several of its rooms counted in each.
    pub lag: usize,
    /// Bytes that its socket has taken.
    pub bytes: u64,
    /// For how long it has been open.
    pub age_ms: u64,
    /// How long its credential is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Whether its socket takes nothing at present.
    pub blocked: bool,
}

/// Rooms, a page of them.
#[derive(Debug, Serialize)]
pub struct Rooms {
    /// In the order of their names.
    pub rooms: Vec<RoomNow>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// One room.
#[derive(Debug, Serialize)]
pub struct RoomNow {
    /// Its name.
    pub room: Room,
    /// Streams and polls that read it.
    pub readers: usize,
    /// Events that it holds.
    pub events: usize,
    /// What they take, in bytes.
    pub bytes: usize,
    /// Events of the last minute that it holds.
    pub last_minute: usize,
}

/// The revocations that hold.
#[derive(Debug, Serialize)]
pub struct Revocations {
    /// In no order.
    pub revocations: Vec<Revoked>,
}

/// One of them.
#[derive(Debug, Default, Serialize)]
pub struct Revoked {
    /// A token's `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// A token's `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whose subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Issued before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<u64>,
    /// The name of an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// A decree that was appended.
#[derive(Debug, Serialize)]
pub struct Decreed {
    /// Its place in the log: what comes after it is given to nobody whom it concerns.
    pub id: Position,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Tables of the configuration that say something new, which holds now.
    pub changed: Vec<String>,
    /// Keys that say something new, which holds from the next start on.
    pub at_next_start: Vec<String>,
}

/// What a credential may do.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// Who.
    pub principal: String,
    /// By what it is shown: `anonymous`, `api_key` or `token`.
    pub kind: &'static str,
    /// In which role.
    pub role: String,
    /// The transports that it may use, in order of preference.
    pub transports: Vec<&'static str>,
    /// The rooms that it gets when it names none.
    pub rooms: Vec<Room>,
    /// The patterns of the rooms that it may read.
    pub subscribe: Vec<String>,
    /// The patterns of the rooms that it may publish to.
    pub publish: Vec<String>,
    /// The patterns of the rooms of which it may see who is there.
    pub presence: Vec<String>,
    /// Whether it is an operator's.
    pub admin: bool,
    /// How long it is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// The rooms that were asked for.
    pub asked: Vec<Asked>,
}

/// What it may do in one room.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// The room.
    pub room: Room,
    /// Whether it may read it.
    pub subscribe: bool,
    /// Whether it may publish to it.
    pub publish: bool,
    /// Whether it may see who is there.
    pub presence: bool,
}
