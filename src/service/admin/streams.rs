//! Who is connected.

use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::transport::Transport;
use crate::service::{Response, Service};
use crate::transport::shard::{Filter, Seen};
use crate::wire::admin;
use crate::wire::control::millis;
use crate::wire::query::Query;

use super::{limit, no_stream, ok, room, stream};

impl Service {
    pub(super) async fn streams(&self, query: &Query) -> Result<Response, Refusal> {
        let text = |key| query.get(key).map(str::to_owned);
        let filter = filter(&admin::Whom {
            stream: None,
            principal: text("principal"),
            role: text("role"),
            room: text("room"),
            transport: text("transport"),
            dialect: text("dialect"),
        })?;
        let (most, after) = (limit(query)?, query.get("after").map(stream).transpose()?);
        let (seen, more) = self.context.list_streams(filter, after, most).await?;
        let streams = seen.iter().map(|one| self.shown(one)).collect();
        Ok(ok(&admin::Streams { streams, more }))
    }

    pub(super) async fn one_stream(&self, stream: StreamId) -> Result<Response, Refusal> {
        let filter = Filter {
            stream: Some(stream),
            ..Filter::default()
        };
        let (seen, _) = self.context.list_streams(filter, None, 1).await?;
        let one = seen.first().ok_or_else(no_stream)?;
        Ok(ok(&self.shown(one)))
    }

    fn shown(&self, seen: &Seen) -> admin::Stream {
        let now = self.context.clock.unix();
        let (principal, role) = seen.who.clone().unzip();
        admin::Stream {
            stream: seen.stream.to_string(),
            principal,
            role,
            peer: seen.peer.to_string(),
            request: format!("{:016x}", seen.request),
            transport: seen.transport.as_str(),
            dialect: seen.dialect.as_str(),
            rooms: seen.rooms.clone(),
            cursor: seen.cursor,
            lag: seen.lag,
            bytes: seen.bytes,
            age_ms: millis(seen.age),
            expires_in_ms: seen.expires.map(|at| millis(at.since(now))),
            blocked: seen.is_blocked,
        }
    }
}

/// The streams that are meant.
pub(super) fn filter(whom: &admin::Whom) -> Result<Filter, Refusal> {
    let transport = |name: &String| {
        Transport::parse(name).ok_or_else(|| {
            let message = "`transport` is websocket, sse or long-poll";
            Refusal::new(Code::BadRequest, message)
        })
    };
    let dialect = |name: &String| {
        Dialect::parse(name).ok_or_else(|| {
            let message = "`dialect` is native or socketio";
            Refusal::new(Code::BadRequest, message)
        })
    };
    Ok(Filter {
        stream: whom.stream.as_deref().map(stream).transpose()?,
        principal: whom.principal.clone(),
        role: whom.role.clone(),
        room: whom.room.as_deref().map(room).transpose()?,
        transport: whom.transport.as_ref().map(transport).transpose()?,
        dialect: whom.dialect.as_ref().map(dialect).transpose()?,
        is_known: false,
    })
}
