//! Bytes in JSON: `{"_encoding":"base64","data":"…"}`, without white space, with these two members in this order, in base64
//! with padding (RFC 4648 §4).
//!
//! Other transports are text, and a backend is asked in JSON. So what a client of Socket.IO sends as bytes is told to
//! everybody else in this form, with its encoding named; and what anybody publishes in this form arrives as bytes at
//! clients of Socket.IO. What is nearly of this form is left as it is.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use memchr::{memchr, memmem};

use super::fault::Fault;
use super::placeholder::Slot;
use crate::model::json::Json;

const HEAD: &[u8] = br#"{"_encoding":"base64","data":""#;
const TAIL: &[u8] = br#""}"#;

/// Bytes that stand in JSON: which part of it, and what they are.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) bytes: Bytes,
}

/// `json` with the attachments in the places of their placeholders.
///
/// # Errors
/// A place has no attachment.
pub(super) fn put(json: &Json, slots: &[Slot], attachments: &[Bytes]) -> Result<Json, Fault> {
    if slots.is_empty() {
        return Ok(json.clone());
    }
    let text = json.as_str();
    let mut out = String::new();
    let mut done = 0;
    for slot in slots {
        let bytes = attachments.get(slot.number).ok_or(Fault::Placeholder)?;
        out.push_str(text.get(done..slot.range.start).unwrap_or_default());
        out.push_str(&written(bytes));
        done = slot.range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(Json::parse(&out)?)
}

fn written(bytes: &[u8]) -> String {
    let data = STANDARD.encode(bytes);
    format!(r#"{{"_encoding":"base64","data":"{data}"}}"#)
}

/// The bytes that stand in `json`, in their order.
///
/// To look for the form's first bytes is enough. There is no white space outside of strings; and inside of one they cannot
/// stand, because a quote that stands there as itself ends it, and none of these quotes is followed by what may come
/// behind a string that ends there.
pub(super) fn find(json: &Json) -> Vec<Found> {
    let text = json.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = memmem::find(&text[at..], HEAD).map(|offset| at + offset) {
        let data = start + HEAD.len();
        at = data;
        let Some(end) = memchr(b'"', &text[data..]).map(|length| data + length) else {
            break;
        };
        let decoded = STANDARD.decode(&text[data..end]);
        if let (true, Ok(bytes)) = (text[end..].starts_with(TAIL), decoded) {
            at = end + TAIL.len();
            found.push(Found {
                range: start..at,
                bytes: bytes.into(),
            });
        }
    }
    found
}
