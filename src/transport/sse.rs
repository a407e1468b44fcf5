//! Server-Sent Events (WHATWG HTML §9.2).

mod body;
mod chunk;
mod pipe;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::auth::Access;
use crate::lifecycle::random;
use crate::model::id::StreamId;
use crate::session::admission::{Admitted, Opening};
use crate::session::{Action, Session};
use crate::telemetry::metrics::Meter;
use crate::wire::sse;

use super::context::Context;

use super::engine::Engine;
use super::link::Hold;

pub use body::{BrokenOff, refusal};
use chunk::Chunk;
pub use chunk::Style;
use pipe::{Piece, Pipe};

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
    let (sender, pieces) = mpsc::channel(1);
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
    body::body(pieces, hold.into_stream(), clock)
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
