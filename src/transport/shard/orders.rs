//! What operators and the backend ask of a shard's loop: who is there, that some leave, that some read on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::code::{Code, Refusal};
use crate::model::decree::{Move, Whom};
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::peer::Peer;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};
use crate::model::transport::Transport;

use super::Shard;
use super::round::Members;
use super::stream::Turn;
use crate::bus::Subscription;
use crate::session::Session;
use crate::transport::engine::Engine;

/// Which streams are meant: those for which all that is said holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The one of this name.
    pub stream: Option<StreamId>,
    /// Those of this principal, by its name.
    pub principal: Option<String>,
    /// Those of this role.
    pub role: Option<String>,
    /// Those that are in this room.
    pub room: Option<Room>,
    /// Those of this transport.
    pub transport: Option<Transport>,
    /// Those of this dialect.
    pub dialect: Option<Dialect>,
    /// Whether only those whose clients have said who they are.
    pub is_known: bool,
}

/// A stream, as operators see it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub stream: StreamId,
    /// Who, in which role; nothing while a WebSocket has not said it yet.
    pub who: Option<(String, String)>,
    /// From where.
    pub peer: Peer,
    /// The request that opened it.
    pub request: u64,
    /// How.
    pub transport: Transport,
    /// In which language.
    pub dialect: Dialect,
    /// Its rooms.
    pub rooms: Vec<Room>,
    /// Everything due up to here has been handed to its socket.
    pub cursor: Option<Position>,
    /// How many events wait for it, one of several of its rooms counted in each.
    pub lag: usize,
    /// Bytes that its socket has taken.
    pub bytes: u64,
    /// How long it has been open.
    pub age: Duration,
    /// When its credential ends.
    pub expires: Option<UnixMillis>,
    /// Whether its socket takes nothing at present.
    pub is_blocked: bool,
}

impl Seen {
    /// What is seen of `engine`, of which so many bytes were `written`.
    pub(super) fn of(engine: &Engine, now: Moment, written: u64, is_blocked: bool) -> Self {
        let (session, subscription) = (engine.session(), engine.subscription());
        let (access, caller) = (session.access(), engine.caller());
        Self {
            stream: session.stream(),
            who: access.map(|access| {
                let name = access.principal.name().to_owned();
                (name, access.role.name.clone())
            }),
            peer: caller.peer,
            request: caller.request,
            transport: session.transport(),
            dialect: session.dialect(),
            rooms: session.rooms().to_vec(),
            cursor: subscription.map(Subscription::cursor),
            lag: subscription.map_or(0, Subscription::lag),
            bytes: written,
            age: now.since(caller.since),
            expires: access.and_then(|access| access.expires_at),
            is_blocked,
        }
    }
}

/// How somebody is made to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// At once, and for good.
    Disconnect,
    /// At once, because its client is here by another connection.
    Replace,
    /// Within this time, to come back: here or elsewhere.
    Drain(Duration),
}

/// What is asked, and where the answer goes.
pub(super) enum Order {
    Survey {
        filter: Filter,
        after: Option<StreamId>,
        most: usize,
        reply: oneshot::Sender<Vec<Seen>>,
    },
    Leave {
        filter: Filter,
        farewell: Farewell,
        reply: oneshot::Sender<usize>,
    },
    Call {
        moved: Move,
        at: Position,
        reply: oneshot::Sender<usize>,
    },
    Address {
        stream: StreamId,
        reply: oneshot::Sender<bool>,
    },
}

impl Order {
    /// Whether somebody still waits for it: whoever has given up was told so, and it is not carried out behind its back.
    pub(super) fn is_awaited(&self) -> bool {
        match self {
            Self::Survey { reply, .. } => !reply.is_closed(),
            Self::Leave { reply, .. } | Self::Call { reply, .. } => !reply.is_closed(),
            Self::Address { reply, .. } => !reply.is_closed(),
        }
    }
}

impl Shard {
    /// The streams of `filter`, in the order of their names and behind `after`, at most so many. Nothing comes where the
    /// thread hangs.
    pub fn survey(
        &self,
        filter: Filter,
        after: Option<StreamId>,
        most: usize,
    ) -> oneshot::Receiver<Vec<Seen>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Survey {
            filter,
            after,
            most,
            reply,
        });
        answer
    }

    /// Makes the streams of `filter` leave; answers how many.
    pub fn dismiss(&self, filter: Filter, farewell: Farewell) -> oneshot::Receiver<usize> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Leave {
            filter,
            farewell,
            reply,
        });
        answer
    }
}

impl Shard {
    /// Calls those whom the move concerns that was decreed `at` this position, so that they read on up to there; answers
    /// how many streams that are.
    pub fn call(&self, moved: Move, at: Position) -> oneshot::Receiver<usize> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Call { moved, at, reply });
        answer
    }

    /// Has a stream read its own room from now on; answers whether it is here.
    pub fn address(&self, stream: StreamId) -> oneshot::Receiver<bool> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Address { stream, reply });
        answer
    }
}

impl Filter {
    /// The streams of `whom`.
    #[must_use]
    pub fn of(whom: &Whom) -> Self {
        let (stream, principal) = match whom {
            Whom::Stream(stream) => (Some(*stream), None),
            Whom::Principal(name) => (None, Some(name.to_string())),
        };
        Self {
            stream,
            principal,
            ..Self::default()
        }
    }

    fn fits(&self, session: &Session) -> bool {
        let access = session.access();
        let is = |wanted: &Option<String>, own: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| own.is_some_and(|own| own == wanted))
        };
        let principal = access.map(|access| access.principal.name());
        let role = access.map(|access| access.role.name.as_str());
        (!self.is_known || access.is_some())
            && self.stream.is_none_or(|wanted| wanted == session.stream())
            && self
                .transport
                .is_none_or(|wanted| wanted == session.transport())
            && self
                .dialect
                .is_none_or(|wanted| wanted == session.dialect())
            && is(&self.principal, principal)
            && is(&self.role, role)
            && self
                .room
                .as_ref()
                .is_none_or(|room| session.rooms().contains(room))
    }
}

impl Members {
    pub(super) fn carry_out(&mut self, order: Order) {
        // Whoever asked may have given up just now.
        match order {
            Order::Survey {
                filter,
                after,
                most,
                reply,
            } => _ = reply.send(self.survey(&filter, after, most)),
            Order::Leave {
                filter,
                farewell,
                reply,
            } => _ = reply.send(self.dismiss(&filter, farewell)),
            Order::Call { moved, at, reply } => _ = reply.send(self.call_moved(&moved, at)),
            Order::Address { stream, reply } => _ = reply.send(self.address(stream)),
        }
    }

    fn address(&mut self, stream: StreamId) -> bool {
        let mut members = self.members_mut();
        members.any(|member| member.address(stream))
    }

    /// Looks at all, and describes the few that are wanted.
    fn survey(&self, filter: &Filter, after: Option<StreamId>, most: usize) -> Vec<Seen> {
        let mut first = BTreeMap::new();
        for (_, member, engine) in self.engines() {
            let id = engine.session().stream();
            if filter.fits(engine.session()) && after.is_none_or(|after| after < id) {
                first.insert(id, (member, engine));
                if first.len() > most {
                    first.pop_last();
                }
            }
        }
        let now = self.context().clock.now();
        let seen = first
            .values()
            .map(|(member, engine)| member.seen(engine, now));
        seen.collect()
    }

    fn dismiss(&mut self, filter: &Filter, farewell: Farewell) -> usize {
        let wanted: Vec<_> = self
            .engines()
            .filter(|(.., engine)| filter.fits(engine.session()))
            .map(|(number, _, engine)| (number, engine.session().stream()))
            .collect();
        for &(number, stream) in &wanted {
            let refusal = match farewell {
                Farewell::Drain(window) => {
                    self.leave_within(number, window);
                    continue;
                }
                Farewell::Disconnect => {
                    Refusal::new(Code::Disconnected, "an operator ended this stream")
                }
                Farewell::Replace => {
                    let message = "its client has come back by another connection";
                    Refusal::new(Code::Timeout, message)
                }
            };
            self.end(number, stream, refusal);
        }
        wanted.len()
    }

    fn end(&mut self, number: usize, stream: StreamId, refusal: Refusal) {
        let now = self.context().now();
        if let Some(member) = self.member_mut(number) {
            let turn = member.dismiss(stream, refusal, now);
            // What is said last may be on its way only.
            self.after(number, turn.unwrap_or(Turn::Continues));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_given_up_is_not_awaited_any_more() {
        let (reply, answer) = oneshot::channel();
        let filter = Filter::default();
        let order = Order::Leave {
            filter,
            farewell: Farewell::Disconnect,
            reply,
        };
        assert!(order.is_awaited());
        drop(answer);
        assert!(!order.is_awaited());
    }
}
