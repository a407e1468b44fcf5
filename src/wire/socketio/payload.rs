//! The payload of a packet, by its type.

use serde_json::value::RawValue;

use super::fault::Fault;
use super::head::{Head, Type};
use super::packet::{Auth, Body, Event, MAX_ARGUMENTS, RESERVED};
use crate::model::json::Json;

/// Reads the payload behind `head`.
pub(super) fn read(head: &Head<'_>) -> Result<Body, Fault> {
    let payload = head.payload;
    match head.kind {
        Type::Connect => auth(payload).map(Body::Connect),
        Type::Disconnect if payload.is_empty() => Ok(Body::Disconnect),
        Type::Disconnect => Err(Fault::Disconnect),
        Type::Event => event(payload, head.id).map(Body::Event),
        Type::Ack => Ok(Body::Ack {
            id: head.id.ok_or(Fault::Id)?,
            arguments: arguments(&array(payload, Fault::NoAck)?)?,
        }),
        Type::ConnectError => {
            let error = Json::parse(payload)?;
            let fits = error.as_str().starts_with(['{', '"']);
            fits.then_some(Body::ConnectError(error))
                .ok_or(Fault::NoError)
        }
    }
}

fn auth(payload: &str) -> Result<Option<Auth>, Fault> {
    if payload.is_empty() {
        return Ok(None);
    }
    let json = Json::parse(payload)?;
    if !json.as_str().starts_with('{') {
        return Err(Fault::NoObject);
    }
    Ok(Some(Auth(json)))
}

fn event(payload: &str, id: Option<u64>) -> Result<Event, Fault> {
    let items = array(payload, Fault::NoEvent)?;
    let (name, rest) = items.split_first().ok_or(Fault::NoEvent)?;
    let name = name_of(&Json::from_raw(name)?).ok_or(Fault::NoEvent)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(Fault::Reserved);
    }
    Ok(Event {
        name,
        arguments: arguments(rest)?,
        id,
    })
}

/// The name of an event: a text, or a whole number that JavaScript can tell from its neighbours. To the original's
/// listeners 7 and "7" are one name; its parser takes every other number too, and nobody listens to 1.5.
fn name_of(json: &Json) -> Option<String> {
    const SAFE: std::ops::RangeInclusive<i64> = -(1 << 53) + 1..=(1 << 53) - 1;
    let number = || {
        let number: i64 = json.as_str().parse().ok()?;
        let is_written_so = number.to_string() == json.as_str();
        (is_written_so && SAFE.contains(&number)).then(|| number.to_string())
    };
    json.to_text().or_else(number)
}

fn array(payload: &str, or: Fault) -> Result<Vec<&RawValue>, Fault> {
    if payload.is_empty() {
        return Err(or);
    }
    serde_json::from_str(payload).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => or,
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => Fault::Syntax,
    })
}

fn arguments(items: &[&RawValue]) -> Result<Vec<Json>, Fault> {
    if items.len() > MAX_ARGUMENTS {
        return Err(Fault::TooManyArguments);
    }
    let argument = |item: &&RawValue| Ok(Json::from_raw(item)?);
    items.iter().map(argument).collect()
}
