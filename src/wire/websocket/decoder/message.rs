//! A message in the making.

use super::super::deflate::inflate;
use super::super::fault::Fault;
use super::super::frame::Head;
use super::{Incoming, Terms};

/// How many empty frames one message may have.
///
/// Frames that carry something are bounded by the size of the message. Those that carry nothing are not: a message of
/// them alone never ends, and nobody above would hear of it. Libraries send one at the end of what they stream, or one
/// for each flush of nothing; no message needs this many.
const EMPTY_FRAMES: u32 = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

/// The frames of a message that have come so far.
#[derive(Debug)]
pub(super) struct Message {
    kind: Kind,
    compressed: bool,
    empty_frames: u32,
    /// The payload so far, unmasked.
    pub(super) bytes: Vec<u8>,
    /// How many bytes of a text are known to be UTF-8.
    valid: usize,
}

impl Message {
    pub(super) const fn new(kind: Kind, compressed: bool) -> Self {
        Self {
            kind,
            compressed,
            empty_frames: 0,
            bytes: Vec::new(),
            valid: 0,
        }
    }

    /// Lets the frame with this head add to the message.
    pub(super) fn admit(&mut self, head: &Head, terms: Terms) -> Result<(), Fault> {
        let most = if self.compressed {
            compressed_bound(terms.message)
        } else {
            terms.message
        };
        if head.length > most.saturating_sub(self.bytes.len()) as u64 {
            return Err(Fault::TooLarge);
        }
        self.empty_frames += u32::from(head.length == 0);
        if self.empty_frames > EMPTY_FRAMES {
            return Err(Fault::EmptyFrames);
        }
        Ok(())
    }

    /// Refuses a text as soon as no further byte could make it UTF-8 (RFC 6455 §8.1). A compressed one is judged when it
    /// is whole: to decompress it as it comes would need a window for each connection.
    pub(super) fn check(&mut self) -> Result<(), Fault> {
        if self.kind == Kind::Binary || self.compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(Fault::Utf8),
        }
        Ok(())
    }

    pub(super) fn finish(self, terms: Terms) -> Result<Incoming, Fault> {
        let bytes = if self.compressed {
            inflate(&self.bytes, terms.message)?
        } else {
            self.bytes
        };
        Ok(match self.kind {
            Kind::Text => Incoming::Text(String::from_utf8(bytes).map_err(|_| Fault::Utf8)?),
            Kind::Binary => Incoming::Binary(bytes),
        })
    }
}

/// The most bytes that a message of `length` bytes has when it was compressed: what zlib's `deflateBound` promises for
/// every level and window, and a little for the end of the message.
const fn compressed_bound(length: usize) -> usize {
    length.saturating_add(length / 8 + length / 64 + 64)
}
