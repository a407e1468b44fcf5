//! What publishers send.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::assert_tells_why;
use super::json::tokens;
use crate::model::code::Code;
use crate::model::event::{Except, Of, Offer};
use crate::model::room::Room;
use crate::wire::control::millis;
use crate::wire::publish::{self, MAX_EVENTS};

/// A body as each of the publishing routes takes it.
pub fn publish_body(data: &[u8]) {
    one(data);
    many(data);
    payload(data);
}

/// The fields of a JSON object, to be printed.
pub(super) type Fields = BTreeMap<&'static str, Box<RawValue>>;

/// An offer as a client says it.
pub(super) fn fields(offer: &Offer) -> Fields {
    let rooms = match &offer.rooms[..] {
        [room] if !offer.several => ("room", to_raw_value(room).unwrap()),
        rooms => ("rooms", to_raw_value(rooms).unwrap()),
    };
    let data = RawValue::from_string(offer.data.as_str().to_owned()).unwrap();
    let mut fields = Fields::from([
        rooms,
        ("event", to_raw_value(offer.name.as_str()).unwrap()),
        ("data", data),
        ("retain", to_raw_value(&offer.options.retain).unwrap()),
        ("volatile", to_raw_value(&offer.volatile).unwrap()),
    ]);
    if let Some(key) = &offer.options.key {
        fields.insert("key", to_raw_value(key.as_str()).unwrap());
    }
    if let Some(ttl) = offer.options.ttl {
        fields.insert("ttl", to_raw_value(&millis(ttl)).unwrap());
    }
    if let Some(except) = &offer.options.except {
        let Except { principals, origin } = &**except;
        let except = json!({"principals": principals, "origin": origin});
        fields.insert("except", to_raw_value(&except).unwrap());
    }
    if let Some(awaited) = &offer.awaited {
        let of = match &awaited.of {
            Of::Count(count) => json!(count),
            Of::Names(names) => json!(names),
        };
        let awaited = json!({"timeout": millis(awaited.timeout), "of": of});
        fields.insert("ack", to_raw_value(&awaited).unwrap());
    }
    fields
}

fn room() -> Room {
    Room::parse("room").unwrap()
}

fn one(body: &[u8]) {
    match publish::one(room(), body) {
        Err(refusal) => assert_tells_why(&refusal),
        Ok(offer) => {
            assert_eq!(offer.rooms, [room()]);
            let mut fields = fields(&offer);
            fields.remove("room");
            let printed = serde_json::to_string(&fields).unwrap();
            assert_eq!(publish::one(room(), printed.as_bytes()), Ok(offer));
        }
    }
}

fn many(body: &[u8]) {
    let results = match publish::many(body) {
        Ok(results) => results,
        Err(refusal) => return assert_tells_why(&refusal),
    };
    assert!(results.len() <= MAX_EVENTS);
    // What a general parser takes for JSON has as many events for it.
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        assert_eq!(
            value["events"].as_array().map(Vec::len),
            Some(results.len())
        );
    }
    for result in &results {
        match result {
            Err(refusal) => assert_tells_why(refusal),
            Ok(offer) => assert_is_well_formed(offer),
        }
    }
    let offers: Vec<&Offer> = results.iter().filter_map(|one| one.as_ref().ok()).collect();
    let all: Vec<Fields> = offers.iter().map(|offer| fields(offer)).collect();
    let printed = serde_json::to_string(&BTreeMap::from([("events", all)])).unwrap();
    let again = publish::many(printed.as_bytes()).unwrap();
    let again: Vec<&Offer> = again.iter().map(|one| one.as_ref().unwrap()).collect();
    assert_eq!(again, offers);
}

pub(super) fn assert_is_well_formed(offer: &Offer) {
    assert!(!offer.rooms.is_empty());
    assert!(offer.several || offer.rooms.len() == 1);
    let distinct: std::collections::HashSet<_> = offer.rooms.iter().collect();
    assert_eq!(distinct.len(), offer.rooms.len());
}

fn payload(body: &[u8]) {
    match publish::payload(room(), "event", false, body) {
        Ok(offer) => assert_eq!(
            offer.data.to_text().as_deref().map(str::as_bytes),
            Some(body)
        ),
        Err(refusal) => assert_eq!(refusal.code, Code::InvalidUtf8),
    }
    match publish::payload(room(), "event", true, body) {
        Ok(offer) => {
            let sent = std::str::from_utf8(body).unwrap();
            assert_eq!(tokens(offer.data.as_str()), tokens(sent));
        }
        Err(refusal) => assert_tells_why(&refusal),
    }
}
