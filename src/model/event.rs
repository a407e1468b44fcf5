//! Events: what is published, and what it becomes once the log has numbered it.

use std::sync::Arc;

use super::json::Json;
use super::position::Position;
use super::room::Room;
use super::time::UnixMillis;

/// A valid event name: 1 to 128 of `[A-Za-z0-9_.:/-]`, and none of the names that the protocol keeps.
///
/// No such name can forge a line of an event stream or shadow a control message on any dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventName(Arc<str>);

/// Why a text is no event name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidEventName {
    /// Not 1 to 128 bytes long.
    Length,
    /// A byte outside `[A-Za-z0-9_.:/-]`.
    Byte,
    /// Kept for control messages, presence, batches, or Socket.IO.
    Reserved,
}

/// The names of control messages, of SSE's and `EventSource`'s own events, and Socket.IO's six.
pub const RESERVED_NAMES: [&str; 29] = [
    "welcome",
    "heartbeat",
    "gap",
    "backfill",
    "state_begin",
    "state",
    "state_end",
    "degraded",
    "token_expiring",
    "session_expired",
    "bye",
    "error",
    "problem",
    "open",
    "subscribe",
    "unsubscribe",
    "publish",
    "emit",
    "presence",
    "confirm",
    "auth",
    "ping",
    "ack",
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

impl EventName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks `name`.
    ///
    /// # Errors
    /// Says which rule `name` breaks.
    pub fn parse(name: &str) -> Result<Self, InvalidEventName> {
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(InvalidEventName::Length);
        }
        let allowed =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'/' | b'-');
        if !name.bytes().all(allowed) {
            return Err(InvalidEventName::Byte);
        }
        if RESERVED_NAMES.contains(&name)
            || name.ends_with(":batch")
            || name.starts_with("presence:")
        {
            return Err(InvalidEventName::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event that somebody wants to publish: well-formed, not yet allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The room, or the rooms that shall share it, without repetition; never empty.
    pub rooms: Vec<Room>,
    /// Whether they came as `rooms`, and are answered so.
    pub several: bool,
    /// What happened.
    pub name: EventName,
    /// The payload.
    pub data: Json,
}

/// An event as it was published: valid, and not yet in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The room, or the rooms that share this one event; never empty, without repetition.
    pub rooms: Vec<Room>,
    /// What happened.
    pub name: EventName,
    /// The payload.
    pub data: Json,
    /// The publisher, where its role adds the sender.
    pub from: Option<Arc<str>>,
}

/// An event in the log. It is the same for every reader and never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the one order; as text, its id.
    pub position: Position,
    /// The rooms that hold it.
    pub rooms: Vec<Room>,
    /// What happened.
    pub name: EventName,
    /// The payload.
    pub data: Json,
    /// When it was appended.
    pub ts: UnixMillis,
    /// The publisher, where its role adds the sender.
    pub from: Option<Arc<str>>,
}

impl std::fmt::Display for InvalidEventName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Length => "an event name is 1 to 128 bytes",
            Self::Byte => "an event name is made of A-Z a-z 0-9 _ . : / -",
            Self::Reserved => "this event name is kept for the protocol; choose another",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken_and_every_rule_refuses() {
        for name in [
            "checkin",
            "order:created",
            "a/b.c-d_e",
            "message",
            &"x".repeat(128),
        ] {
            assert!(EventName::parse(name).is_ok(), "{name}");
        }
        for (name, why) in [
            ("", InvalidEventName::Length),
            (&*"x".repeat(129), InvalidEventName::Length),
            ("a b", InvalidEventName::Byte),
            ("a\ndata: forged", InvalidEventName::Byte),
            ("a\rb", InvalidEventName::Byte),
            ("größe", InvalidEventName::Byte),
            ("welcome", InvalidEventName::Reserved),
            ("connect_error", InvalidEventName::Reserved),
            ("reading:batch", InvalidEventName::Reserved),
            ("presence:join", InvalidEventName::Reserved),
        ] {
            assert_eq!(EventName::parse(name), Err(why), "{name:?}");
        }
    }
}
