//! What a client's event means: something that the configuration names, a message of the gateway's own, or an `emit`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::auth::{Access, SpokenRoom};
use crate::model::code::{Code, Refusal};
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::wire::client::{ClientMessage, Emit, TYPES, Want};
use crate::wire::socketio::{Event, arguments};

use super::settings::{Meaning, Space};

/// What the backend of another server is told to send, as those who come from there say it.
const BROADCAST: &str = "broadcast";

/// What an event means.
#[derive(Debug)]
pub(super) struct Meant {
    /// What is wanted.
    pub want: Result<Want, Refusal>,
    /// What else, behind it, as parts of the same.
    pub rest: Vec<Want>,
    /// What its client is told once that is done, and with what.
    pub answer: Option<(EventName, Json)>,
    /// What of a room's past comes as one event, and its name.
    pub backfill: Option<EventName>,
    /// Whether its acknowledgement is what the backend says.
    pub is_emit: bool,
}

impl From<Result<Want, Refusal>> for Meant {
    fn from(want: Result<Want, Refusal>) -> Self {
        Self {
            want,
            rest: Vec::new(),
            answer: None,
            backfill: None,
            is_emit: false,
        }
    }
}

/// What `event` means in `space` for who has `access` and is in `rooms`.
pub(super) fn meant(space: &Space, access: &Access, rooms: &[Room], event: &Event) -> Meant {
    let name = event.name.as_str();
    if let Some(meaning) = space.terms.events.get(name) {
        return configured(meaning, access, rooms, &event.arguments);
    }
    if name == BROADCAST {
        return broadcast(&event.arguments).into();
    }
    if TYPES.contains(&name) {
        return own(name, &event.arguments).into();
    }
    let want = EventName::parse(name)
        .map_err(Refusal::from)
        .map(|event_name| {
            Want::Emit(Emit {
                event: event_name,
                room: None,
                data: arguments::joined(&event.arguments),
            })
        });
    Meant {
        is_emit: true,
        ..want.into()
    }
}

fn configured(meaning: &Meaning, access: &Access, rooms: &[Room], said: &[Json]) -> Meant {
    let first = said.first().cloned().unwrap_or_else(Json::null);
    let answered = |answer: &Option<EventName>| answer.clone().map(|name| (name, first.clone()));
    match meaning {
        Meaning::Subscribe {
            room,
            answer,
            rewind,
            backfill,
        } => Meant {
            answer: answered(answer),
            backfill: backfill.clone(),
            ..filled(room, access, said)
                .map(|room| Want::Subscribe {
                    room,
                    since: None,
                    rewind: *rewind,
                    snapshot: false,
                })
                .into()
        },
        Meaning::Unsubscribe { room, answer } => Meant {
            answer: answered(answer),
            ..filled(room, access, said)
                .map(|room| Want::Unsubscribe { room })
                .into()
        },
        Meaning::Recover { answer } => recover(answer.clone(), rooms, &first),
    }
}

/// What was missed in each of `rooms`, one after another.
fn recover(backfill: Option<EventName>, rooms: &[Room], said: &Json) -> Meant {
    let since = match serde_json::from_str::<Value>(said.as_str()) {
        Ok(Value::String(since)) => Some(since),
        Ok(Value::Object(mut members)) => match members.remove("lastEventId") {
            Some(Value::String(since)) => Some(since),
            Some(_) | None => None,
        },
        Ok(_) | Err(_) => None,
    };
    let Some(since) = since else {
        return Err(bad(
            "say `lastEventId`: the id of the last event that arrived",
        ))
        .into();
    };
    let mut wants = rooms.iter().map(|room| Want::Subscribe {
        room: room.clone(),
        since: Some(since.clone()),
        rewind: 0,
        snapshot: false,
    });
    let first = wants.next().unwrap_or(Want::Ping);
    Meant {
        rest: wants.collect(),
        backfill,
        ..Ok(first).into()
    }
}

/// The room that the arguments make of its template.
fn filled(room: &SpokenRoom, access: &Access, said: &[Json]) -> Result<Room, Refusal> {
    let mut known = Map::new();
    for (place, argument) in said.iter().enumerate() {
        match serde_json::from_str(argument.as_str()) {
            Ok(Value::Object(members)) if place == 0 => known.extend(members),
            Ok(value) => _ = known.insert(place.to_string(), value),
            Err(_) => {}
        }
    }
    let room = room.fill(&known, access);
    room.ok_or_else(|| bad("what was said names no room"))
}

/// A message of the gateway's own, whose fields are the argument's.
fn own(name: &str, said: &[Json]) -> Result<Want, Refusal> {
    let fields = match said.first().map(Json::as_str) {
        None | Some("null" | "{}") => String::new(),
        Some(object) if object.starts_with('{') => format!(",{}", &object[1..object.len() - 1]),
        Some(_) => return Err(bad(&format!("`{name}` is said with an object"))),
    };
    let message = ClientMessage::parse(&format!(r#"{{"type":"{name}"{fields}}}"#));
    match message {
        Ok(message) => Ok(message.want),
        Err(malformed) => Err(*malformed.refusal),
    }
}

fn broadcast(said: &[Json]) -> Result<Want, Refusal> {
    type Members<'a> = BTreeMap<std::borrow::Cow<'a, str>, &'a serde_json::value::RawValue>;
    let first = said.first().map_or("null", Json::as_str);
    let mut members: Members<'_> = serde_json::from_str(first)
        .map_err(|_| bad("`broadcast` is said with {room, event, payload}"))?;
    if let Some(payload) = members.remove("payload") {
        members.insert("data".into(), payload);
    }
    own("publish", &[Json::around(&members)])
}

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadRequest, message.to_owned())
}
