//! Messages from clients: `{"type": …, "ref": …, …}`, over WebSocket or `POST /v1/messages`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::model::code::{Code, Refusal};
use crate::model::decree::Whom;
use crate::model::event::{EventName, Offer};
use crate::model::id::StreamId;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::secret::Secret;

use super::negotiate::invalid_cursor;
use super::{publish, whom};

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
        /// Without a cursor: so many of the newest events of the room first.
        rewind: usize,
        /// Whether its retained state is to come too.
        snapshot: bool,
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
    /// Tell the backend something.
    Emit(Emit),
    /// Learn who is in a room.
    Presence {
        /// The room.
        room: Room,
    },
    /// Confirm an event, whose publisher waits for it.
    Confirm {
        /// Its id.
        id: Position,
    },
    /// Have streams join a room.
    Join {
        /// Whose.
        whom: Whom,
        /// The room.
        room: Room,
    },
    /// Have streams leave a room.
    Leave {
        /// Whose.
        whom: Whom,
        /// The room.
        room: Room,
    },
    /// End streams, for good.
    Disconnect {
        /// Whose.
        whom: Whom,
    },
    /// Learn which streams there are.
    List(Which),
    /// Be answered.
    Ping,
}

/// Which streams are listed: those of which all holds that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Those in this room.
    pub room: Option<Room>,
    /// Those of this principal.
    pub principal: Option<String>,
    /// Those behind this one, in the order of their names.
    pub after: Option<StreamId>,
}

/// What a client tells the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// What happened.
    pub event: EventName,
    /// Where.
    pub room: Option<Room>,
    /// The payload.
    pub data: Json,
}

/// The types of client messages.
pub const TYPES: [&str; 12] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "emit",
    "presence",
    "confirm",
    "join",
    "leave",
    "disconnect",
    "list",
    "auth",
    "ping",
];

/// A message that is refused for its form, and its name if that much could be read.
#[derive(Debug)]
pub struct Malformed {
    /// Which message is answered.
    pub reference: Option<Ref>,
    /// Why.
    pub refusal: Box<Refusal>,
}

/// The fields of a JSON object, values untouched.
pub(super) type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl ClientMessage {
    /// Whether it is a publish.
    #[must_use]
    pub const fn is_publish(&self) -> bool {
        matches!(self.want, Want::Publish(_))
    }

    /// How long its answer may wait for others.
    #[must_use]
    pub fn waits(&self) -> Duration {
        let awaited = self.want.offer().and_then(|offer| offer.awaited.as_ref());
        awaited.map_or(Duration::ZERO, |awaited| awaited.timeout)
    }

    /// Reads one message.
    ///
    /// # Errors
    /// It is no JSON object, of no known type, or one of its fields is wrong; the refusal says which.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let refuse = |reference, refusal| Malformed {
            reference,
            refusal: Box::new(refusal),
        };
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
            Self::Emit(_) => "emit",
            Self::Presence { .. } => "presence",
            Self::Confirm { .. } => "confirm",
            Self::Join { .. } => "join",
            Self::Leave { .. } => "leave",
            Self::Disconnect { .. } => "disconnect",
            Self::List(_) => "list",
            Self::Auth { .. } => "auth",
            Self::Ping => "ping",
        }
    }

    /// What it would publish.
    const fn offer(&self) -> Option<&Offer> {
        if let Self::Publish(offer) = self {
            Some(offer)
        } else {
            None
        }
    }

    /// The name of the event that it would publish or emit.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        match self {
            Self::Publish(offer) => Some(offer.name.as_str()),
            Self::Emit(emit) => Some(emit.event.as_str()),
            Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Presence { .. }
            | Self::Confirm { .. }
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Disconnect { .. }
            | Self::List(_)
            | Self::Auth { .. }
            | Self::Ping => None,
        }
    }

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        let kind = text(fields, "type")?.ok_or_else(|| bad("`type` is missing"))?;
        match kind.as_str() {
            "subscribe" => Ok(Self::Subscribe {
                room: room(fields)?,
                since: text(fields, "since")?,
                rewind: 0,
                snapshot: publish::flag(fields, "snapshot")?,
            }),
            "unsubscribe" => Ok(Self::Unsubscribe {
                room: room(fields)?,
            }),
            "publish" => publish::take(fields).map(Self::Publish),
            "emit" => emit(fields).map(Self::Emit),
            "presence" => Ok(Self::Presence {
                room: room(fields)?,
            }),
            "confirm" => Ok(Self::Confirm { id: id(fields)? }),
            "join" => Ok(Self::Join {
                whom: whose(fields)?,
                room: room(fields)?,
            }),
            "leave" => Ok(Self::Leave {
                whom: whose(fields)?,
                room: room(fields)?,
            }),
            "disconnect" => Ok(Self::Disconnect {
                whom: whose(fields)?,
            }),
            "list" => which(fields).map(Self::List),
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

/// Takes `room`, which must be there.
pub(super) fn room(fields: &mut Fields<'_>) -> Result<Room, Refusal> {
    optional_room(fields)?.ok_or_else(|| bad("`room` is missing"))
}

fn optional_room(fields: &mut Fields<'_>) -> Result<Option<Room>, Refusal> {
    let name = text(fields, "room")?;
    name.map(|name| publish::room(&name)).transpose()
}

fn emit(fields: &mut Fields<'_>) -> Result<Emit, Refusal> {
    Ok(Emit {
        room: optional_room(fields)?,
        event: publish::name_field(fields)?,
        data: publish::data_field(fields)?,
    })
}

fn id(fields: &mut Fields<'_>) -> Result<Position, Refusal> {
    let id = text(fields, "id")?.ok_or_else(|| bad("`id` is missing"))?;
    Position::parse_cursor(&id).map_err(|_| invalid_cursor("id"))
}

fn which(fields: &mut Fields<'_>) -> Result<Which, Refusal> {
    let after = text(fields, "after")?;
    Ok(Which {
        room: optional_room(fields)?,
        principal: text(fields, "principal")?,
        after: after.map(|name| whom::stream("after", &name)).transpose()?,
    })
}

fn whose(fields: &mut Fields<'_>) -> Result<Whom, Refusal> {
    let whom = whom::take(fields)?;
    whom.ok_or_else(|| bad("say whose streams: either `stream` or `principal`"))
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
    use crate::wire::whom::PRINCIPAL;

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
            matches!(subscribe.want, Want::Subscribe { room, since: Some(since), rewind: 0, snapshot: false }
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
    fn what_a_service_wants_names_whose_streams() {
        let read = |text: &str| ClientMessage::parse(text).map(|message| message.want);
        let join = read(r#"{"type":"join","principal":"ann","room":"a"}"#).unwrap();
        assert!(
            matches!(join, Want::Join { whom: Whom::Principal(ann), room } if &*ann == "ann" && room.as_str() == "a")
        );
        let leave = r#"{"type":"leave","stream":"000000000000000000000abc","room":"a"}"#;
        let leave = read(leave).unwrap();
        assert!(
            matches!(leave, Want::Leave { whom: Whom::Stream(stream), .. } if stream == StreamId::from_random(0xabc))
        );
        let list = read(r#"{"type":"list"}"#).unwrap();
        assert!(matches!(list, Want::List(which) if which == Which::default()));
        for wrong in [
            r#"{"type":"disconnect"}"#,
            r#"{"type":"disconnect","stream":"x"}"#,
            r#"{"type":"disconnect","stream":"000000000000000000000abc","principal":"ann"}"#,
            r#"{"type":"disconnect","principal":""}"#,
            r#"{"type":"join","principal":"ann"}"#,
            r#"{"type":"confirm"}"#,
            r#"{"type":"list","after":"x"}"#,
            r#"{"type":"emit","data":1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let named = |length| {
            let name = "a".repeat(length);
            read(&format!(
                r#"{{"type":"join","room":"a","principal":"{name}"}}"#
            ))
        };
        assert!(named(PRINCIPAL).is_ok());
        assert!(named(PRINCIPAL + 1).is_err(), "the log would keep it");
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
