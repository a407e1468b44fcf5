//! The bodies of polling: packets joined by a separator ("HTTP long-polling" of the document).
//!
//! The separator is U+001E. What the gateway writes is JSON, in which no control character stands as itself (RFC 8259
//! §7), or digits: so no packet of ours falls apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;
use super::packet::{BINARY, Packet};

/// What parts two packets.
pub const SEPARATOR: u8 = 0x1e;

/// The most packets that are sensible in one body.
///
/// A client sends what has gathered in one body of at most `maxPayload` bytes, so whoever was offline for long has many
/// packets in it; 1 MB of the shortest, which say nothing, would be half a million.
pub const PACKETS: usize = 10_000;

/// What one body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Bytes at most: the `maxPayload` of the handshake.
    pub bytes: usize,
    /// Packets at most; [`PACKETS`] will do.
    pub packets: usize,
}

/// The packets of one body, one after the other. Behind a bad one there are none: what came before it counts, as with the
/// original.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    rest: Option<&'a str>,
    terms: Terms,
    left: usize,
}

impl<'a> Payload<'a> {
    /// The packets of `body`.
    ///
    /// # Errors
    /// It is larger than its terms, or not UTF-8. (The original replaces what is not UTF-8.)
    pub fn new(body: &'a [u8], terms: Terms) -> Result<Self, Fault> {
        if body.len() > terms.bytes {
            let bytes = terms.bytes;
            return Err(Fault::TooLarge { bytes });
        }
        let text = std::str::from_utf8(body).map_err(|_| Fault::Utf8)?;
        Ok(Self {
            rest: Some(text),
            terms,
            left: terms.packets,
        })
    }

    fn take(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        match rest.split_once(char::from(SEPARATOR)) {
            None => Some(rest),
            Some((first, rest)) => {
                self.rest = Some(rest);
                Some(first)
            }
        }
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.take()?;
        let packet = match self.left.checked_sub(1) {
            None => Err(Fault::TooMany {
                packets: self.terms.packets,
            }),
            Some(left) => {
                self.left = left;
                Packet::from_text(text)
            }
        };
        if packet.is_err() {
            self.rest = None;
        }
        Some(packet)
    }
}

/// Adds a packet of text to the body `out`, which began empty.
pub fn push_text(out: &mut Vec<u8>, packet: &[u8]) {
    part(out);
    out.extend_from_slice(packet);
}

/// Adds a message of bytes to the body `out`, which began empty.
pub fn push_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    part(out);
    out.reserve(binary_len(bytes.len()));
    out.push(BINARY);
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

/// How long a message of so many bytes is in a body, in bytes, without a separator.
#[must_use]
pub const fn binary_len(bytes: usize) -> usize {
    1 + bytes.div_ceil(3) * 4
}

/// No packet is empty, so a body is empty only before its first one.
fn part(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(SEPARATOR);
    }
}
