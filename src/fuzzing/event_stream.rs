//! Server-Sent Events: what we encode is what a client of the standard decodes.

pub(super) mod decoder;

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::code::{Code, Refusal};
use crate::model::event::{Event, EventName};
use crate::model::gap::Gap;
use crate::model::json::Json;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::wire::control::{Control, Welcome};
use crate::wire::encoded::{Encoded, raw_block};
use crate::wire::sse;
use decoder::{Decoder, Message};

/// Choices that make a stream: events, payloads alone, control messages, comments; and where it is cut into pieces.
pub fn event_stream(data: &[u8]) {
    // Choices that run out end the stream early, which is a stream too.
    let _ = round_trip(&mut Unstructured::new(data));
}

fn round_trip(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut stream = Stream::default();
    while !choices.is_empty() && stream.bytes.len() < 1 << 16 {
        stream.add(choices)?;
    }
    let mut decoder = Decoder::default();
    assert_eq!(decoder.feed(&stream.bytes), stream.expected);
    assert_eq!(decoder.retry, stream.retry);

    let mut singly = Decoder::default();
    let pieces = stream.bytes.chunks(1 + stream.expected.len() % 7);
    let messages: Vec<_> = pieces.flat_map(|piece| singly.feed(piece)).collect();
    assert_eq!(messages, stream.expected);
    Ok(())
}

/// What was encoded, and what its reader is to be given.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    expected: Vec<Message>,
    retry: Option<u64>,
    id: String,
}

impl Stream {
    fn add(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        match choices.int_in_range(0..=5)? {
            0 => self.bytes.extend(sse::COMMENT.bytes()),
            1 => self.bytes.extend(sse::padding().bytes()),
            2 => self.control(choices)?,
            3 => self.raw(&event(choices)?),
            _ => self.event(&event(choices)?),
        }
        Ok(())
    }

    fn expect(&mut self, event: &str, data: String) {
        self.expected.push(Message {
            event: event.to_owned(),
            data,
            id: self.id.clone(),
        });
    }

    fn event(&mut self, event: &Event) {
        let encoded = Encoded::default();
        let room = &event.rooms[0];
        let envelope = String::from_utf8(encoded.envelope(event, room).to_vec()).unwrap();
        assert_envelope(&envelope, event);
        self.bytes.extend(encoded.sse(event, room));
        self.id = event.position.to_cursor();
        self.expect(event.name.as_str(), envelope);
    }

    fn raw(&mut self, event: &Event) {
        self.bytes.extend(raw_block(event));
        self.id = event.position.to_cursor();
        let data = match event.data.to_text() {
            // Three line ends on the wire are one in a script.
            Some(text) => text.replace("\r\n", "\n").replace('\r', "\n"),
            None => event.data.as_str().to_owned(),
        };
        self.expect(event.name.as_str(), data);
    }

    fn control(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        let control = control(choices)?;
        let retry = choices
            .arbitrary::<Option<u16>>()?
            .map(|millis| Duration::from_millis(millis.into()));
        self.bytes
            .extend(sse::control(&control, retry).into_bytes());
        if let Some(cursor) = control.cursor() {
            self.id = cursor.to_cursor();
        }
        self.retry = retry.map(|retry| retry.as_millis() as u64).or(self.retry);
        let json = control.to_json();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert!(value["type"].is_string() && !json.contains(['\r', '\n']));
        self.expect(control.name(), json);
        Ok(())
    }
}

/// The keys of an envelope in their order, each with what was published.
fn assert_envelope(envelope: &str, event: &Event) {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        id: String,
        room: String,
        event: String,
        #[serde(borrow)]
        data: &'a RawValue,
        ts: u64,
        from: Option<String>,
    }
    let read: Envelope<'_> = serde_json::from_str(envelope).unwrap();
    assert_eq!(Position::parse_cursor(&read.id), Ok(event.position));
    assert_eq!(read.room, event.rooms[0].as_str());
    assert_eq!(read.event, event.name.as_str());
    assert_eq!(read.data.get(), event.data.as_str());
    assert_eq!(read.ts, event.ts.0);
    assert_eq!(read.from.as_deref(), event.from.as_deref());
    assert!(envelope.starts_with(r#"{"id":""#));
}

fn event(choices: &mut Unstructured<'_>) -> Result<Event> {
    let name = EventName::parse(choices.arbitrary()?);
    let payload: &str = choices.arbitrary()?;
    let position = position(choices)?;
    let from: Option<&str> = choices.arbitrary()?;
    Ok(Event {
        position,
        rooms: vec![room(choices)?],
        name: name.unwrap_or(EventName::parse("message").unwrap()),
        data: Json::parse(payload).unwrap_or_else(|_| Json::string(payload)),
        ts: UnixMillis(choices.arbitrary()?),
        from: from.map(Into::into),
        more: None,
    })
}

fn control(choices: &mut Unstructured<'_>) -> Result<Control> {
    Ok(match choices.int_in_range(0..=4)? {
        0 => Control::Welcome(welcome(choices)?),
        1 => Control::Heartbeat {
            cursor: position(choices)?,
            ts: UnixMillis(choices.arbitrary()?),
        },
        2 => Control::Gap(Gap {
            from: Some(position(choices)?),
            to: Some(position(choices)?),
            ..Gap::unauthorized(room(choices)?)
        }),
        3 => Control::error(
            None,
            Refusal::new(code(choices)?, choices.arbitrary::<&str>()?),
        ),
        _ => Control::bye(code(choices)?, None),
    })
}

fn welcome(choices: &mut Unstructured<'_>) -> Result<Welcome> {
    Ok(Welcome {
        stream: choices.arbitrary::<&str>()?.to_owned(),
        cursor: choices
            .arbitrary::<bool>()?
            .then(|| position(choices))
            .transpose()?,
        rooms: vec![room(choices)?],
        principal: choices.arbitrary::<&str>()?.to_owned(),
        role: choices.arbitrary::<&str>()?.to_owned(),
        heartbeat_ms: choices.arbitrary()?,
        expires_in_ms: choices.arbitrary()?,
        recovered: choices.arbitrary()?,
        ts: UnixMillis(choices.arbitrary()?),
    })
}

fn code(choices: &mut Unstructured<'_>) -> Result<Code> {
    choices.choose(Code::ALL).copied()
}

fn room(choices: &mut Unstructured<'_>) -> Result<Room> {
    let room = Room::parse(choices.arbitrary()?);
    Ok(room.unwrap_or(Room::parse("lobby").unwrap()))
}

fn position(choices: &mut Unstructured<'_>) -> Result<Position> {
    Ok(Position {
        epoch: Epoch::from_random(choices.arbitrary()?),
        seq: choices.arbitrary()?,
    })
}
