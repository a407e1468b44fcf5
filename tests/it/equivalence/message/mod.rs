//! What frames say, read by a parser of our own: DESIGN §4 and nothing of the gateway's code.

mod shapes;
mod socketio;
#[cfg(test)]
mod tests;

use serde_json::Value as Json;

use super::record::Raw;
pub(super) use shapes::Envelope;
use shapes::{Ack, Answer, Backfill, Value};

/// One statement of the gateway, in the order in which a client takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Welcome {
        stream: String,
        cursor: Option<String>,
        rooms: Vec<String>,
    },
    Heartbeat {
        cursor: String,
    },
    Gap {
        room: String,
        from: Option<String>,
        to: Option<String>,
        reason: String,
    },
    /// The envelope as it stood on the wire.
    Event(String),
    /// A namespace of Socket.IO was joined: the name of the stream, and the secret one.
    Connected {
        stream: String,
        pid: Option<String>,
    },
    /// An event of Socket.IO, as the envelope that its arguments make, and the position that it claims.
    Told {
        text: String,
        offset: String,
    },
    Backfill {
        room: String,
        events: Vec<String>,
    },
    /// The cursor of a whole answer: what it holds stands before it.
    Cursor(String),
    Ack {
        reference: String,
    },
    Error {
        reference: Option<String>,
        code: String,
    },
    StateBegin {
        room: String,
    },
    /// One retained value.
    State(State),
    StateEnd {
        room: String,
        cursor: String,
        /// Whether it is the block's `id` too, which browsers come back with.
        is_position: bool,
    },
    /// Why the gateway is about to end the stream.
    Bye(String),
    Refused {
        status: u16,
        code: String,
    },
    Close(Option<u16>),
    Malformed(String),
}

/// A retained value, as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) room: String,
    pub(super) key: String,
    pub(super) event: String,
    /// Without insignificant white space.
    pub(super) data: String,
    pub(super) ts: u64,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("no envelope ({error}): {text}"))
    }
}

/// What a frame says.
pub(super) fn items(raw: &Raw) -> Vec<Item> {
    let read = match raw {
        Raw::WebSocket(text) => messages(text),
        Raw::SocketIo(packet) => socketio::items(packet),
        Raw::Sse(block) => sse(block),
        Raw::Body(text) => body(text),
        Raw::Refused(status, text) => Ok(vec![refused(*status, text)]),
        Raw::Close(code) => Ok(vec![Item::Close(*code)]),
        Raw::Broken(text) => Err(text.clone()),
    };
    read.unwrap_or_else(|fault| vec![Item::Malformed(fault)])
}

/// The position that a client takes from an item.
pub(super) fn position(item: &Item) -> Option<String> {
    match item {
        Item::Welcome { cursor, .. } => cursor.clone(),
        Item::Heartbeat { cursor } | Item::Cursor(cursor) => Some(cursor.clone()),
        Item::Event(text) => Envelope::parse(text).ok()?.id,
        Item::Told { offset, .. } => Some(offset.clone()),
        Item::StateEnd {
            cursor,
            is_position: true,
            ..
        } => Some(cursor.clone()),
        _ => None,
    }
}

/// What the response to a `POST /v1/messages` says: an answer, or a problem that carries the `ref`.
pub(super) fn response(status: u16, text: &str) -> Vec<Item> {
    if status != 200 {
        let problem: Json = serde_json::from_str(text).unwrap_or_default();
        let reference = problem["ref"].as_str().map(str::to_owned);
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        return vec![match reference {
            Some(_) => Item::Error { reference, code },
            None => refused(status, text),
        }];
    }
    messages(text).unwrap_or_else(|fault| vec![Item::Malformed(fault)])
}

fn refused(status: u16, text: &str) -> Item {
    let code = match serde_json::from_str::<Json>(text) {
        Ok(problem) => problem["code"].as_str().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    };
    Item::Refused { status, code }
}

/// The envelopes that an item holds.
pub(super) fn envelopes(item: &Item) -> &[String] {
    match item {
        Item::Event(text) | Item::Told { text, .. } => std::slice::from_ref(text),
        Item::Backfill { events, .. } => events,
        _ => &[],
    }
}

/// A message, and what it carries to be taken before it.
fn messages(text: &str) -> Result<Vec<Item>, String> {
    let ack = serde_json::from_str::<Json>(text).is_ok_and(|value| value["type"] == "ack");
    if !ack {
        return message(text).map(|item| vec![item]);
    }
    let ack: Ack<'_> =
        serde_json::from_str(text).map_err(|error| format!("no ack ({error}): {text}"))?;
    let mut items = Vec::new();
    for value in &ack.gaps {
        items.push(gap(value).ok_or_else(|| format!("no gap: {value}"))?);
    }
    if !ack.events.is_empty() {
        let events = ack.events.iter().map(|event| event.get().to_owned());
        items.push(Item::Backfill {
            room: ack.room,
            events: events.collect(),
        });
    }
    items.push(Item::Ack {
        reference: ack.reference,
    });
    Ok(items)
}

fn message(text: &str) -> Result<Item, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))?;
    match value["type"].as_str() {
        None => Ok(Item::Event(text.to_owned())),
        Some("backfill") => backfill(text),
        Some("state") => state(text),
        Some(_) => {
            control(&value).ok_or_else(|| format!("a control message of another shape: {text}"))
        }
    }
}

fn backfill(text: &str) -> Result<Item, String> {
    let read: Backfill<'_> =
        serde_json::from_str(text).map_err(|error| format!("no backfill ({error}): {text}"))?;
    let events = read
        .events
        .iter()
        .map(|event| event.get().to_owned())
        .collect();
    Ok(Item::Backfill {
        room: read.room,
        events,
    })
}

fn state(text: &str) -> Result<Item, String> {
    let read: Value<'_> =
        serde_json::from_str(text).map_err(|error| format!("no state ({error}): {text}"))?;
    Ok(Item::State(State {
        room: read.room,
        key: read.key,
        event: read.event,
        data: read.data.get().to_owned(),
        ts: read.ts,
    }))
}

/// A control message, if it has exactly the keys that the contract gives it.
fn control(value: &Json) -> Option<Item> {
    let object = value.as_object()?;
    let text = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
    let shape = |wanted: &[&str], optional: &[&str]| {
        wanted.iter().all(|key| object.contains_key(*key))
            && object
                .keys()
                .all(|key| wanted.contains(&&**key) || optional.contains(&&**key))
    };
    let whole = |key: &str| object.get(key).is_some_and(Json::is_u64);
    match text("type")?.as_str() {
        "welcome" => {
            let keys = [
                "type",
                "stream",
                "cursor",
                "rooms",
                "principal",
                "role",
                "heartbeat_ms",
                "ts",
            ];
            let good = shape(&keys, &["expires_in_ms", "recovered"])
                && whole("ts")
                && whole("heartbeat_ms")
                && object["principal"].is_string()
                && object["role"].is_string();
            let rooms = object.get("rooms")?.as_array()?.iter();
            let rooms = rooms
                .map(|room| room.as_str().map(str::to_owned))
                .collect::<Option<_>>()?;
            let welcome = Item::Welcome {
                stream: text("stream")?,
                cursor: text("cursor"),
                rooms,
            };
            good.then_some(welcome)
        }
        "heartbeat" => {
            (shape(&["type", "cursor", "ts"], &[]) && whole("ts")).then_some(Item::Heartbeat {
                cursor: text("cursor")?,
            })
        }
        "gap" => gap(value),
        "error" => shape(
            &["type", "code", "message"],
            &["ref", "room", "limit", "retry_after_ms"],
        )
        .then_some(Item::Error {
            reference: text("ref"),
            code: text("code")?,
        }),
        "bye" => shape(&["type", "code", "reconnect"], &["retry_after_ms"])
            .then_some(Item::Bye(text("code")?)),
        "state_begin" => shape(&["type", "room"], &[]).then_some(Item::StateBegin {
            room: text("room")?,
        }),
        "state_end" => shape(&["type", "room", "cursor"], &[]).then_some(Item::StateEnd {
            room: text("room")?,
            cursor: text("cursor")?,
            is_position: false,
        }),
        _ => None,
    }
}

fn gap(value: &Json) -> Option<Item> {
    let object = value.as_object()?;
    let text = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
    let reason = text("reason")?;
    let known = ["type", "room", "from", "to", "reason"];
    // A refused room has no positions; a cursor that could not be read has no `from`.
    let good = object.keys().all(|key| known.contains(&&**key))
        && object.get("type").is_none_or(|kind| kind == "gap")
        && text("to").is_some() == (reason != "unauthorized")
        && (text("from").is_some() || reason != "evicted");
    good.then_some(Item::Gap {
        room: text("room")?,
        from: text("from"),
        to: text("to"),
        reason,
    })
}

/// A block of an event stream, by the standard's rules (WHATWG HTML §9.2.6) and by our own stricter ones.
fn sse(block: &str) -> Result<Vec<Item>, String> {
    let (mut event, mut data, mut id, mut retry, mut last) = (None, None, None, None, "");
    for line in block.split('\n') {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        let slot = match name {
            "" => continue,
            "event" => &mut event,
            "data" => &mut data,
            "id" => &mut id,
            "retry" => &mut retry,
            _ => return Err(format!("an unknown field in {block:?}")),
        };
        if slot.replace(value).is_some() {
            return Err(format!("a field twice in {block:?}"));
        }
        last = name;
    }
    let Some(data) = data else {
        return Err(format!("a block without data: {block:?}"));
    };
    let event = event.unwrap_or_default();
    let item = match event.as_str() {
        "problem" => return Ok(vec![problem(&data)]),
        _ => message(&data)?,
    };
    let named = match &item {
        Item::Event(text) => Envelope::parse(text)?.event == event,
        _ => serde_json::from_str::<Json>(&data).is_ok_and(|value| value["type"] == event.as_str()),
    };
    let mut item = item;
    if let Item::StateEnd { is_position, .. } = &mut item {
        *is_position = id.is_some();
    }
    let identified = position(&item) == id && (id.is_none() || last == "id");
    if !named || !identified || (retry.is_some() && event != "welcome") {
        return Err(format!(
            "the fields of a block contradict each other: {block:?}"
        ));
    }
    Ok(vec![item])
}

fn problem(data: &str) -> Item {
    let value: Json = serde_json::from_str(data).unwrap_or_default();
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    match text("code") {
        Some(code) => Item::Error {
            reference: text("ref"),
            code,
        },
        None => Item::Malformed(format!("no problem: {data}")),
    }
}

/// The answer of a long-poll, or a page of history.
fn body(text: &str) -> Result<Vec<Item>, String> {
    let answer: Answer<'_> =
        serde_json::from_str(text).map_err(|error| format!("no answer ({error}): {text}"))?;
    let mut items = Vec::new();
    for value in &answer.gaps {
        items.push(gap(value).ok_or_else(|| format!("no gap: {value}"))?);
    }
    items.extend(
        answer
            .events
            .iter()
            .map(|event| Item::Event(event.get().to_owned())),
    );
    // Values are those of where the answer ends.
    for value in &answer.control {
        match message(value.get())? {
            Item::Event(text) => return Err(format!("no control message: {text}")),
            item => items.push(item),
        }
    }
    items.extend(answer.cursor.map(Item::Cursor));
    Ok(items)
}
