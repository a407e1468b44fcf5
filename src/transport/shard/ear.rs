//! What listens to a stream's client.

use std::io;

use bytes::{Buf as _, Bytes};

use crate::transport::context::Context;
use crate::transport::format::Format;
use crate::transport::websocket::{self, Heard, Style};
use crate::wire::websocket::decoder::{Decoder, Terms};

/// What the client of an event stream may send, in bytes: requests that it hoped to pipeline. Whoever sends more reads
/// no events.
const UNHEARD: usize = 64 * 1024;

/// What listens to the client.
pub(super) enum Ear {
    /// It has nothing to say: what comes is thrown away, as many bytes as are left, and only the end counts.
    Deaf(usize),
    WebSocket {
        decoder: Decoder,
        style: Style,
        /// What came and was not looked at yet.
        unread: Bytes,
    },
}

impl Ear {
    pub(super) fn new(format: Format, context: &Context) -> Self {
        match format {
            Format::Sse(_) => Self::Deaf(UNHEARD),
            Format::WebSocket(style) => Self::WebSocket {
                decoder: Decoder::new(Terms {
                    message: context.rules().message_bytes(),
                    deflate: style.deflate.is_some(),
                }),
                style,
                unread: Bytes::new(),
            },
        }
    }

    /// What is left of it at the end: a decoder, and what it has not looked at.
    pub(super) fn into_decoder(self) -> Option<(Decoder, Bytes)> {
        match self {
            Self::WebSocket {
                decoder, unread, ..
            } => Some((decoder, unread)),
            Self::Deaf(_) => None,
        }
    }

    /// The next in what came before.
    pub(super) fn on(&mut self) -> Option<Heard> {
        let Self::WebSocket {
            decoder,
            style,
            unread,
        } = self
        else {
            return None;
        };
        let (heard, left) = understand(decoder, *style, unread);
        unread.advance(unread.len() - left);
        if unread.is_empty() {
            *unread = Bytes::new(); // gives its memory back
        }
        heard
    }

    /// The first in `bytes`; what follows it is kept.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> io::Result<Option<Heard>> {
        match self {
            Self::Deaf(left) => {
                let rest = left.checked_sub(bytes.len());
                *left = rest.ok_or(io::ErrorKind::InvalidData)?;
                Ok(None)
            }
            Self::WebSocket {
                decoder,
                style,
                unread,
            } => {
                let (heard, left) = understand(decoder, *style, bytes);
                *unread = Bytes::copy_from_slice(&bytes[bytes.len() - left..]);
                Ok(heard)
            }
        }
    }
}

/// The first that `bytes` say, and how many of them are left.
fn understand(decoder: &mut Decoder, style: Style, mut bytes: &[u8]) -> (Option<Heard>, usize) {
    let heard = match decoder.next(&mut bytes) {
        Ok(incoming) => incoming.map(|incoming| style.heard(incoming)),
        Err(fault) => Some(websocket::broken(fault, decoder.longest())),
    };
    (heard, bytes.len())
}
