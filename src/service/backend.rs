//! What a request has to do with the backend's hooks.

use std::sync::Arc;

use http::Request;

use crate::auth::Access;
use crate::lifecycle::random;
use crate::limit::address::Address;
use crate::limit::{Held, Payer};
use crate::model::code::Refusal;
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::room::Room;
use crate::model::trace::TraceParent;
use crate::model::transport::Transport;
use crate::session::Answer;
use crate::session::emits::Emission;
use crate::transport::emit::Step;
use crate::transport::granted::Caller;
use crate::transport::voice::{Line, Voice};
use crate::transport::wishes::Wishes;
use crate::wire::client::Emit;
use crate::wire::negotiate::StreamRequest;

use super::{Connection, Service};

/// What a message that is emitted is called among the limits.
const EMIT: &str = "emit";

impl Service {
    /// What the backend knows `request` by.
    pub(super) fn line<B>(
        &self,
        request: &Request<B>,
        transport: Transport,
        stream: Option<StreamId>,
    ) -> Line {
        Line {
            stream,
            transport,
            dialect: Dialect::Native,
            headers: self.context.hooks.forwarded(request.headers()).into(),
            trace: request.extensions().get::<TraceParent>().copied(),
        }
    }

    /// What the stream of `request` is known by, if it becomes one.
    pub(super) fn caller<B>(
        &self,
        request: &Request<B>,
        connection: &Connection,
        wanted: &StreamRequest,
    ) -> Box<Caller> {
        let (now, wishes) = (self.context.clock.now(), Wishes::of(wanted));
        let mut caller = connection.caller(now, Held::default(), wishes);
        if !self.context.hooks.is_any() {
            return caller;
        }
        let transport = wanted.transport;
        let is_stream = transport != Transport::LongPoll;
        let stream = is_stream.then(|| StreamId::from_random(random::wide_bits()));
        let line = self.line(request, transport, stream);
        let voice = Voice::new(line, self.context.hooks.clone());
        caller.voice = Some(Box::new(voice));
        caller
    }

    /// Asks the backend whether somebody who opens no stream may look into `room`, as it would be about a poll. What the
    /// credential is worth once it has said yes.
    pub(super) async fn may_read<B>(
        &self,
        request: &Request<B>,
        access: Arc<Access>,
        room: &Room,
    ) -> Result<Arc<Access>, Refusal> {
        if !self.context.asks_about(room) {
            return Ok(access);
        }
        let line = self.line(request, Transport::LongPoll, None);
        let about = line.about(&access);
        Box::pin(self.context.may_join(&line, &about, room)).await?;
        self.context.judge_in_time(&access)
    }

    /// Tells the backend what somebody emits who names no stream.
    pub(super) async fn emit(
        &self,
        access: &Access,
        connection: &Connection,
        emit: Emit,
        line: &Line,
    ) -> Answer {
        let emission = self
            .within_rates(access, connection, &emit)
            .and_then(|()| Emission::of(access, emit));
        let emission = match emission {
            Ok(emission) => emission,
            Err(refusal) => return Answer::Refused(None, refusal),
        };
        let by = crate::ingress::By {
            is_counted: true,
            ..connection.by(access)
        };
        let teller = || line.teller(access);
        match self.context.emit(by, emission, teller).await {
            Step::Told { answer, .. } => answer,
            // Without a stream there is none of its own.
            Step::Own(..) => Answer::done(None),
        }
    }

    /// Whether its principal may emit as many by its name: what no stream counts is counted here.
    fn within_rates(
        &self,
        access: &Access,
        connection: &Connection,
        emit: &Emit,
    ) -> Result<(), Refusal> {
        let payer = Payer::of(&access.principal, Address::of_peer(connection.peer));
        let (limits, now) = (&access.role.events, self.context.clock.now());
        [EMIT, emit.event.as_str()]
            .into_iter()
            .try_for_each(|name| self.context.limiter.event(payer, name, limits, now))
    }
}
