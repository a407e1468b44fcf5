//! What is answered. Whatever is not understood is no answer: a misspelt word must not pass for a yes.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Deed;
use crate::model::code::Refusal;
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::wire::client::{Fields, bad, fields, none_left, text};
use crate::wire::publish;

/// An answer: yes, with what belongs to it, or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered<T> {
    /// It may be.
    Yes(T),
    /// It may not be.
    No {
        /// What programs of the backend's own call the reason: 1 to 64 of `[A-Za-z0-9_.:-]`.
        code: Option<Box<str>>,
        /// A sentence for people, on one line of at most 400 bytes.
        message: Box<str>,
    },
}

impl<T> Answered<T> {
    /// The same answer, with something else that belongs to a yes.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Answered<U> {
        match self {
            Self::Yes(yes) => Answered::Yes(f(yes)),
            Self::No { code, message } => Answered::No { code, message },
        }
    }
}

/// What comes with a yes to `connect`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Rooms to join besides, without repetition.
    pub rooms: Vec<Room>,
    /// Claims to add; none of those that say who somebody is, and for how long.
    pub claims: Map<String, Value>,
    /// What this stream is to be told first, in this order.
    pub first: Vec<First>,
}

/// A message for one stream, before all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// Its name.
    pub event: EventName,
    /// Its payload.
    pub data: Json,
}

/// What comes with a yes to `message`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What its sender is told, as `data` of the `ack`.
    pub ack: Option<Json>,
    /// What is to be done, in this order.
    pub deeds: Vec<Deed>,
}

/// Why a body is no answer, for the operator: one line of at most 400 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misunderstood(pub Box<str>);

/// Rooms at most in an answer to `connect`.
pub const MAX_ROOMS: usize = 1000;
/// Claims at most in an answer to `connect`, as JSON, in bytes: they are kept as long as the stream.
pub const MAX_CLAIMS: usize = 16 * 1024;
/// First messages, or things to do, at most in an answer.
pub const MAX_LIST: usize = 100;
/// The claims that say who somebody is, in which role, and for how long (RFC 7519 §4.1).
pub const KEPT_CLAIMS: [&str; 8] = ["sub", "role", "exp", "iss", "aud", "iat", "jti", "nbf"];
/// The longest sentence of a refusal, in bytes.
const SENTENCE: usize = 400;
/// The longest code of a refusal, in bytes.
const CODE: usize = 64;

impl Welcome {
    /// Reads the answer to `connect`; an empty body is a yes without anything.
    ///
    /// # Errors
    /// It is no JSON object, or a field of it is not known or wrong.
    pub fn parse(body: &[u8]) -> Result<Answered<Self>, Misunderstood> {
        read(body, |fields| {
            Ok(Self {
                rooms: rooms(fields)?,
                claims: claims(fields)?,
                first: list(fields, "first", First::parse)?,
            })
        })
    }
}

impl Reply {
    /// Reads the answer to `message`; an empty body is a yes without anything.
    ///
    /// # Errors
    /// As [`Welcome::parse`].
    pub fn parse(body: &[u8]) -> Result<Answered<Self>, Misunderstood> {
        read(body, |fields| {
            Ok(Self {
                ack: json(fields, "ack")?,
                deeds: list(fields, "do", Deed::parse)?,
            })
        })
    }
}

impl Answered<()> {
    /// Reads the answer to `subscribe`; an empty body is a yes.
    ///
    /// # Errors
    /// As [`Welcome::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, Misunderstood> {
        read(body, |_| Ok(()))
    }
}

impl First {
    fn parse(raw: &RawValue) -> Result<Self, Refusal> {
        let mut fields = fields(raw.get())?;
        let event = text(&mut fields, "event")?.ok_or_else(|| bad("`event` is missing"))?;
        let event = EventName::parse_told(&event)?;
        let data = json(&mut fields, "data")?.unwrap_or_else(Json::null);
        none_left(&fields, Self { event, data })
    }
}

/// Reads a body whose fields `take` takes, where it is a yes.
fn read<T>(
    body: &[u8],
    take: impl FnOnce(&mut Fields<'_>) -> Result<T, Refusal>,
) -> Result<Answered<T>, Misunderstood> {
    let misunderstood = |refusal: Refusal| Misunderstood(one_line(&refusal.message).into());
    let body = std::str::from_utf8(body).map_err(|_| Misunderstood("it is not UTF-8".into()))?;
    let body = if body.trim_ascii().is_empty() {
        "{}"
    } else {
        body
    };
    let mut fields = fields(body).map_err(misunderstood)?;
    if let Some(no) = fields.remove("refuse") {
        return refused(no).map_err(misunderstood);
    }
    take(&mut fields)
        .and_then(|yes| none_left(&fields, Answered::Yes(yes)))
        .map_err(misunderstood)
}

/// A no. It stands, whatever is wrong with its words or stands beside it: where a hook fails open, a no that is not
/// understood would let in whom the backend has refused.
fn refused<T>(raw: &RawValue) -> Result<Answered<T>, Refusal> {
    if !raw.get().starts_with('{') {
        return Err(bad("`refuse` is an object"));
    }
    let mut fields = fields(raw.get()).unwrap_or_default();
    let mut word = |name| text(&mut fields, name).ok().flatten();
    let code = word("code").filter(|code| is_code(code));
    let message = word("message").map(|message| one_line(&message));
    let message = message.filter(|message| !message.is_empty());
    Ok(Answered::No {
        code: code.map(Into::into),
        message: message
            .unwrap_or_else(|| "the backend says no".to_owned())
            .into(),
    })
}

fn is_code(code: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
    (1..=CODE).contains(&code.len()) && code.bytes().all(fine)
}

/// A text without what would make more lines of it, and no longer than a sentence.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.truncate(line.floor_char_boundary(SENTENCE));
    line.trim().to_owned()
}

fn rooms(fields: &mut Fields<'_>) -> Result<Vec<Room>, Refusal> {
    let room = |raw: &RawValue| {
        let name: String =
            serde_json::from_str(raw.get()).map_err(|_| bad("a room is a string"))?;
        publish::room(&name)
    };
    let mut rooms: Vec<Room> = list_of(fields, "rooms", MAX_ROOMS, room)?;
    let mut seen = std::collections::HashSet::new();
    rooms.retain(|room| seen.insert(room.clone()));
    Ok(rooms)
}

fn claims(fields: &mut Fields<'_>) -> Result<Map<String, Value>, Refusal> {
    let Some(raw) = fields.remove("claims") else {
        return Ok(Map::new());
    };
    if raw.get().len() > MAX_CLAIMS {
        return Err(bad(format!("`claims` has more than {MAX_CLAIMS} bytes")));
    }
    let claims: Map<String, Value> =
        serde_json::from_str(raw.get()).map_err(|_| bad("`claims` is an object"))?;
    match KEPT_CLAIMS.iter().find(|name| claims.contains_key(**name)) {
        None => Ok(claims),
        Some(name) => Err(bad(format!("`claims` may not change `{name}`"))),
    }
}

fn json(fields: &mut Fields<'_>, name: &str) -> Result<Option<Json>, Refusal> {
    let raw = fields.remove(name);
    raw.map(|raw| Ok(Json::from_raw(raw)?)).transpose()
}

fn list<T>(
    fields: &mut Fields<'_>,
    name: &str,
    item: impl Fn(&RawValue) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    list_of(fields, name, MAX_LIST, item)
}

/// The list `name` of at most so many; what is wrong with one of them is told with its place.
fn list_of<T>(
    fields: &mut Fields<'_>,
    name: &str,
    most: usize,
    item: impl Fn(&RawValue) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let Some(raw) = fields.remove(name) else {
        return Ok(Vec::new());
    };
    let items: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| bad(format!("`{name}` is a list")))?;
    if items.len() > most {
        return Err(bad(format!("`{name}` has more than {most} entries")));
    }
    let read = |(place, raw): (usize, &RawValue)| {
        let wrong = |refusal: Refusal| bad(format!("`{name}[{place}]`: {}", refusal.message));
        item(raw).map_err(wrong)
    };
    items.into_iter().enumerate().map(read).collect()
}
