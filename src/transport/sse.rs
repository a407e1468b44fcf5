//! Server-Sent Events (WHATWG HTML §9.2) as a response body.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::auth::Access;
use crate::bus::rooms::Delivery;
use crate::lifecycle::clock::{Clock, Sleep};
use crate::lifecycle::random;
use crate::model::code::Refusal;
use crate::model::id::StreamId;
use crate::model::time::Moment;
use crate::session::admission::{Admitted, Opening};
use crate::session::{Action, Session, ends_abruptly};
use crate::telemetry::metrics::Meter;
use crate::wire::control::Control;
use crate::wire::sse;

use super::context::{Context, come_back};
use super::delivery::Size;
use super::engine::{Engine, Output};
use super::link::Hold;

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
    fn size(self) -> Size {
        if self.raw {
            Delivery::sse_raw_len
        } else {
            Delivery::sse_len
        }
    }
}

/// The stream broke off on purpose, so that its client comes back.
#[derive(Debug)]
pub struct BrokenOff;

/// The body of an admitted client's stream. It yields whole blocks, and an error where it must end abruptly:
/// without HTTP/1.1's last chunk, after everything before it has been written.
///
/// The stream itself runs in a task of its own: hyper polls a body only when its socket has room, and a client that
/// reads slowly must still be answered by `POST /v1/messages`, expire, and be drained.
pub fn stream(
    context: Arc<Context>,
    access: Arc<Access>,
    opening: Opening,
    admitted: Admitted,
    style: Style,
    hold: Hold,
    meter: Meter,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    let (sender, mut pieces) = mpsc::channel(1);
    let (tasks, clock) = (context.tasks.clone(), context.clock.clone());
    let given_up = hold.given_up();
    let pipe = Pipe::new(sender);
    let run = async move {
        let (session, actions) = begin(&context, &access, &opening, admitted);
        let mut engine = Engine::new(context, session, style.size(), meter);
        engine.register(&access);
        drop((access, opening));
        let said = run(&mut engine, actions, style, pipe).await;
        if said.is_none() && given_up.is_so() {
            engine.was_slow();
        }
    };
    tasks.spawn("sse", run.in_current_span());
    let hold = hold.into_stream();
    stream! {
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Blocks(bytes) => yield Ok(bytes),
                // hyper takes the second part from here once HTTP/2's window has room for all of the first, and for
                // this byte: what is beyond the window would be lost with the stream's reset.
                Piece::Last(mut bytes) => {
                    let last = bytes.split_off(bytes.len().saturating_sub(1));
                    yield Ok(bytes);
                    yield Ok(last);
                    break;
                }
                Piece::End => return,
            }
        }
        // Also where the task ended without a word: a clean end would tell the client to stay away.
        break_off(&hold, &clock).await;
        yield Err(BrokenOff);
    }
}

/// How long the last block may take to the client's own code before the stream breaks off.
const HEARD: Duration = Duration::from_millis(250);

/// Waits until the client has what was written. That its socket has it is not enough: Chromium throws away what its
/// page has not read yet when the stream breaks off, and so do readers of `fetch` bodies.
async fn break_off(hold: &Hold, clock: &Clock) {
    hold.flushed().await;
    clock.sleep(HEARD).await;
}

/// What the task of a stream hands to its body.
enum Piece {
    /// One write.
    Blocks(Bytes),
    /// The last write before an abrupt end.
    Last(Bytes),
    /// A clean end, so that the client stays away.
    End,
}

/// The way from a stream's task to its body.
struct Pipe {
    sender: mpsc::Sender<Piece>,
    /// Since when the body has taken nothing, if it should.
    full_since: Option<Moment>,
}

impl Pipe {
    const fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self {
            sender,
            full_since: None,
        }
    }

    /// Whether the body has taken what it was given.
    fn has_room(&mut self, context: &Context) -> bool {
        let room = self.sender.capacity() > 0;
        self.full_since = match self.full_since {
            _ if room => None,
            None => Some(context.clock.now()),
            since => since,
        };
        room
    }

    /// Returns once it has, where it had not; nothing once the client is gone. Dropping the future loses nothing.
    async fn taken(&mut self, has_room: bool) -> Option<()> {
        if has_room {
            self.sender.closed().await;
            return None;
        }
        let room = self.sender.reserve().await.ok();
        self.full_since = None;
        room.map(drop)
    }

    /// Sleeps until the body has taken nothing for too long. Over HTTP/1.1 the connection is given up by then; over
    /// HTTP/2 other streams share it, and this one alone is: it is reset when its client takes what it has.
    fn stalled(&self, context: &Context) -> Sleep {
        let since = self.full_since.unwrap_or_else(|| context.clock.now());
        context.clock.sleep_until(since + context.write_stall)
    }
}

fn begin(
    context: &Context,
    access: &Arc<Access>,
    opening: &Opening,
    admitted: Admitted,
) -> (Session, Vec<Action>) {
    let mut actions = Vec::new();
    let session = Session::admitted(
        StreamId::from_random(random::wide_bits()),
        context.session,
        access.clone(),
        opening,
        admitted,
        context.now(),
        &mut actions,
    );
    (session, actions)
}

/// The loop of one stream, until its end has been said or the client is gone.
async fn run(
    engine: &mut Engine,
    actions: Vec<Action>,
    style: Style,
    mut pipe: Pipe,
) -> Option<()> {
    let mut first = Chunk::new(style);
    if style.padding {
        first.append(sse::padding().into());
    }
    let mut end = first.push_all(engine.start(actions).await);
    first.send(&pipe.sender, end).await?;
    while end.is_none() {
        end = turn(engine, style, &mut pipe).await?;
    }
    if end == Some(false) {
        pipe.sender.send(Piece::End).await.ok()?;
    }
    Some(())
}

/// One turn of the loop: waits, steps, and hands over what is due. The log is read only when the body can take what
/// it gives. Returns whether the stream's end, if this was it, is abrupt; nothing if the client is gone.
async fn turn(engine: &mut Engine, style: Style, pipe: &mut Pipe) -> Option<Option<bool>> {
    let mut room = pipe.has_room(engine.context());
    let mut stall = pin!(pipe.stalled(engine.context()));
    let input = loop {
        tokio::select! {
            biased;
            taken = pipe.taken(room) => {
                taken?;
                room = true;
            }
            () = stall.as_mut(), if !room => {
                engine.was_slow();
                return None;
            }
            input = engine.next(room) => break input,
        }
    };
    let mut chunk = Chunk::new(style);
    let end = chunk.push_all(engine.run(input).await);
    let goodbye = engine.context().goodbye;
    let pipe = &pipe.sender;
    match end {
        None => chunk.send(pipe, end).await?,
        // A client that does not read is not waited for with what it will not read.
        Some(_) => {
            engine
                .context()
                .clock
                .timeout(goodbye, chunk.send(pipe, end))
                .await??
        }
    }
    Some(end)
}

/// The body that tells a refusal which time can heal to a client that any status but 200 would stop for ever:
/// when to come back, why, and an abrupt end.
pub fn refusal(
    clock: Clock,
    refusal: Refusal,
    hold: Hold,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    let hold = hold.into_stream();
    stream! {
        let retry = refusal.retry_after.unwrap_or_else(come_back).max(come_back());
        yield Ok(Bytes::from(sse::control(&Control::error(None, refusal), Some(retry))));
        break_off(&hold, &clock).await;
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

    /// Adds outputs up to an end, which says whether it is abrupt.
    fn push_all(&mut self, outputs: Vec<Output>) -> Option<bool> {
        outputs.into_iter().find_map(|output| self.push(output))
    }

    /// Hands it over, if there is anything in it; `end` says whether the stream's end follows and is abrupt. Nothing
    /// if the client is gone.
    async fn send(self, pipe: &mpsc::Sender<Piece>, end: Option<bool>) -> Option<()> {
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
