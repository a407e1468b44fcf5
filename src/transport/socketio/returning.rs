//! Who comes back as the same: from where it goes on, and with what.

use std::sync::Arc;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::gap::Reason;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::session::admission::Opening;
use crate::transport::context::Context;
use crate::transport::engineio::sid::Sid;
use crate::transport::shard::{Farewell, Filter};
use crate::wire::socketio::Auth;

use super::admission::{Admission, OFFSET, PID};
use super::origin::Origin;
use super::recovery::{Kept, Record};
use super::settings::Space;

/// What somebody goes on as who comes back.
pub(crate) struct Back {
    /// Its place among those that may.
    pub kept: Kept,
    /// The rooms that it had when it came.
    pub rooms: Vec<Room>,
}

/// Lets a client go on as who it was, if it still may; else it is let in like anybody else.
///
/// # Errors
/// What it is refused for, for a while.
pub(super) async fn comes_back(
    context: &Context,
    origin: &Origin,
    space: &Space,
    auth: &Auth,
    (access, says): (&Arc<Access>, &Json),
    transport: Transport,
) -> Result<Option<Admission>, Refusal> {
    let Some((mut kept, record)) = claimed(context, space, auth, access).await? else {
        return Ok(None);
    };
    let Some(since) = since(auth, &record) else {
        kept.is_over();
        return Ok(None);
    };
    let mut caller = origin.caller(context, record.stream, transport);
    let rooms: Vec<_> = record.rooms.iter().map(|(room, _)| room.clone()).collect();
    // Those that its stream was granted itself are nobody else's to refuse.
    let own = rooms.iter().filter(|room| !record.extra.contains(room));
    let opening = Opening {
        transport,
        dialect: Dialect::SocketIo,
        rooms: own.cloned().collect(),
        start: Start::At(since),
        keeps: Some(record.named),
    };
    let let_in = context.let_in(access.clone(), &opening, Some(says.clone()), &mut caller);
    let (access, mut admitted) = match let_in.await {
        Ok(let_in) => let_in,
        // What it had it may not have any more: it is let in with what it may, like anybody else.
        Err(refusal) if matches!(refusal.code, Code::Refused | Code::Forbidden) => {
            kept.is_over();
            return Ok(None);
        }
        Err(refusal) => return Err(refusal),
    };
    if admitted
        .gaps
        .iter()
        .any(|gap| gap.reason == Reason::Unauthorized)
    {
        kept.is_over();
        return Ok(None);
    }
    for room in &record.extra {
        if !admitted.rooms.contains(room) {
            admitted.rooms.push(room.clone());
            admitted.extra.push(room.clone());
        }
    }
    caller.wishes.comes_back(record.rooms);
    let back = Back { kept, rooms };
    Ok(Some(Admission {
        access,
        opening,
        admitted,
        caller,
        stream: record.stream,
        back: Some(back),
    }))
}

/// Who the client was. Whoever is still there under its name is known by nobody but this client, and is ended: its
/// connection is dead, or will be.
async fn claimed(
    context: &Context,
    space: &Space,
    auth: &Auth,
    access: &Access,
) -> Result<Option<(Kept, Record)>, Refusal> {
    let Some(pid) = auth.text(PID).and_then(|pid| Sid::from_client(&pid)) else {
        return Ok(None);
    };
    let (whose, now) = ((&access.principal, &space.name), context.clock.now());
    let Some(record) = context.recovery.find(pid, whose, now) else {
        return Ok(None);
    };
    if record.is_there() {
        let filter = Filter {
            stream: Some(record.stream),
            ..Filter::default()
        };
        let ended = context.of_all_shards(|shard| shard.dismiss(filter.clone(), Farewell::Replace));
        ended.await?;
    }
    let span = context.rules().socketio.recovery;
    Ok(context.recovery.claim(pid, whose, span, &context.clock))
}

/// From where it goes on: from what it says, unless that is of a stream before this one, or it has confirmed more. Nothing
/// where it does not know any more how far it was.
fn since(auth: &Auth, record: &Record) -> Option<Position> {
    let offset = match auth.text(OFFSET) {
        Some(offset) => Some(Position::parse_cursor(&offset).ok()?),
        None => None,
    };
    let is_older =
        |offset: Position, since: Position| offset.epoch != since.epoch || offset.seq < since.seq;
    match (offset, record.since) {
        (Some(offset), Some(since)) if is_older(offset, since) => Some(since),
        (offset, since) => offset.or(since),
    }
}
