//! What a client reads: a control message, which has a `type`, or an event, which has none; on every transport the same
//! JSON. Cursors stay the text that they are to a client.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An event.
    Event(Event),
    /// The first message: where reading starts, and how.
    Welcome(Welcome),
    /// The stream is complete up to this cursor.
    Heartbeat {
        /// A true position.
        cursor: String,
    },
    /// Events of a room are missing.
    Gap(Gap),
    /// The credential ran out.
    SessionExpired,
    /// The stream ends.
    Bye(Refusal),
    /// Something was refused.
    Error(Refusal),
    /// Of a type that a plain reader has no use for, or does not know.
    Other,
}

/// An event as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, which is a cursor; nothing where it is volatile, and in no log.
    pub id: Option<String>,
    /// The room that it came through.
    pub room: String,
    /// What happened.
    pub name: String,
    /// The payload, as JSON.
    pub data: String,
    /// When it was published: milliseconds since 1970-01-01T00:00:00Z.
    pub ts: u64,
    /// The whole of it, as it came.
    pub envelope: String,
}

/// What the first message says, as far as a reader needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Where reading starts; nothing where the client's own cursor could not be read.
    pub cursor: Option<String>,
    /// The rooms joined.
    pub rooms: Vec<String>,
    /// Who the client is.
    pub principal: String,
    /// Its role.
    pub role: String,
    /// How long the stream is silent at most.
    pub heartbeat: Option<Duration>,
}

/// Events of `room` after `from` and up to `to` are not held any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The room.
    pub room: String,
    /// After which cursor, where that is known.
    pub from: Option<String>,
    /// Up to which cursor, where that is known.
    pub to: Option<String>,
    /// Why, in the protocol's words.
    pub reason: String,
}

/// A refusal, or an end, as the gateway said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The stable text.
    pub code: String,
    /// A sentence for people; empty where there is none.
    pub message: String,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// Whether to come back, where that is said.
    pub reconnect: Option<bool>,
}

/// The answer of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Its gaps, control messages and events, in the order in which they count, and its cursor as the last of them.
    pub messages: Vec<Message>,
    /// Whether the next poll will answer at once.
    pub more: bool,
}

/// A text that is no message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    room: Option<String>,
    event: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    ts: Option<u64>,
    cursor: Option<String>,
    rooms: Option<Vec<String>>,
    principal: Option<String>,
    role: Option<String>,
    heartbeat_ms: Option<u64>,
    from: Option<String>,
    to: Option<String>,
    reason: Option<String>,
    code: Option<String>,
    #[serde(alias = "detail")]
    message: Option<String>,
    retry_after_ms: Option<u64>,
    reconnect: Option<bool>,
}

impl Message {
    /// Reads one message.
    ///
    /// # Errors
    /// It is no JSON object, or lacks what its kind must have.
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let mut fields: Fields<'_> = serde_json::from_str(text).map_err(|_| Unknown)?;
        let message = match fields.r#type.take() {
            Some(kind) => Self::control(&kind, fields),
            None => fields.event(text).map(Self::Event),
        };
        message.ok_or(Unknown)
    }

    fn control(kind: &str, fields: Fields<'_>) -> Option<Self> {
        Some(match kind {
            "welcome" => Self::Welcome(fields.welcome()),
            "heartbeat" => Self::Heartbeat {
                cursor: fields.cursor?,
            },
            "gap" => Self::Gap(fields.gap()?),
            "session_expired" => Self::SessionExpired,
            "bye" => Self::Bye(fields.refusal()?),
            "error" => Self::Error(fields.refusal()?),
            _ => Self::Other,
        })
    }
}

impl Fields<'_> {
    fn event(self, text: &str) -> Option<Event> {
        Some(Event {
            id: self.id.map(Cow::into_owned),
            room: self.room?,
            name: self.event?,
            data: self.data.map_or("null", RawValue::get).to_owned(),
            ts: self.ts.unwrap_or_default(),
            envelope: text.to_owned(),
        })
    }

    fn welcome(self) -> Welcome {
        Welcome {
            cursor: self.cursor,
            rooms: self.rooms.unwrap_or_default(),
            principal: self.principal.unwrap_or_default(),
            role: self.role.unwrap_or_default(),
            heartbeat: self.heartbeat_ms.map(Duration::from_millis),
        }
    }

    fn gap(self) -> Option<Gap> {
        Some(Gap {
            room: self.room?,
            from: self.from,
            to: self.to,
            reason: self.reason?,
        })
    }

    fn refusal(self) -> Option<Refusal> {
        Some(Refusal {
            code: self.code?,
            message: self.message.unwrap_or_default(),
            retry_after: self.retry_after_ms.map(Duration::from_millis),
            reconnect: self.reconnect,
        })
    }
}

impl Refusal {
    /// Reads a problem (RFC 9457), or the `error` of one event among several.
    ///
    /// # Errors
    /// It is no JSON object with a `code`: it was not the gateway that answered.
    pub fn parse(body: &[u8]) -> Result<Self, Unknown> {
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| Unknown)?;
        fields.refusal().ok_or(Unknown)
    }
}

impl Gap {
    /// `{type, room, from, to, reason}`, as a stream has it; the positions only where one is known.
    #[must_use]
    pub fn to_json(&self) -> String {
        let known = self.from.is_some() || self.to.is_some();
        let told = ToldGap {
            r#type: "gap",
            room: &self.room,
            positions: known.then_some(Positions {
                from: self.from.as_deref(),
                to: self.to.as_deref(),
            }),
            reason: &self.reason,
        };
        // Nothing but texts: there is nothing in it that could fail.
        serde_json::to_string(&told).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct ToldGap<'a> {
    r#type: &'static str,
    room: &'a str,
    #[serde(flatten)]
    positions: Option<Positions<'a>>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Positions<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    cursor: String,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    #[serde(borrow)]
    gaps: Vec<Fields<'a>>,
    #[serde(borrow)]
    control: Vec<&'a RawValue>,
    more: bool,
}

impl Poll {
    /// Reads the answer of a poll.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(body: &[u8]) -> Result<Self, Unknown> {
        let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| Unknown)?;
        let mut messages = Vec::new();
        for gap in answer.gaps {
            messages.push(Message::Gap(gap.gap().ok_or(Unknown)?));
        }
        for event in answer.events {
            messages.push(Message::parse(event.get())?);
        }
        // The cursor of the answer stands for all of it; a goodbye among the rest ends the reading.
        messages.push(Message::Heartbeat {
            cursor: answer.cursor,
        });
        for control in answer.control {
            messages.push(Message::parse(control.get())?);
        }
        Ok(Self {
            messages,
            more: answer.more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_bytes_and_its_payload_its_tokens() {
        let text =
            r#"{"id":"1a","room":"units","event":"checkin","data":{"n":1.50},"ts":7,"from":"ann"}"#;
        let Ok(Message::Event(event)) = Message::parse(text) else {
            panic!("no event");
        };
        assert_eq!(
            (event.id.as_deref(), &*event.room, &*event.name),
            (Some("1a"), "units", "checkin")
        );
        assert_eq!((&*event.data, event.ts), (r#"{"n":1.50}"#, 7));
        assert_eq!(event.envelope, text);
        let null = Message::parse(r#"{"id":"1a","room":"a","event":"b","data":null,"ts":7}"#);
        assert!(matches!(null, Ok(Message::Event(event)) if event.data == "null"));
    }

    #[test]
    fn an_event_that_is_not_kept_has_no_id() {
        let volatile = Message::parse(r#"{"room":"a","event":"b","data":1,"ts":7}"#);
        assert!(matches!(volatile, Ok(Message::Event(event)) if event.id.is_none()));
    }

    #[test]
    fn each_control_message_is_read() {
        let parse = |text: &str| Message::parse(text).unwrap();
        let welcome = parse(
            r#"{"type":"welcome","stream":"s","cursor":"1","rooms":["a"],"principal":"tv","role":"display","heartbeat_ms":15000,"ts":1}"#,
        );
        let expected = Welcome {
            cursor: Some("1".into()),
            rooms: vec!["a".into()],
            principal: "tv".into(),
            role: "display".into(),
            heartbeat: Some(Duration::from_secs(15)),
        };
        assert_eq!(welcome, Message::Welcome(expected));
        let refusal = |code: &str, message: &str, retry_after, reconnect| Refusal {
            code: code.into(),
            message: message.into(),
            retry_after,
            reconnect,
        };
        let second = Some(Duration::from_secs(1));
        for (text, message) in [
            (
                r#"{"type":"heartbeat","cursor":"2","ts":1}"#,
                Message::Heartbeat { cursor: "2".into() },
            ),
            (
                r#"{"type":"bye","code":"draining","reconnect":true,"retry_after_ms":1000}"#,
                Message::Bye(refusal("draining", "", second, Some(true))),
            ),
            (
                r#"{"type":"error","code":"forbidden","message":"no","room":"a"}"#,
                Message::Error(refusal("forbidden", "no", None, None)),
            ),
            (r#"{"type":"session_expired"}"#, Message::SessionExpired),
            (r#"{"type":"ack","ref":1,"id":"7"}"#, Message::Other),
            (
                r#"{"type":"backfill","room":"a","events":[]}"#,
                Message::Other,
            ),
            (
                r#"{"type":"of-a-later-version","more":[1]}"#,
                Message::Other,
            ),
        ] {
            assert_eq!(parse(text), message, "{text}");
        }
    }

    #[test]
    fn a_gap_is_told_again_as_it_came() {
        for text in [
            r#"{"type":"gap","room":"a","from":null,"to":"2","reason":"epoch"}"#,
            r#"{"type":"gap","room":"a","reason":"unauthorized"}"#,
        ] {
            let Ok(Message::Gap(gap)) = Message::parse(text) else {
                panic!("{text}");
            };
            assert_eq!(gap.to_json(), text);
        }
    }

    #[test]
    fn the_answer_of_a_poll_counts_gaps_first_and_its_cursor_after_its_events() {
        let answer = Poll::parse(
            br#"{"cursor":"3","events":[{"id":"2","room":"a","event":"n","data":1,"ts":1}],
                "gaps":[{"room":"a","from":"0","to":"1","reason":"evicted"}],
                "control":[{"type":"bye","code":"draining","reconnect":true}],"more":true}"#,
        );
        let answer = answer.unwrap();
        assert!(answer.more);
        let [
            Message::Gap(_),
            Message::Event(event),
            Message::Heartbeat { cursor },
            Message::Bye(_),
        ] = &*answer.messages
        else {
            panic!("{answer:?}");
        };
        assert_eq!((event.id.as_deref(), &**cursor), (Some("2"), "3"));
    }

    #[test]
    fn what_is_no_message_is_told_from_one() {
        for text in [
            "",
            "hello",
            "[]",
            "{}",
            "1",
            r#"{"id":"1"}"#,
            r#"{"type":"gap"}"#,
            r#"{"id":1}"#,
        ] {
            assert_eq!(Message::parse(text), Err(Unknown), "{text}");
        }
        assert_eq!(Poll::parse(br#"{"cursor":"1"}"#), Err(Unknown));
        assert_eq!(
            Refusal::parse(b"<html>502 Bad Gateway</html>"),
            Err(Unknown)
        );
        let problem = Refusal::parse(
            br#"{"type":"about:blank","title":"t","status":429,"detail":"d","code":"rate_limited","retry_after_ms":5}"#,
        );
        assert_eq!(problem.unwrap().message, "d");
    }
}
