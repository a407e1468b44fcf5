//! Server-Sent Events (WHATWG HTML §9.2) as a response body.

use std::convert::Infallible;
use std::sync::Arc;

use async_stream::stream;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::auth::Access;
use crate::bus::rooms::Delivery;
use crate::lifecycle::random;
use crate::model::code::Refusal;
use crate::model::id::StreamId;
use crate::session::admission::{Admitted, Opening};
use crate::session::{Session, ends_abruptly};
use crate::wire::control::Control;
use crate::wire::sse;

use super::context::{Context, come_back};
use super::engine::{Engine, Output};
use super::link::Link;

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

/// The stream broke off on purpose, so that its client comes back.
#[derive(Debug)]
pub struct BrokenOff;

/// The body of an admitted client's stream. It yields whole blocks, and an error where it must end abruptly:
/// without HTTP/1.1's last chunk, after everything before it has been written.
pub fn stream(
    context: Arc<Context>,
    access: Arc<Access>,
    opening: Opening,
    admitted: Admitted,
    style: Style,
    link: Link,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    stream! {
        let mut actions = Vec::new();
        let (id, now) = (StreamId::from_random(random::wide_bits()), context.now());
        let session =
            Session::admitted(id, context.session, access.clone(), &opening, admitted, now, &mut actions);
        let mut engine = Engine::new(context, session);
        engine.register(&access);
        drop((access, opening));
        let mut outputs = engine.start(actions).await;
        if style.padding {
            yield Ok(Bytes::from(sse::padding()));
        }
        loop {
            let mut chunk = Chunk::new(style);
            let end = outputs.drain(..).find_map(|output| chunk.push(output));
            if let Some(bytes) = chunk.take() {
                yield Ok(bytes);
            }
            if let Some(abruptly) = end {
                if abruptly {
                    link.flushed().await;
                    yield Err(BrokenOff);
                }
                return;
            }
            let input = engine.next(true).await;
            outputs = engine.run(input).await;
        }
    }
}

/// The body that tells a refusal which time can heal to a client that any status but 200 would stop for ever:
/// when to come back, why, and an abrupt end.
pub fn refusal(
    refusal: Refusal,
    link: Link,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    stream! {
        let retry = refusal.retry_after.unwrap_or_else(come_back).max(come_back());
        yield Ok(Bytes::from(sse::control(&Control::error(None, refusal), Some(retry))));
        link.flushed().await;
        yield Err(BrokenOff);
    }
}

/// One write: all that is due, in whole blocks.
struct Chunk {
    style: Style,
    /// A single event needs no copy: its block is shared with all who read it.
    single: Option<Bytes>,
    bytes: BytesMut,
}

impl Chunk {
    fn new(style: Style) -> Self {
        Self {
            style,
            single: None,
            bytes: BytesMut::new(),
        }
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

    fn append(&mut self, block: Bytes) {
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

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the stream broke off on purpose")
    }
}

impl std::error::Error for BrokenOff {}

impl From<Infallible> for BrokenOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
