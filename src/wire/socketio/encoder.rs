//! What the gateway says, written behind what is in `out` already: Engine.IO's `4`, or nothing.

use bytes::Bytes;
use serde::Serialize;

use super::binary::{self, Found};
use super::namespace::Namespace;
use super::packet::RESERVED;
use super::placeholder;
use super::reassembler::MAX_ATTACHMENTS;
use crate::model::json::Json;

/// What a client is told, word for word, that asks for a namespace that does not exist.
pub const INVALID_NAMESPACE: &str = "Invalid namespace";

/// Lets a client in: with the name that others may know it by, and the secret one that it comes back with, where it may.
pub fn connect(out: &mut Vec<u8>, namespace: &Namespace, sid: &str, pid: Option<&str>) {
    #[derive(Serialize)]
    struct Keys<'a> {
        sid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<&'a str>,
    }
    head(out, b'0', None, namespace, None);
    json(out, &Keys { sid, pid });
}

/// Refuses a client. It hears of it as an error with this message and, as `error.data`, `data`; the connection stays.
pub fn connect_error(out: &mut Vec<u8>, namespace: &Namespace, message: &str, data: Option<&Json>) {
    head(out, b'4', None, namespace, None);
    out.extend_from_slice(br#"{"message":"#);
    json(out, message);
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.as_bytes());
    }
    out.push(b'}');
}

/// Ends a client's conversation, for good: it does not come back by itself.
pub fn disconnect(out: &mut Vec<u8>, namespace: &Namespace) {
    head(out, b'1', None, namespace, None);
}

/// Tells an event; `name` is none of the [`RESERVED`]. Of the arguments the first is its data; others may follow (what is
/// known about it, and last the offset that a client comes back with).
///
/// What stands in the arguments as bytes (`binary`) is sent as bytes: as attachments, which are given back, and are to be
/// sent behind the text with nothing in between. If they are more than clients take, or if something in the arguments
/// would pass for one of their placeholders, all of it stays text.
#[must_use = "the attachments are to be sent"]
pub fn event(
    out: &mut Vec<u8>,
    namespace: &Namespace,
    id: Option<u64>,
    name: &str,
    arguments: &[&Json],
) -> Vec<Bytes> {
    debug_assert!(!RESERVED.contains(&name), "{name} is the library's own");
    list(out, *b"25", namespace, id, Some(name), arguments)
}

/// Answers the event that the client has given this id. Bytes as with [`event`].
#[must_use = "the attachments are to be sent"]
pub fn ack(out: &mut Vec<u8>, namespace: &Namespace, id: u64, arguments: &[&Json]) -> Vec<Bytes> {
    list(out, *b"36", namespace, Some(id), None, arguments)
}

/// Writes a packet whose payload is a list, by its first type if it is text alone.
fn list(
    out: &mut Vec<u8>,
    [plain, binary]: [u8; 2],
    namespace: &Namespace,
    id: Option<u64>,
    name: Option<&str>,
    arguments: &[&Json],
) -> Vec<Bytes> {
    let found = attachments(arguments);
    let count: usize = found.iter().map(Vec::len).sum();
    let announced = (count > 0).then_some(count);
    let kind = announced.map_or(plain, |_| binary);
    head(out, kind, announced, namespace, id);
    out.push(b'[');
    if let Some(name) = name {
        json(out, name);
    }
    let mut number = 0;
    for (place, argument) in arguments.iter().enumerate() {
        if place > 0 || name.is_some() {
            out.push(b',');
        }
        let found = found.get(place).map_or(&[][..], Vec::as_slice);
        push_argument(out, argument, found, &mut number);
    }
    out.push(b']');
    found.into_iter().flatten().map(|one| one.bytes).collect()
}

/// The bytes in each argument; nothing where they stay text.
fn attachments(arguments: &[&Json]) -> Vec<Vec<Found>> {
    let found: Vec<_> = arguments.iter().map(|one| binary::find(one)).collect();
    let count: usize = found.iter().map(Vec::len).sum();
    if !(1..=MAX_ATTACHMENTS).contains(&count) {
        return Vec::new();
    }
    // In a packet with attachments a client takes for a placeholder what looks like one, and closes the connection over
    // one that is out of range: a publisher could throw out whoever listens.
    let is_free = |one: &&Json| placeholder::slots(one).is_ok_and(|slots| slots.is_empty());
    match arguments.iter().all(is_free) {
        true => found,
        false => Vec::new(),
    }
}

fn push_argument(out: &mut Vec<u8>, argument: &Json, found: &[Found], number: &mut usize) {
    let text = argument.as_bytes();
    let mut done = 0;
    for one in found {
        out.extend_from_slice(&text[done..one.range.start]);
        let placeholder = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        out.extend_from_slice(placeholder.as_bytes());
        *number += 1;
        done = one.range.end;
    }
    out.extend_from_slice(&text[done..]);
}

/// What stands before the payload.
fn head(
    out: &mut Vec<u8>,
    kind: u8,
    attachments: Option<usize>,
    namespace: &Namespace,
    id: Option<u64>,
) {
    out.push(kind);
    if let Some(attachments) = attachments {
        out.extend_from_slice(attachments.to_string().as_bytes());
        out.push(b'-');
    }
    if !namespace.is_main() {
        out.extend_from_slice(namespace.as_str().as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        out.extend_from_slice(id.to_string().as_bytes());
    }
}

fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Texts go into memory: there is nothing in it that could fail.
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok());
}
