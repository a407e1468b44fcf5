//! Client messages, over WebSocket or by request.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::assert_tells_why;
use super::publish_body::{Fields, assert_is_well_formed, fields};
use crate::model::code::{Code, Refusal};
use crate::model::decree::Whom;
use crate::wire::client::{ClientMessage, Emit, Malformed, Ref, Want, Which};
use crate::wire::control::Control;

/// Text that may be a client message.
pub fn client_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let general = serde_json::from_str::<Value>(text).ok();
    let named = general.as_ref().and_then(named);
    match ClientMessage::parse(text) {
        Ok(message) => {
            assert!(named.is_none() || named == message.reference);
            if let Want::Publish(offer) = &message.want {
                assert_is_well_formed(offer);
            }
            let printed = printed(&message);
            let again = ClientMessage::parse(&printed).unwrap();
            assert_eq!(shown(&again), shown(&message), "{printed}");
        }
        Err(Malformed { reference, refusal }) => {
            assert!(general.is_none() || refusal.code != Code::InvalidJson);
            assert!(named.is_none() || named == reference);
            assert_answers(reference, *refusal);
        }
    }
}

/// What a general parser takes for the message's name.
fn named(message: &Value) -> Option<Ref> {
    match message.get("ref")? {
        Value::String(text) if text.len() <= 64 => Some(Ref::Text(text.clone())),
        Value::Number(number) => number.as_i64().map(Ref::Number),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn assert_answers(reference: Option<Ref>, refusal: Refusal) {
    assert_tells_why(&refusal);
    let (code, reference) = (refusal.code, reference.as_ref());
    let answer = Control::error(reference.cloned(), refusal).to_json();
    assert!(answer.len() < 1024, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["code"], code.as_str());
    assert_eq!(named(&answer).as_ref(), reference);
}

fn printed(message: &ClientMessage) -> String {
    let text = |text: &str| to_raw_value(text).unwrap();
    let (kind, mut all) = match &message.want {
        Want::Subscribe {
            room,
            since,
            rewind: _,
            snapshot,
        } => {
            let since = since.iter().map(|since| ("since", text(since)));
            let snapshot = ("snapshot", to_raw_value(snapshot).unwrap());
            let room = ("room", text(room.as_str()));
            ("subscribe", since.chain([room, snapshot]).collect())
        }
        Want::Unsubscribe { room } => {
            ("unsubscribe", Fields::from([("room", text(room.as_str()))]))
        }
        Want::Emit(Emit { event, room, data }) => {
            let room = room.iter().map(|room| ("room", text(room.as_str())));
            let data = RawValue::from_string(data.as_str().to_owned()).unwrap();
            let rest = [("event", text(event.as_str())), ("data", data)];
            ("emit", room.chain(rest).collect())
        }
        Want::Presence { room } => ("presence", Fields::from([("room", text(room.as_str()))])),
        Want::Confirm { id } => ("confirm", Fields::from([("id", text(&id.to_cursor()))])),
        Want::Join { whom, room } => {
            let room = ("room", text(room.as_str()));
            ("join", Fields::from([named_by(whom), room]))
        }
        Want::Leave { whom, room } => {
            let room = ("room", text(room.as_str()));
            ("leave", Fields::from([named_by(whom), room]))
        }
        Want::Disconnect { whom } => ("disconnect", Fields::from([named_by(whom)])),
        Want::List(Which {
            room,
            principal,
            after,
        }) => {
            let room = room.iter().map(|room| ("room", text(room.as_str())));
            let principal = principal.iter().map(|name| ("principal", text(name)));
            let after = after
                .iter()
                .map(|after| ("after", text(&after.to_string())));
            ("list", room.chain(principal).chain(after).collect())
        }
        Want::Publish(offer) => ("publish", fields(offer)),
        Want::Auth { token } => ("auth", Fields::from([("token", text(token.expose()))])),
        Want::Ping => ("ping", Fields::new()),
    };
    all.insert("type", text(kind));
    if let Some(reference) = &message.reference {
        all.insert("ref", to_raw_value(reference).unwrap());
    }
    serde_json::to_string(&all).unwrap()
}

pub(super) fn named_by(whom: &Whom) -> (&'static str, Box<RawValue>) {
    match whom {
        Whom::Stream(stream) => ("stream", to_raw_value(&stream.to_string()).unwrap()),
        Whom::Principal(name) => ("principal", to_raw_value(name).unwrap()),
    }
}

/// All of a message, the credential too.
fn shown(message: &ClientMessage) -> String {
    let mut shown = format!("{message:?}");
    if let Want::Auth { token } = &message.want {
        shown.push_str(token.expose());
    }
    shown
}
