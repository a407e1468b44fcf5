//! What one turn of a stream writes.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::bus::rooms::Delivery;
use crate::session::ends_abruptly;
use crate::transport::context::come_back;
use crate::transport::delivery::Size;
use crate::transport::engine::Output;
use crate::wire::control::Control;
use crate::wire::sse;

use super::pipe::Piece;

/// How this client wants its stream written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The payload alone as data.
    pub raw: bool,
    /// A prelude of 2 KB.
    pub padding: bool,
    /// Heartbeats as comments.
    pub quiet_heartbeat: bool,
}

impl Style {
    pub(super) fn size(self) -> Size {
        if self.raw {
            Delivery::sse_raw_len
        } else {
            Delivery::sse_len
        }
    }
}

/// One write: all that is due, in whole blocks.
pub(super) struct Chunk {
    style: Style,
    /// A single event needs no copy: its block is shared with all who read it.
    single: Option<Bytes>,
    bytes: BytesMut,
}

impl Chunk {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            single: None,
            bytes: BytesMut::new(),
        }
    }

    /// Adds outputs up to an end, which says whether it is abrupt.
    pub(super) fn push_all(&mut self, outputs: Vec<Output>) -> Option<bool> {
        outputs.into_iter().find_map(|output| self.push(output))
    }

    /// Hands it over, if there is anything in it; `end` says whether the stream's end follows and is abrupt. Nothing
    /// if the client is gone.
    pub(super) async fn send(self, pipe: &mpsc::Sender<Piece>, end: Option<bool>) -> Option<()> {
        let Some(bytes) = self.take() else {
            return Some(());
        };
        let piece = match end {
            Some(true) => Piece::Last(bytes),
            Some(false) | None => Piece::Blocks(bytes),
        };
        pipe.send(piece).await.ok()
    }

    /// Adds one output; an end says whether it is abrupt.
    fn push(&mut self, output: Output) -> Option<bool> {
        match output {
            Output::Control(control) => self.control(&control),
            Output::Events(events) => events.iter().for_each(|event| self.event(event)),
            Output::Ping => {}
            Output::End { code, .. } => return Some(ends_abruptly(code)),
        }
        None
    }

    fn control(&mut self, control: &Control) {
        if self.style.quiet_heartbeat && matches!(control, Control::Heartbeat { .. }) {
            return self.append(sse::COMMENT.into());
        }
        let retry = matches!(control, Control::Welcome(_)).then(come_back);
        self.append(sse::control(control, retry).into());
    }

    fn event(&mut self, event: &Delivery) {
        self.append(if self.style.raw {
            event.sse_raw()
        } else {
            event.sse()
        });
    }

    pub(super) fn append(&mut self, block: Bytes) {
        match self.single.take() {
            None if self.bytes.is_empty() => self.single = Some(block),
            first => {
                self.bytes.extend(first);
                self.bytes.extend_from_slice(&block);
            }
        }
    }

    fn take(self) -> Option<Bytes> {
        self.single
            .or_else(|| (!self.bytes.is_empty()).then(|| self.bytes.freeze()))
    }
}
