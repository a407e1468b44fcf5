//! Messages from clients: `{"type": …, "ref": …, …}`, over WebSocket or `POST /v1/messages`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::model::code::{Code, Refusal};
use crate::model::event::Offer;
use crate::model::room::Room;
use crate::model::secret::Secret;

use super::publish;

/// What a client calls its message, so that it knows the answer: a string of at most 64 bytes, or an integer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Ref {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}

/// A message that says what the client wants.
#[derive(Debug)]
pub struct ClientMessage {
    /// Its name; without one, only a refusal is answered.
    pub reference: Option<Ref>,
    /// What it wants.
    pub want: Want,
}

/// What a client can want.
#[derive(Debug)]
pub enum Want {
    /// Join a room, from now or after a cursor.
    Subscribe {
        /// The room.
        room: Room,
        /// The cursor as it was sent, or `earliest`.
        since: Option<String>,
    },
    /// Leave a room.
    Unsubscribe {
        /// The room.
        room: Room,
    },
    /// Publish an event.
    Publish(Offer),
    /// Be someone.
    Auth {
        /// The credential.
        token: Secret,
    },
    /// Be answered.
    Ping,
}

/// The types of client messages.
pub const TYPES: [&str; 5] = ["subscribe", "unsubscribe", "publish", "auth", "ping"];

/// A message that is refused for its form, and its name if that much could be read.
#[derive(Debug)]
pub struct Malformed {
    /// Which message is answered.
    pub reference: Option<Ref>,
    /// Why.
    pub refusal: Refusal,
}

/// The fields of a JSON object, values untouched.
pub(super) type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl ClientMessage {
    /// Whether it is a publish.
    #[must_use]
    pub const fn is_publish(&self) -> bool {
        matches!(self.want, Want::Publish(_))
    }

    /// Reads one message.
    ///
    /// # Errors
    /// It is no JSON object, of no known type, or one of its fields is wrong; the refusal says which.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let refuse = |reference, refusal| Malformed { reference, refusal };
        let mut fields = fields(text).map_err(|refusal| refuse(None, refusal))?;
        let reference = match fields.remove("ref") {
            None => None,
            Some(raw) => Some(reference(raw).map_err(|refusal| refuse(None, refusal))?),
        };
        match Want::from_fields(&mut fields).and_then(|want| none_left(&fields, want)) {
            Ok(want) => Ok(Self { reference, want }),
            Err(refusal) => Err(refuse(reference, refusal)),
        }
    }
}

impl Want {
    /// The `type` of the message that says so, one of [`TYPES`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Publish(_) => "publish",
            Self::Auth { .. } => "auth",
            Self::Ping => "ping",
        }
    }

    /// The name of the event that it would publish.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        match self {
            Self::Publish(offer) => Some(offer.name.as_str()),
            Self::Subscribe { .. } | Self::Unsubscribe { .. } | Self::Auth { .. } | Self::Ping => {
                None
            }
        }
    }

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        let kind = text(fields, "type")?.ok_or_else(|| bad("`type` is missing"))?;
        match kind.as_str() {
            "subscribe" => Ok(Self::Subscribe {
                room: room(fields)?,
                since: text(fields, "since")?,
            }),
            "unsubscribe" => Ok(Self::Unsubscribe {
                room: room(fields)?,
            }),
            "publish" => publish::take(fields).map(Self::Publish),
            "auth" => {
                let token = text(fields, "token")?.ok_or_else(|| bad("`token` is missing"))?;
                Ok(Self::Auth {
                    token: Secret::new(token),
                })
            }
            "ping" => Ok(Self::Ping),
            _ => Err(Refusal::new(
                Code::UnknownType,
                format!("`type` is one of {}", TYPES.join(", ")),
            )),
        }
    }
}

/// The fields of the object that `text` is.
///
/// # Errors
/// It is no JSON, or no object.
pub(super) fn fields(text: &str) -> Result<Fields<'_>, Refusal> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => bad("a JSON object is expected here"),
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => {
            Refusal::new(Code::InvalidJson, format!("not JSON: {error}"))
        }
    })
}

/// Takes the text field `name`; `null` is absent.
pub(super) fn text(fields: &mut Fields<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let Some(raw) = fields.remove(name) else {
        return Ok(None);
    };
    serde_json::from_str(raw.get()).map_err(|_| bad(format!("`{name}` is a string")))
}

/// `value`, unless a field remains that nothing has asked for: a misspelt option must not pass in silence.
pub(super) fn none_left<T>(fields: &Fields<'_>, value: T) -> Result<T, Refusal> {
    match fields.keys().next() {
        None => Ok(value),
        Some(name) => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            Err(bad(format!("unknown field `{name}`")))
        }
    }
}

pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, message)
}

fn room(fields: &mut Fields<'_>) -> Result<Room, Refusal> {
    let name = text(fields, "room")?.ok_or_else(|| bad("`room` is missing"))?;
    publish::room(&name)
}

fn reference(raw: &RawValue) -> Result<Ref, Refusal> {
    match serde_json::from_str(raw.get()) {
        Ok(Ref::Text(text)) if text.len() > 64 => {
            Err(bad("`ref` is a string of at most 64 bytes, or an integer"))
        }
        Ok(reference) => Ok(reference),
        Err(_) => Err(bad("`ref` is a string of at most 64 bytes, or an integer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<Ref>, Code) {
        let malformed = ClientMessage::parse(text).unwrap_err();
        (malformed.reference, malformed.refusal.code)
    }

    #[test]
    fn each_type_is_read_with_its_fields() {
        let read = |text: &str| ClientMessage::parse(text).unwrap();
        assert!(matches!(read(r#"{"type":"ping"}"#).want, Want::Ping));
        let subscribe = read(r#"{"type":"subscribe","ref":7,"room":"a:b","since":"earliest"}"#);
        assert_eq!(subscribe.reference, Some(Ref::Number(7)));
        assert!(
            matches!(subscribe.want, Want::Subscribe { room, since: Some(since) }
            if room.as_str() == "a:b" && since == "earliest")
        );
        let publish =
            read(r#"{"type":"publish","ref":"x","room":"a","event":"e","data":{"n": 1.0}}"#);
        assert!(
            matches!(publish.want, Want::Publish(Offer { data, .. }) if data.as_str() == r#"{"n":1.0}"#)
        );
        assert!(
            matches!(read(r#"{"type":"auth","token":"t"}"#).want, Want::Auth { token } if token.expose() == "t")
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_answered_under_its_ref() {
        let seven = Some(Ref::Number(7));
        for (text, reference, code) in [
            ("", None, Code::InvalidJson),
            ("{", None, Code::InvalidJson),
            ("[]", None, Code::BadRequest),
            ("7", None, Code::BadRequest),
            (r#"{"ref":7}"#, seven.clone(), Code::BadRequest),
            (r#"{"ref":7,"type":3}"#, seven.clone(), Code::BadRequest),
            (
                r#"{"ref":7,"type":"fly"}"#,
                seven.clone(),
                Code::UnknownType,
            ),
            (r#"{"ref":{},"type":"ping"}"#, None, Code::BadRequest),
            (r#"{"ref":1.5,"type":"ping"}"#, None, Code::BadRequest),
            (
                r#"{"ref":7,"type":"subscribe"}"#,
                seven.clone(),
                Code::BadRequest,
            ),
            (
                r#"{"ref":7,"type":"subscribe","room":"a b"}"#,
                seven.clone(),
                Code::InvalidRoom,
            ),
            (
                r#"{"ref":7,"type":"subscribe","room":"a","sinse":"x"}"#,
                seven.clone(),
                Code::BadRequest,
            ),
            (
                r#"{"ref":7,"type":"publish","room":"a","event":"open"}"#,
                seven.clone(),
                Code::ReservedEvent,
            ),
            (
                r#"{"ref":7,"type":"publish","room":"a","event":"a\nb"}"#,
                seven,
                Code::InvalidEvent,
            ),
        ] {
            assert_eq!(refused(text), (reference, code), "{text}");
        }
        let long = format!(r#"{{"type":"ping","ref":"{}"}}"#, "x".repeat(65));
        assert_eq!(refused(&long), (None, Code::BadRequest));
    }
}
