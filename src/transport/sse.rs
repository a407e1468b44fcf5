//! Server-Sent Events (WHATWG HTML §9.2): how a stream is written.

mod body;
mod pipe;

use bytes::Bytes;

use crate::bus::rooms::Delivery;
use crate::model::code::Refusal;
use crate::session::ends_abruptly;
use crate::wire::control::Control;
use crate::wire::sse;

use super::context::come_back;
use super::delivery::Size;
use super::engine::Output;
use super::format::Ending;

pub use body::{BrokenOff, body};
pub use pipe::{Inlet, Outlet, pipe};

/// How a client wants its stream written, and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The payload alone as data.
    pub raw: bool,
    /// A prelude of 2 KB.
    pub padding: bool,
    /// Heartbeats as comments.
    pub quiet_heartbeat: bool,
    /// Whether what is written goes in chunks (RFC 9112 §7.1): over HTTP/1.1, where a body needs an end of its own.
    pub chunked: bool,
}

/// The chunk that ends a body (RFC 9112 §7.1).
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl Style {
    pub(super) fn size(self) -> Size {
        if self.raw {
            Delivery::sse_raw_len
        } else {
            Delivery::sse_len
        }
    }

    /// The bytes of `events`, in one piece.
    pub(super) fn events(self, events: &[Delivery]) -> Bytes {
        if let ([event], false) = (events, self.chunked) {
            return self.event(event);
        }
        let blocks: Vec<Bytes> = events.iter().map(|event| self.event(event)).collect();
        let mut out = Vec::with_capacity(blocks.iter().map(Bytes::len).sum::<usize>() + 16);
        self.chunk(&blocks, &mut out);
        out.into()
    }

    fn event(self, event: &Delivery) -> Bytes {
        if self.raw {
            event.sse_raw()
        } else {
            event.sse()
        }
    }

    /// Adds the bytes of `outputs` up to an end, and says how the stream ends if it does.
    pub(super) fn write(self, outputs: Vec<Output>, out: &mut Vec<u8>) -> Option<Ending> {
        let (mut blocks, mut end) = (Vec::new(), None);
        for output in outputs {
            match output {
                Output::Control(control) => blocks.push(self.control(&control)),
                Output::Events(events) => {
                    blocks.extend(events.iter().map(|event| self.event(event)));
                }
                Output::Ping => {}
                Output::End { code, .. } if ends_abruptly(code) => end = Some(Ending::Abrupt),
                Output::End { .. } => end = Some(Ending::Clean),
            }
            if end.is_some() {
                break;
            }
        }
        self.chunk(&blocks, out);
        end
    }

    /// What stands before everything else.
    pub(super) fn prelude(self, out: &mut Vec<u8>) {
        if self.padding {
            self.chunk(&[sse::padding().into()], out);
        }
    }

    /// What a refusal which time can heal is told as: when to come back, and why.
    pub(super) fn refusal(self, refusal: Refusal, out: &mut Vec<u8>) -> Ending {
        let retry = refusal
            .retry_after
            .unwrap_or_else(come_back)
            .max(come_back());
        let block = sse::control(&Control::error(None, refusal), Some(retry));
        self.chunk(&[block.into()], out);
        Ending::Abrupt
    }

    fn control(self, control: &Control) -> Bytes {
        if self.quiet_heartbeat && matches!(control, Control::Heartbeat { .. }) {
            return sse::COMMENT.into();
        }
        let retry = matches!(control, Control::Welcome(_)).then(come_back);
        sse::control(control, retry).into()
    }

    /// Adds `blocks` as one chunk, where there are chunks.
    fn chunk(self, blocks: &[Bytes], out: &mut Vec<u8>) {
        let length: usize = blocks.iter().map(Bytes::len).sum();
        if length == 0 {
            return;
        }
        if self.chunked {
            out.extend_from_slice(format!("{length:x}\r\n").as_bytes());
        }
        blocks.iter().for_each(|block| out.extend_from_slice(block));
        if self.chunked {
            out.extend_from_slice(b"\r\n");
        }
    }
}
