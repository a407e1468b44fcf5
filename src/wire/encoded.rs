//! An event's bytes: built once for each room, by whoever needs them first, and shared by all.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::model::event::{Event, More};
use crate::model::position::Position;
use crate::model::room::Room;

use super::websocket::deflate::deflate;

/// The bytes of one event in one room.
#[derive(Debug, Default)]
pub struct Encoded {
    block: OnceLock<Block>,
    /// The envelope as a compressed WebSocket message, unless that is not worth it.
    compressed: OnceLock<Option<Bytes>>,
}

/// Below this a message gains next to nothing by being compressed alone, in bytes.
const LEAST: usize = 256;
/// Beyond this it takes longer than a stream may have the thread for, in bytes: about a millisecond.
const MOST: usize = 64 * 1024;

/// A WebSocket message compressed (RFC 7692), unless that is not worth it.
#[must_use]
pub fn compressed(message: &[u8]) -> Option<Bytes> {
    let is_worth_it = (LEAST..=MOST).contains(&message.len());
    is_worth_it
        .then(|| deflate(message))
        .flatten()
        .map(Bytes::from)
}

/// An SSE block whose middle is the JSON envelope, so that every native transport shares one buffer.
#[derive(Debug)]
struct Block {
    bytes: Bytes,
    envelope: Range<usize>,
}

impl Encoded {
    /// The envelope `{id, room, event, data, ts}` (and `from`, `key`, `of`, `confirm`), keys in this order: what a
    /// WebSocket message and an item of a poll are. What is not in the log has no `id`.
    pub fn envelope(&self, event: &Event, room: &Room) -> Bytes {
        let block = self.block(event, room);
        block.bytes.slice(block.envelope.clone())
    }

    /// The envelope as a compressed message, unless that is not worth it.
    pub fn compressed(&self, event: &Event, room: &Room) -> Option<Bytes> {
        let compress = || compressed(&self.envelope(event, room));
        self.compressed.get_or_init(compress).clone()
    }

    /// The SSE block: `event:`, `data:` with the envelope, and `id:` as the last line.
    pub fn sse(&self, event: &Event, room: &Room) -> Bytes {
        self.block(event, room).bytes.clone()
    }

    /// The length of the envelope, in bytes.
    pub fn envelope_len(&self, event: &Event, room: &Room) -> usize {
        self.block(event, room).envelope.len()
    }

    /// The length of the SSE block, in bytes.
    pub fn sse_len(&self, event: &Event, room: &Room) -> usize {
        self.block(event, room).bytes.len()
    }

    fn block(&self, event: &Event, room: &Room) -> &Block {
        self.block.get_or_init(|| block(event, room))
    }
}

fn block(event: &Event, room: &Room) -> Block {
    let id = event.id().map(Position::to_cursor);
    let name = event.name.as_str();
    let mut out = Vec::with_capacity(
        164 + room.as_str().len() + 2 * name.len() + event.data.as_bytes().len(),
    );
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let start = out.len();
    push_envelope(&mut out, event, room, id.as_deref());
    let envelope = start..out.len();
    push_end(&mut out, id.as_deref());
    Block {
        bytes: out.into(),
        envelope,
    }
}

/// Cursor, room and name are made of characters that JSON takes as they are.
fn push_envelope(out: &mut Vec<u8>, event: &Event, room: &Room, id: Option<&str>) {
    out.push(b'{');
    if let Some(id) = id {
        push_all(out, &["\"id\":\"", id, "\","]);
    }
    push_all(
        out,
        &[
            "\"room\":\"",
            room.as_str(),
            "\",\"event\":\"",
            event.name.as_str(),
            "\",\"data\":",
        ],
    );
    out.extend_from_slice(event.data.as_bytes());
    push_all(out, &[",\"ts\":", &event.ts.0.to_string()]);
    if let Some(from) = &event.from {
        push_all(out, &[",\"from\":", &quoted(from)]);
    }
    if let Some(more) = &event.more {
        push_more(out, more);
    }
    out.push(b'}');
}

fn push_more(out: &mut Vec<u8>, more: &More) {
    if let Some(key) = &more.key {
        push_all(out, &[",\"key\":", &quoted(key.as_str())]);
    }
    if !more.of.is_empty() {
        let of: Vec<String> = more.of.iter().map(|raw| format!("\"{raw}\"")).collect();
        push_all(out, &[",\"of\":[", &of.join(","), "]"]);
    }
    if more.confirm {
        push_all(out, &[",\"confirm\":true"]);
    }
}

fn push_all(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The SSE block of `data=raw`: the payload alone, a string as its text, split at its line ends.
#[must_use]
pub fn raw_block(event: &Event) -> Bytes {
    let mut out = Vec::with_capacity(64 + event.data.as_bytes().len());
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.name.as_str().as_bytes());
    out.push(b'\n');
    match event.data.to_text() {
        Some(text) => lines(&text).for_each(|line| push_data(&mut out, line.as_bytes())),
        None => push_data(&mut out, event.data.as_bytes()),
    }
    out.pop();
    push_end(&mut out, event.id().map(Position::to_cursor).as_deref());
    out.into()
}

/// The lines of `text`, by every line end that SSE knows: CRLF, LF and CR (WHATWG HTML §9.2.5).
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else {
            return rest.take();
        };
        let width = if text[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    })
}

fn push_data(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(line);
    out.push(b'\n');
}

/// The id is the last line, where there is one; the block ends with an empty one.
fn push_end(out: &mut Vec<u8>, id: Option<&str>) {
    if let Some(id) = id {
        push_all(out, &["\nid: ", id]);
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{EventName, Key};
    use crate::model::json::Json;
    use crate::model::position::Epoch;
    use crate::model::time::UnixMillis;

    fn event(data: &str) -> (Event, Room) {
        let room = Room::parse("org:a").unwrap();
        let event = Event {
            position: Position {
                epoch: Epoch::from_random(1),
                seq: 2,
            },
            rooms: vec![room.clone()],
            name: EventName::parse("checkin").unwrap(),
            data: Json::parse(data).unwrap(),
            ts: UnixMillis(5),
            from: None,
            more: None,
        };
        (event, room)
    }

    #[test]
    fn the_envelope_is_the_data_line_of_the_sse_block() {
        let (event, room) = event("{\"a\": 1.0}");
        let encoded = Encoded::default();
        let id = event.position.to_cursor();
        let envelope = format!(
            r#"{{"id":"{id}","room":"org:a","event":"checkin","data":{{"a":1.0}},"ts":5}}"#
        );
        assert_eq!(encoded.envelope(&event, &room), envelope);
        assert_eq!(
            encoded.sse(&event, &room),
            format!("event: checkin\ndata: {envelope}\nid: {id}\n\n")
        );
    }

    #[test]
    fn the_sender_is_the_last_key() {
        let (mut event, room) = event("1");
        event.from = Some("an\"n".into());
        let envelope = Encoded::default().envelope(&event, &room);
        assert!(envelope.ends_with(br#","ts":5,"from":"an\"n"}"#));
    }

    #[test]
    fn what_few_events_say_stands_at_the_end_and_what_is_not_kept_has_no_id() {
        let (mut event, room) = event("1");
        let more = More {
            key: Some(Key::parse("a\"b").unwrap()),
            of: vec![event.position],
            confirm: true,
            ..More::default()
        };
        event.more = more.if_any();
        let envelope = Encoded::default().envelope(&event, &room);
        let expected = format!(
            r#","ts":5,"key":"a\"b","of":["{}"],"confirm":true}}"#,
            event.position
        );
        assert!(envelope.ends_with(expected.as_bytes()), "{envelope:?}");
        let volatile = More {
            volatile: true,
            ..More::default()
        };
        event.more = volatile.if_any();
        let envelope = r#"{"room":"org:a","event":"checkin","data":1,"ts":5}"#;
        let encoded = Encoded::default();
        assert_eq!(encoded.envelope(&event, &room), envelope);
        let block = format!("event: checkin\ndata: {envelope}\n\n");
        assert_eq!(encoded.sse(&event, &room), block);
        assert_eq!(raw_block(&event), "event: checkin\ndata: 1\n\n");
    }

    #[test]
    fn a_raw_string_cannot_forge_a_field() {
        for (data, lines) in [
            (r#""plain""#, "data: plain"),
            (
                r#""a\nid: 1\r\nevent: x\ry""#,
                "data: a\ndata: id: 1\ndata: event: x\ndata: y",
            ),
            (r#""\n""#, "data: \ndata: "),
            (r#""""#, "data: "),
            ("[1, 2]", "data: [1,2]"),
        ] {
            let (event, _) = event(data);
            let id = event.position.to_cursor();
            let raw = raw_block(&event);
            assert_eq!(
                raw,
                format!("event: checkin\n{lines}\nid: {id}\n\n"),
                "{data}"
            );
        }
    }
}
