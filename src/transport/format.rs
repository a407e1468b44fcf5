//! How a stream is written: streams of the same format share the bytes of what they are all given.

use bytes::Bytes;

use crate::bus::rooms::Delivery;
use crate::model::code::Refusal;
use crate::model::transport::Transport;

use super::delivery::Size;
use super::engine::Output;
use super::{sse, websocket};

/// The format of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Server-Sent Events.
    Sse(sse::Style),
    /// WebSocket.
    WebSocket(websocket::Style),
}

/// How a stream ends, once its last bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In the middle of its body, so that the client comes back.
    Abrupt,
    /// In order, so that it stays away.
    Clean,
    /// With the client's own Close, which is still to come, or has come already (RFC 6455 §7.1.1).
    Closing { heard: bool },
}

impl Format {
    pub(crate) const fn transport(self) -> Transport {
        match self {
            Self::Sse(_) => Transport::Sse,
            Self::WebSocket(_) => Transport::WebSocket,
        }
    }

    /// Whether what is written goes in chunks.
    pub(crate) const fn is_chunked(self) -> bool {
        match self {
            Self::Sse(style) => style.chunked,
            Self::WebSocket(_) => false,
        }
    }

    /// How many bytes it makes of an event, without the framing.
    pub(super) fn size(self) -> Size {
        match self {
            Self::Sse(style) => style.size(),
            Self::WebSocket(_) => Delivery::envelope_len,
        }
    }

    /// The bytes of `events`, for one write.
    pub(super) fn events(self, events: &[Delivery]) -> Bytes {
        match self {
            Self::Sse(style) => style.events(events),
            Self::WebSocket(style) => style.events(events),
        }
    }

    /// Adds the bytes of `outputs` up to an end, and says how the stream ends if it does.
    pub(super) fn write(self, outputs: Vec<Output>, out: &mut Vec<u8>) -> Option<Ending> {
        match self {
            Self::Sse(style) => style.write(outputs, out),
            Self::WebSocket(style) => style.write(outputs, out),
        }
    }

    /// Adds what stands before everything else.
    pub(super) fn prelude(self, out: &mut Vec<u8>) {
        match self {
            Self::Sse(style) => style.prelude(out),
            Self::WebSocket(_) => {}
        }
    }

    /// Adds what is said instead of a stream, and says how that ends.
    pub(super) fn refusal(self, refusal: Refusal, out: &mut Vec<u8>) -> Ending {
        match self {
            Self::Sse(style) => style.refusal(refusal, out),
            Self::WebSocket(style) => style.refusal(refusal, out),
        }
    }
}
