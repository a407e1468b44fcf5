//! Messages from the gateway that are no events: they carry `type`, and no `id`.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::model::code::{Advice, Code, Refusal};
use crate::model::event::{EventName, Key};
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;

use super::base_url::BaseUrl;
use super::client::Ref;
use super::confirmed::Confirmed;
use super::presence::Member;
use super::service::Streams;

/// A control message. Serialised, `type` is its first key.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// The first message of a stream.
    Welcome(Welcome),
    /// Nothing else was due for a while; the stream is complete up to `cursor`.
    Heartbeat {
        /// A true position.
        cursor: Position,
        /// Now.
        ts: UnixMillis,
    },
    /// Events are missing.
    Gap(Gap),
    /// Events of a room's past, before it becomes part of the stream.
    Backfill {
        /// The room.
        room: Room,
        /// Envelopes, ascending.
        events: Vec<Envelope>,
    },
    /// The state of a room begins: what was known of it counts no more.
    StateBegin {
        /// The room.
        room: Room,
    },
    /// The present value of one key.
    State(StateOf),
    /// The state of a room is whole: events beyond `cursor` change it.
    StateEnd {
        /// The room.
        room: Room,
        /// Where the log was. No place to resume from: what is due of other rooms may lie before it.
        cursor: Position,
    },
    /// The credential ends soon: time to renew it.
    TokenExpiring {
        /// How soon.
        expires_in_ms: u64,
        /// Where the stream goes on, if a signed URL opened it and its credential lasts longer.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<SignedUrl>,
    },
    /// The credential ran out.
    SessionExpired {},
    /// The stream ends.
    Bye {
        /// Why.
        code: &'static str,
        /// Whether the client should come back.
        reconnect: bool,
        /// When.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// Something was refused.
    Error(Error),
    /// A client message was carried out.
    Ack(Box<Ack>),
}

/// The present value of one key of a room.
#[derive(Clone, Debug, Serialize)]
pub struct StateOf {
    /// The room.
    pub room: Room,
    /// The key.
    pub key: Key,
    /// What happened when it came to be so.
    pub event: EventName,
    /// The payload.
    pub data: Envelope,
    /// When that was.
    pub ts: UnixMillis,
}

/// A URL that is a credential: it is told to its client, and shown to nobody.
#[derive(Clone, Serialize)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// The URL of a stream of `rooms`, with the ticket that opens it.
    #[must_use]
    pub fn new(base: &BaseUrl, transport: Transport, rooms: &[Room], ticket: &Secret) -> Self {
        // A ticket has no byte that a query would have to encode (RFC 3986 §3.4).
        let stream = base.stream(transport, rooms);
        Self(format!("{stream}&ticket={}", ticket.expose()))
    }
}

impl std::fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

/// What a client learns first.
#[derive(Clone, Debug, Serialize)]
pub struct Welcome {
    /// The stream's name.
    pub stream: String,
    /// Where reading starts; `null` to a client whose own cursor could not be read, and to a new stream that is told the
    /// state first: there is no coming back from before that.
    pub cursor: Option<Position>,
    /// The rooms joined.
    pub rooms: Vec<Room>,
    /// Who the credential says the client is.
    pub principal: String,
    /// Its role.
    pub role: String,
    /// How long the stream may be silent at most.
    pub heartbeat_ms: u64,
    /// What is left of the credential, where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Where a cursor was brought: whether nothing is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<bool>,
    /// Now.
    pub ts: UnixMillis,
}

/// A refusal on a stream, or of one event of several.
#[derive(Clone, Debug, Serialize)]
pub struct Error {
    /// Which message is answered.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The stable text.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The room that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// The limit that was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Cow<'static, str>>,
    /// When to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What the backend, which says no, calls its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
}

impl Error {
    /// What the client is told of `refusal`, in answer to `reference` if there is one.
    #[must_use]
    pub fn new(reference: Option<Ref>, refusal: Refusal) -> Self {
        Self {
            reference,
            code: refusal.code.as_str(),
            limit: refusal.limit_key(),
            message: refusal.message.into(),
            room: refusal.room,
            retry_after_ms: refusal.retry_after.map(millis),
            reason: refusal.reason,
        }
    }
}

/// A confirmation, with what the message brought about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ack {
    /// Which message is answered.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The published event's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Position>,
    /// The room published to, joined or left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// The rooms published to, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<Room>>,
    /// What is missing of the past of a room joined by another request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Vec<Gap>>,
    /// The past of a room joined by another request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Envelope>>,
    /// Where the past is longer than one answer: up to where this one told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Position>,
    /// The streams that a service has asked for, or how many it has done something to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<Streams>,
    /// Whether the past is longer than one answer, and the room not joined yet; or whether there are more members or
    /// streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// How many are in the room, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// What became of the event, where its publisher waited for confirmations.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Box<Confirmed>>,
    /// What the backend says to what was emitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<Envelope>>,
}

/// JSON as it stands elsewhere: an event or a payload in the log's shared bytes, what a backend has said.
#[derive(Clone, Debug)]
pub struct Envelope(pub Bytes);

impl Serialize for Envelope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(&self.0).map_err(serde::ser::Error::custom)?;
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Control {
    /// The end of a stream, with the advice of the table.
    #[must_use]
    pub fn bye(code: Code, retry_after: Option<Duration>) -> Self {
        Self::Bye {
            code: code.as_str(),
            reconnect: code.row().advice == Advice::ComeBack,
            retry_after_ms: retry_after.map(millis),
        }
    }

    /// A refusal, in answer to `reference` if there is one.
    #[must_use]
    pub fn error(reference: Option<Ref>, refusal: Refusal) -> Self {
        Self::Error(Error::new(reference, refusal))
    }

    /// Its name as an SSE event. `error` would fire `onerror`, as if the connection had broken.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Gap(_) => "gap",
            Self::Backfill { .. } => "backfill",
            Self::StateBegin { .. } => "state_begin",
            Self::State(_) => "state",
            Self::StateEnd { .. } => "state_end",
            Self::TokenExpiring { .. } => "token_expiring",
            Self::SessionExpired {} => "session_expired",
            Self::Bye { .. } => "bye",
            Self::Error(_) => "problem",
            Self::Ack(_) => "ack",
        }
    }

    /// The position up to which the stream is complete, for those messages that say so.
    #[must_use]
    pub const fn cursor(&self) -> Option<Position> {
        match self {
            Self::Welcome(Welcome { cursor, .. }) => *cursor,
            Self::Heartbeat { cursor, .. } => Some(*cursor),
            Self::Gap(_)
            | Self::Backfill { .. }
            | Self::StateBegin { .. }
            | Self::State(_)
            | Self::StateEnd { .. }
            | Self::TokenExpiring { .. }
            | Self::SessionExpired {}
            | Self::Bye { .. }
            | Self::Error(_)
            | Self::Ack(_) => None,
        }
    }

    /// Its JSON, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and checked JSON: there is nothing in it that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A span as the wire counts it: whole milliseconds, rounded up so that nobody comes back too early.
#[must_use]
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_state_says_of_which_key_it_is() {
        let room = Room::parse("a").unwrap();
        let state = Control::State(StateOf {
            room: room.clone(),
            key: Key::parse("7").unwrap(),
            event: EventName::parse("e").unwrap(),
            data: Envelope(Bytes::from_static(b"1.0")),
            ts: UnixMillis(5),
        });
        let begin = Control::StateBegin { room };
        assert_eq!(
            (state.to_json().as_str(), begin.to_json().as_str()),
            (
                r#"{"type":"state","room":"a","key":"7","event":"e","data":1.0,"ts":5}"#,
                r#"{"type":"state_begin","room":"a"}"#,
            )
        );
    }

    #[test]
    fn the_type_comes_first_and_absent_fields_are_left_out() {
        let refusal = Refusal::new(Code::RateLimited, "slow down")
            .limit("messages")
            .retry_after(Duration::from_micros(1500));
        for (message, json) in [
            (
                Control::error(Some(Ref::Number(7)), refusal),
                r#"{"type":"error","ref":7,"code":"rate_limited","message":"slow down","limit":"messages","retry_after_ms":2}"#,
            ),
            (
                Control::bye(Code::Draining, None),
                r#"{"type":"bye","code":"draining","reconnect":true}"#,
            ),
            (
                Control::TokenExpiring {
                    expires_in_ms: 30_000,
                    url: None,
                },
                r#"{"type":"token_expiring","expires_in_ms":30000}"#,
            ),
            (
                Control::TokenExpiring {
                    expires_in_ms: 1,
                    url: Some(SignedUrl::new(
                        &BaseUrl::parse("https://a.example").unwrap(),
                        Transport::Sse,
                        &[Room::parse("a:b").unwrap()],
                        &Secret::new("x.y"),
                    )),
                },
                r#"{"type":"token_expiring","expires_in_ms":1,"url":"https://a.example/v1/stream?transport=sse&room=a:b&ticket=x.y"}"#,
            ),
            (Control::SessionExpired {}, r#"{"type":"session_expired"}"#),
            (
                Control::Gap(Gap::unauthorized(Room::parse("a").unwrap())),
                r#"{"type":"gap","room":"a","reason":"unauthorized"}"#,
            ),
            (
                Control::Backfill {
                    room: Room::parse("a").unwrap(),
                    events: vec![Envelope(Bytes::from_static(b"{\"id\":\"1\",\"data\":1.0}"))],
                },
                r#"{"type":"backfill","room":"a","events":[{"id":"1","data":1.0}]}"#,
            ),
            (
                Control::Ack(Box::new(Ack {
                    reference: Some(Ref::Text("x".into())),
                    ..Ack::default()
                })),
                r#"{"type":"ack","ref":"x"}"#,
            ),
        ] {
            assert_eq!(message.to_json(), json);
        }
    }
}
