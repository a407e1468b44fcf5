//! Events: what is published, and what it becomes once the log has numbered it.

use std::sync::Arc;
use std::time::Duration;

use super::code::{Code, Refusal};
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

/// Those of them that clients alone say.
const SAID_BY_CLIENTS: [&str; 8] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "emit",
    "presence",
    "confirm",
    "auth",
    "ping",
];

/// What a batch is called, behind the name of its events.
const BATCH: &str = ":batch";

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
        if RESERVED_NAMES.contains(&name) || name.ends_with(BATCH) || name.starts_with("presence:")
        {
            return Err(InvalidEventName::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// The name of what one stream alone is told, in no room: what clients call their messages is free there.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_told(name: &str) -> Result<Self, InvalidEventName> {
        match Self::parse(name) {
            Err(InvalidEventName::Reserved) if SAID_BY_CLIENTS.contains(&name) => {
                Ok(Self(name.into()))
            }
            parsed => parsed,
        }
    }

    /// The name of what the log makes of the events `name` of a window.
    #[must_use]
    pub fn batch_of(name: &Self) -> Self {
        Self(format!("{}{BATCH}", name.0).into())
    }

    /// What a room's companion tells when somebody comes.
    #[must_use]
    pub fn presence_join() -> Self {
        Self("presence:join".into())
    }

    /// What a room's companion tells when somebody has gone.
    #[must_use]
    pub fn presence_leave() -> Self {
        Self("presence:leave".into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an event is about, in its rooms: a unit, an order, a sensor. 1 to 128 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl serde::Serialize for EventName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks `text`.
    ///
    /// # Errors
    /// `bad_request`: it is empty, too long, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let is_key =
            (1..=Self::MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        is_key.then(|| Self(text.into())).ok_or_else(|| {
            Refusal::new(
                Code::BadRequest,
                "`key` is 1 to 128 bytes without control characters",
            )
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who does not get an event, though it is in the rooms. A convenience, and no access control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Except {
    /// Principals, by the names that they are shown by.
    pub principals: Vec<Box<str>>,
    /// The streams that chose this origin.
    pub origin: Option<Box<str>>,
}

impl Except {
    /// Whether the stream of `principal`, which chose this `origin`, is one of them.
    #[must_use]
    pub fn covers(&self, principal: &str, origin: Option<&str>) -> bool {
        self.principals.iter().any(|one| **one == *principal)
            || (self.origin.is_some() && self.origin.as_deref() == origin)
    }
}

/// What an event says besides what has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What it is about.
    pub key: Option<Key>,
    /// Whether it is the present value of its key; `null` clears that.
    pub retain: bool,
    /// After this long it is dropped.
    pub ttl: Option<Duration>,
    /// Who does not get it.
    pub except: Option<Box<Except>>,
    /// Whether its publisher waits for confirmations.
    pub confirm: bool,
}

/// Whose confirmations a publisher waits for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// How long at most.
    pub timeout: Duration,
    /// Whose.
    pub of: Of,
}

/// Whose confirmations complete an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those of so many principals.
    Count(usize),
    /// Those of all these principals.
    Names(Vec<Box<str>>),
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
    /// What else it says.
    pub options: Options,
    /// Whether it is for those alone who are there and have nothing else to read: it is not kept, and has no id.
    pub volatile: bool,
    /// Whose confirmations its publisher waits for.
    pub awaited: Option<Box<Awaited>>,
}

impl Offer {
    /// An event to one room that says nothing else.
    #[must_use]
    pub fn to_room(room: Room, name: EventName, data: Json) -> Self {
        Self::to_rooms(vec![room], name, data)
    }

    /// An event to all of `rooms` that says nothing else.
    #[must_use]
    pub fn to_rooms(rooms: Vec<Room>, name: EventName, data: Json) -> Self {
        Self {
            several: rooms.len() > 1,
            rooms,
            name,
            data,
            options: Options::default(),
            volatile: false,
            awaited: None,
        }
    }
}

impl Offer {
    /// Whether what it says goes together.
    ///
    /// # Errors
    /// `bad_request`: one thing that it says rules out another.
    pub fn check(&self) -> Result<(), Refusal> {
        let Options {
            key,
            retain,
            ttl,
            except,
            confirm,
        } = &self.options;
        let wrong = |message: &str| Err(Refusal::new(Code::BadRequest, message));
        if *retain && key.is_none() {
            return wrong("`retain` needs a `key`: the value of what?");
        }
        if *retain && except.is_some() {
            return wrong("`except` does not go with `retain`: a room has one state for all");
        }
        if self.volatile && (*retain || *confirm || ttl.is_some()) {
            return wrong("a volatile event is not kept: it has no `retain`, `ttl` or `ack`");
        }
        Ok(())
    }
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
    /// What else it says.
    pub options: Options,
}

impl NewEvent {
    /// An event that says nothing else.
    #[must_use]
    pub fn new(rooms: Vec<Room>, name: EventName, data: Json) -> Self {
        Self {
            rooms,
            name,
            data,
            from: None,
            options: Options::default(),
        }
    }
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
    /// When it was appended; of a raw event that a window stood for, when that was.
    pub ts: UnixMillis,
    /// The publisher, where its role adds the sender.
    pub from: Option<Arc<str>>,
    /// What few events say.
    pub more: Option<Box<More>>,
}

/// What few events say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// What it is about.
    pub key: Option<Key>,
    /// Who does not get it.
    pub except: Option<Box<Except>>,
    /// The raw events that it stands for, where a window ended with it.
    pub of: Vec<Position>,
    /// Whether its publisher waits for confirmations.
    pub confirm: bool,
    /// Whether it is not in the log at all: its position is where the log was, and not its id.
    pub volatile: bool,
}

impl More {
    /// The same, unless it says nothing.
    #[must_use]
    pub fn if_any(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

impl Event {
    /// One that is not in the log, which is at `position`.
    #[must_use]
    pub fn volatile(new: NewEvent, position: Position, ts: UnixMillis) -> Self {
        let more = More {
            key: new.options.key,
            except: new.options.except,
            volatile: true,
            ..More::default()
        };
        Self {
            position,
            rooms: new.rooms,
            name: new.name,
            data: new.data,
            ts,
            from: new.from,
            more: more.if_any(),
        }
    }

    /// Whether the stream of `principal`, which chose this `origin`, gets it.
    #[must_use]
    pub fn is_for(&self, principal: &str, origin: Option<&str>) -> bool {
        let except = self.more.as_ref().and_then(|more| more.except.as_ref());
        except.is_none_or(|except| !except.covers(principal, origin))
    }

    /// Whether there is somebody who does not get it.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.more.as_ref().is_none_or(|more| more.except.is_none())
    }

    /// Its id; nothing where it is not in the log.
    #[must_use]
    pub fn id(&self) -> Option<Position> {
        let volatile = self.more.as_ref().is_some_and(|more| more.volatile);
        (!volatile).then_some(self.position)
    }
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
