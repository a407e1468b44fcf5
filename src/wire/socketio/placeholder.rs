//! Placeholders: where in a payload its attachments belong ("With binary data" of the document).
//!
//! A placeholder is exactly `{"_placeholder":true,"num":n}`, in any order of its members, and each attachment has one. All
//! known encoders write that. The original takes further members, lets a number stand several times, and loses an
//! attachment that no placeholder names; each of the first would let a small packet become a large one here.

use std::ops::Range;

use super::fault::Fault;
use super::reassembler::MAX_ATTACHMENTS;
use crate::model::json::Json;

/// A placeholder: which bytes of the JSON it is, and of which attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) range: Range<usize>,
    pub(super) number: usize,
}

/// What is known of an array or object that has not ended.
#[derive(Debug, Default)]
struct Open {
    start: usize,
    members: usize,
    is_placeholder: bool,
    number: Option<usize>,
}

/// The placeholders of `json`, in their order. One pass, whatever is nested in what.
///
/// # Errors
/// Something has `"_placeholder":true` and is none, or there are more of them than attachments can be.
pub(super) fn slots(json: &Json) -> Result<Vec<Slot>, Fault> {
    let bytes = json.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut slots = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => open.push(Open {
                start: at,
                ..Open::default()
            }),
            b'}' | b']' => slots.extend(open.pop().and_then(|it| it.close(at)).transpose()?),
            b'"' => {
                let end = end_of_string(bytes, at);
                // In JSON without white space, a string before a colon is a key, and nothing else is.
                if let (Some(b':'), Some(object)) = (bytes.get(end), open.last_mut()) {
                    object.member(&bytes[at..end], &bytes[end + 1..]);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        if slots.len() > MAX_ATTACHMENTS {
            return Err(Fault::Placeholder);
        }
        at += 1;
    }
    Ok(slots)
}

/// Whether each of so many attachments has one place.
pub(super) fn is_complete<'a>(slots: impl Iterator<Item = &'a Slot>, attachments: usize) -> bool {
    let mut numbers: Vec<usize> = slots.map(|slot| slot.number).collect();
    numbers.sort_unstable();
    numbers.into_iter().eq(0..attachments)
}

impl Open {
    /// Takes in the member `key` (with its quotes), whose value `rest` begins with.
    fn member(&mut self, key: &[u8], rest: &[u8]) {
        self.members += 1;
        match decoded(key).as_ref() {
            b"_placeholder" if rest.starts_with(b"true") => self.is_placeholder = true,
            b"num" => self.number = number(rest),
            _ => {}
        }
    }

    /// The placeholder, if it is one, that ends at `last`.
    fn close(self, last: usize) -> Option<Result<Slot, Fault>> {
        if !self.is_placeholder {
            return None;
        }
        let slot = |number| Slot {
            range: self.start..last + 1,
            number,
        };
        let number = self.number.filter(|_| self.members == 2);
        Some(number.map(slot).ok_or(Fault::Placeholder))
    }
}

/// Behind the closing quote of the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A key as it is meant: an escape may stand for any of its characters.
fn decoded(key: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if key.contains(&b'\\') {
        let text: Option<String> = serde_json::from_slice(key).ok();
        return text.unwrap_or_default().into_bytes().into();
    }
    let inner = key.get(1..key.len().saturating_sub(1));
    inner.unwrap_or_default().into()
}

fn number(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
    let digits = std::str::from_utf8(&rest[..end]).ok()?;
    digits.parse().ok()
}
