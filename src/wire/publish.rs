//! What publishers send: one event, one body as the payload, or several events.

mod options;

pub(super) use options::{flag, origin_of};

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::model::code::{Code, Refusal};
use crate::model::event::{EventName, Offer};
use crate::model::json::Json;
use crate::model::room::Room;

use super::client::{Fields, bad, fields, none_left, text};
use super::message;

/// What became of one event, as its publisher reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its id, or why it was refused.
    pub result: Result<String, message::Refusal>,
    /// The outcome as it came.
    pub json: String,
}

/// Reads the answer to a publish of exactly one event in `{events: […]}`.
///
/// # Errors
/// It is no such answer.
pub fn outcome(body: &[u8]) -> Result<Outcome, message::Unknown> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        results: [&'a RawValue; 1],
    }
    #[derive(serde::Deserialize)]
    struct One<'a> {
        id: Option<String>,
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| message::Unknown)?;
    let json = answer.results[0].get();
    let one: One<'_> = serde_json::from_str(json).map_err(|_| message::Unknown)?;
    let result = match (one.id, one.error) {
        (Some(id), _) => Ok(id),
        (None, Some(error)) => Err(message::Refusal::parse(error.get().as_bytes())?),
        (None, None) => return Err(message::Unknown),
    };
    Ok(Outcome {
        result,
        json: json.to_owned(),
    })
}

/// The body that publishes one event to `rooms`, for `POST /v1/publish`.
#[must_use]
pub fn to_json(rooms: &[Room], name: &EventName, data: &Json) -> String {
    // Rooms and names are made of characters that JSON takes as they are.
    let names: Vec<String> = rooms.iter().map(|room| format!("\"{room}\"")).collect();
    let rooms = match &*names {
        [one] => format!("\"room\":{one}"),
        several => format!("\"rooms\":[{}]", several.join(",")),
    };
    let (name, data) = (name.as_str(), data.as_str());
    format!(r#"{{"events":[{{{rooms},"event":"{name}","data":{data}}}]}}"#)
}

/// Events at most in one request.
pub const MAX_EVENTS: usize = 100;

/// Reads the body `{event, data}` for `room`.
///
/// # Errors
/// It is no such object.
pub fn one(room: Room, body: &[u8]) -> Result<Offer, Refusal> {
    let mut fields = fields(utf8(body)?)?;
    let (name, data) = (name_field(&mut fields)?, data_field(&mut fields)?);
    let offer = options::take(&mut fields, Offer::to_room(room, name, data))?;
    none_left(&fields, offer)
}

/// Takes the whole body as the payload of event `name`: JSON as it is, anything else as text.
///
/// # Errors
/// It is no JSON though its type says so, or no UTF-8.
pub fn payload(room: Room, name: &str, is_json: bool, body: &[u8]) -> Result<Offer, Refusal> {
    let body = utf8(body)?;
    let data = if is_json {
        Json::parse(body)?
    } else {
        Json::string(body)
    };
    Ok(Offer::to_room(room, EventName::parse(name)?, data))
}

/// Reads the body `{events: [{room | rooms, event, data}]}`. Each event is judged on its own.
///
/// # Errors
/// It is no such object, or holds more than [`MAX_EVENTS`].
pub fn many(body: &[u8]) -> Result<Vec<Result<Offer, Refusal>>, Refusal> {
    let mut fields = fields(utf8(body)?)?;
    let events = fields
        .remove("events")
        .ok_or_else(|| bad("`events` is missing"))?;
    let events: Vec<&RawValue> =
        serde_json::from_str(events.get()).map_err(|_| bad("`events` is an array"))?;
    if events.len() > MAX_EVENTS {
        let message = format!("at most {MAX_EVENTS} events in one request");
        return Err(Refusal::new(Code::TooLarge, message).limit("events"));
    }
    none_left(&fields, ())?;
    Ok(events.into_iter().map(item).collect())
}

fn item(raw: &RawValue) -> Result<Offer, Refusal> {
    let mut fields = fields(raw.get())?;
    let publish = take(&mut fields)?;
    none_left(&fields, publish)
}

/// Takes `room` or `rooms`, `event`, `data` and what else an event may say out of `fields`.
pub(super) fn take(fields: &mut Fields<'_>) -> Result<Offer, Refusal> {
    let one = text(fields, "room")?;
    let many: Option<Vec<String>> = match fields.remove("rooms") {
        None => None,
        Some(raw) => {
            serde_json::from_str(raw.get()).map_err(|_| bad("`rooms` is an array of strings"))?
        }
    };
    let several = many.is_some();
    let names = match (one, many) {
        (Some(one), None) => vec![one],
        (None, Some(many)) if !many.is_empty() => many,
        (None, Some(_)) => return Err(bad("`rooms` is empty")),
        (None, None) => return Err(bad("`room` is missing")),
        (Some(_), Some(_)) => return Err(bad("either `room` or `rooms`, not both")),
    };
    let mut seen = HashSet::new();
    let mut rooms = names
        .iter()
        .map(|name| room(name))
        .collect::<Result<Vec<_>, _>>()?;
    rooms.retain(|room| seen.insert(room.clone()));
    let (name, data) = (name_field(fields)?, data_field(fields)?);
    let offer = Offer {
        several,
        ..Offer::to_rooms(rooms, name, data)
    };
    options::take(fields, offer)
}

/// Reads a room name.
///
/// # Errors
/// `invalid_room`.
pub fn room(name: &str) -> Result<Room, Refusal> {
    Ok(Room::parse(name)?)
}

pub(super) fn name_field(fields: &mut Fields<'_>) -> Result<EventName, Refusal> {
    let name = text(fields, "event")?.ok_or_else(|| bad("`event` is missing"))?;
    Ok(EventName::parse(&name)?)
}

/// The payload; an event without one has `null`.
pub(super) fn data_field(fields: &mut Fields<'_>) -> Result<Json, Refusal> {
    fields
        .remove("data")
        .map_or_else(|| Ok(Json::null()), |raw| Ok(Json::from_raw(raw)?))
}

fn utf8(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|error| {
        let message = format!("not UTF-8 from byte {} on", error.valid_up_to());
        Refusal::new(Code::InvalidUtf8, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a() -> Room {
        Room::parse("a").unwrap()
    }

    #[test]
    fn the_three_forms_give_the_same_event() {
        let object = one(a(), br#"{"event":"e","data":"x"}"#).unwrap();
        let json = payload(a(), "e", true, b" \"x\" ").unwrap();
        let text = payload(a(), "e", false, b"x").unwrap();
        let several = many(br#"{"events":[{"room":"a","event":"e","data":"x"}]}"#).unwrap();
        assert_eq!(object, json);
        assert_eq!(object, text);
        assert_eq!(several, [Ok(object)]);
    }

    #[test]
    fn several_rooms_share_one_event_and_repetitions_go() {
        let body = br#"{"events":[{"rooms":["a","b","a"],"event":"e"}]}"#;
        let publish = many(body).unwrap().remove(0).unwrap();
        assert!(publish.several);
        assert_eq!(
            publish.rooms.iter().map(Room::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(publish.data.as_str(), "null");
    }

    #[test]
    fn a_wrong_event_does_not_spoil_the_others() {
        let body = br#"{"events":[{"room":"a","event":"e"},{"room":"a"},7,{"room":"","event":"e"},
            {"room":"a","rooms":["b"],"event":"e"},{"rooms":[],"event":"e"},{"room":"a","event":"e","tll":1}]}"#;
        let codes: Vec<_> = many(body)
            .unwrap()
            .into_iter()
            .map(|one| one.err().map(|refusal| refusal.code))
            .collect();
        let bad = Some(Code::BadRequest);
        assert_eq!(
            codes,
            [None, bad, bad, Some(Code::InvalidRoom), bad, bad, bad]
        );
    }

    #[test]
    fn wrong_bodies_are_refused_with_their_own_code() {
        for (body, code) in [
            (&b"{}"[..], Code::BadRequest),
            (b"", Code::InvalidJson),
            (b"{\"event\":\"e\"", Code::InvalidJson),
            (b"\xff", Code::InvalidUtf8),
            (b"[]", Code::BadRequest),
            (br#"{"event":"gap"}"#, Code::ReservedEvent),
            (br#"{"event":7}"#, Code::BadRequest),
            (br#"{"event":"e","room":"b"}"#, Code::BadRequest),
        ] {
            assert_eq!(one(a(), body).unwrap_err().code, code, "{body:?}");
        }
        assert_eq!(
            payload(a(), "e", true, b"{").unwrap_err().code,
            Code::InvalidJson
        );
        assert_eq!(
            payload(a(), "e", false, b"\xc3").unwrap_err().code,
            Code::InvalidUtf8
        );
        let events = vec![r#"{"room":"a","event":"e"}"#; 101].join(",");
        let refusal = many(format!(r#"{{"events":[{events}]}}"#).as_bytes()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.limit),
            (Code::TooLarge, Some("events"))
        );
    }

    #[test]
    fn what_a_publisher_writes_is_what_the_gateway_reads() {
        let room = |name: &str| Room::parse(name).unwrap();
        let name = EventName::parse("check/in").unwrap();
        for rooms in [vec![room("a:b")], vec![room("a"), room("b")]] {
            let data = Json::parse("{\"n\": 1.50}").unwrap();
            let body = to_json(&rooms, &name, &data);
            let mut events = many(body.as_bytes()).unwrap();
            let offer = events.pop().unwrap().unwrap();
            assert_eq!(offer.several, rooms.len() > 1);
            assert_eq!(
                (offer.rooms, offer.name, offer.data),
                (rooms, name.clone(), data)
            );
        }
    }

    #[test]
    fn a_publisher_reads_what_became_of_its_event() {
        let done = outcome(br#"{"results":[{"id":"7","room":"a"}]}"#).unwrap();
        assert_eq!(done.result.unwrap(), "7");
        assert_eq!(done.json, r#"{"id":"7","room":"a"}"#);
        let refused = outcome(br#"{"results":[{"error":{"code":"forbidden","message":"no"}}]}"#);
        assert_eq!(refused.unwrap().result.unwrap_err().code, "forbidden");
        for body in [
            "",
            "{}",
            r#"{"results":[]}"#,
            r#"{"results":[{}]}"#,
            r#"{"results":[{"id":"1"},{"id":"2"}]}"#,
        ] {
            assert!(outcome(body.as_bytes()).is_err(), "{body}");
        }
    }
}
