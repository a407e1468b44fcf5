//! What a session does with its client's messages.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Access;
use crate::bus::{Joining, Past};
use crate::limit::Payer;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::id::Principal;
use crate::model::limits::{Quota, Rate};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::wire::client::{ClientMessage, Malformed, Ref, Want};
use crate::wire::control::{Ack, Control, Envelope};
use crate::wire::negotiate::invalid_cursor;

use super::admission::{forbidden, too_many_rooms};
use super::deed::Deed;
use super::{Action, Answer, Ask, Live, Now, Session, State, emits};

/// Messages beyond the rate that a stream may send before it is closed.
const PATIENCE: Rate = Rate {
    count: 500,
    per: Duration::from_secs(10),
};

impl Session {
    pub(super) fn message(
        &mut self,
        message: Result<ClientMessage, Malformed>,
        by: Option<Arc<Access>>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let taken = self.take(now);
        let (reference, answer) = match (message, taken) {
            (
                Ok(ClientMessage { reference, .. }) | Err(Malformed { reference, .. }),
                Err(refusal),
            ) => (reference, Err(refusal)),
            (Err(Malformed { reference, refusal }), Ok(())) => (reference, Err(*refusal)),
            (Ok(ClientMessage { reference, want }), Ok(())) => {
                let named = self.named(&want, now);
                (
                    reference.clone(),
                    named.and_then(|()| self.want(reference, want, by)),
                )
            }
        };
        match answer {
            Ok(action) => out.push(action),
            Err(refusal) if refusal.code == Code::RateLimited && self.is_out_of_patience(now) => {
                self.end(reference, refusal, out);
            }
            Err(refusal) => out.push(Action::Answer(Answer::Refused(reference, refusal))),
        }
    }

    pub(super) fn answer_to(&self, reference: Option<Ref>, want: Want, out: &mut Vec<Action>) {
        let wanted = self.want(reference.clone(), want, None);
        out.push(
            wanted.unwrap_or_else(|refusal| Action::Answer(Answer::Refused(reference, refusal))),
        );
    }

    /// A Ping costs what a message costs; it has been answered, so one too many is only held against the client.
    pub(super) fn pinged(&mut self, now: Now, out: &mut Vec<Action>) {
        if let Err(refusal) = self.take(now)
            && self.is_out_of_patience(now)
        {
            self.end(None, refusal, out);
        }
    }

    fn take(&mut self, now: Now) -> Result<(), Refusal> {
        self.last_heard = now.moment;
        let role = self.access().map(|access| access.role.limits.messages);
        let rate = role.unwrap_or(self.settings.messages);
        self.messages.take(rate, now.moment).map_err(|pause| {
            Refusal::new(Code::RateLimited, "too many messages on this stream")
                .limit("messages")
                .spent(Quota::Rate(rate))
                .retry_after(pause)
        })
    }

    /// Whether as many of its name may come: of its type, and of the event that it would publish.
    fn named(&self, want: &Want, now: Now) -> Result<(), Refusal> {
        let Some(access) = self.access() else {
            return Ok(());
        };
        let mut names = std::iter::once(want.kind()).chain(want.event());
        names.try_for_each(|name| {
            let (payer, limits) = (Payer::Stream(self.stream), &access.role.events);
            self.settings.limiter.event(payer, name, limits, now.moment)
        })
    }

    /// Each message beyond the rate is answered, and so costs us about what it costs its sender; who sends
    /// hundreds of them reads no answers.
    fn is_out_of_patience(&mut self, now: Now) -> bool {
        self.patience.take(PATIENCE, now.moment).is_err()
    }

    fn want(
        &self,
        reference: Option<Ref>,
        want: Want,
        by: Option<Arc<Access>>,
    ) -> Result<Action, Refusal> {
        let (live, want) = match (&self.state, want) {
            (State::Live(live), want) => (live, want),
            (State::Waiting { .. } | State::Ended, Want::Auth { token }) => {
                return Ok(Action::Ask(Ask::Authenticate(reference, token)));
            }
            (State::Waiting { .. } | State::Ended, _) => {
                return Err(Refusal::new(
                    Code::Unauthorized,
                    "say who you are first, with `auth`",
                ));
            }
        };
        let serve = |deed: Deed| {
            let access = by.as_ref().unwrap_or(&live.access);
            deed.ask(reference.clone(), access.clone())
        };
        match want {
            Want::Subscribe { ref room, .. }
                if by.as_ref().is_some_and(|by| !self.lets(live, by, room)) =>
            {
                Err(forbidden(room))
            }
            Want::Subscribe {
                room,
                since,
                rewind,
                snapshot,
            } => past(live, &room, since.as_deref(), rewind).map(|past| {
                Action::Ask(Ask::Join {
                    reference,
                    room,
                    past,
                    snapshot,
                })
            }),
            Want::Unsubscribe { room } => Ok(Action::Ask(Ask::Leave { reference, room })),
            Want::Publish(offer) => Ok(Action::Ask(Ask::Publish {
                reference,
                access: whose(live, by),
                offer,
            })),
            Want::Auth { .. } if self.is_anonymous_elsewhere(live) => {
                let message =
                    "only a WebSocket can say later who it is: connect with the credential";
                Err(Refusal::new(Code::BadRequest, message))
            }
            Want::Auth { token } => Ok(Action::Ask(Ask::Authenticate(reference, token))),
            Want::Emit(emit) => emits::ask(reference, whose(live, by), emit),
            Want::Presence { room } => Ok(Action::Ask(Ask::Presence {
                reference,
                access: whose(live, by),
                room,
            })),
            Want::Confirm { id } => Ok(Action::Ask(Ask::Confirm { reference, by, id })),
            Want::Join { whom, room } => serve(Deed::join(whom, room)),
            Want::Leave { whom, room } => serve(Deed::leave(whom, room)),
            Want::Disconnect { whom } => serve(Deed::Disconnect(whom)),
            Want::List(which) => serve(Deed::List(which)),
            Want::Ping => Ok(Action::Answer(Answer::done(reference))),
        }
    }

    /// Whoever is anonymous on another transport has no way of its own to the stream: anybody could say who it is.
    fn is_anonymous_elsewhere(&self, live: &Live) -> bool {
        let is_elsewhere =
            self.dialect == Dialect::Native && self.transport != Transport::WebSocket;
        live.access.principal == Principal::Anonymous && is_elsewhere
    }

    /// Whether an event of `room` may be confirmed here, `by` another credential than the stream's where one came with it.
    #[must_use]
    pub fn may_confirm(&self, by: Option<&Access>, room: &Room) -> bool {
        let State::Live(live) = &self.state else {
            return false;
        };
        let reads = live.may_subscribe(room) || room.stream() == Some(self.stream);
        reads && by.is_none_or(|by| self.lets(live, by, room))
    }

    /// Whether who comes `by` another request may have `room`. The stream lends nobody its rights; but what it was granted
    /// itself, and what is said to it alone, no credential of its principal's could have.
    fn lets(&self, live: &Live, by: &Access, room: &Room) -> bool {
        let is_own = || live.aside.grants(room) || room.stream() == Some(self.stream);
        by.may_subscribe(room) || is_own()
    }

    /// A step of a join: what is missing, what is held, and in the end the answer, with which the room becomes
    /// part of the stream.
    pub(super) fn joined(
        &mut self,
        reference: Option<Ref>,
        room: Room,
        joining: Joining,
        in_answer: bool,
        out: &mut Vec<Action>,
    ) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let Joining { gaps, events, next } = joining;
        let events: Vec<_> = events
            .iter()
            .map(|event| Envelope(event.envelope()))
            .collect();
        let mut ack = Ack {
            reference: reference.clone(),
            room: Some(room.clone()),
            ..Ack::default()
        };
        if in_answer {
            ack.gaps = (!gaps.is_empty()).then_some(gaps);
            ack.events = (!events.is_empty()).then_some(events);
            if next.is_some() {
                ack.cursor = next.and_then(|past| past.since.position());
                ack.more = Some(true);
                return out.push(Action::Answer(Answer::Done(ack)));
            }
        } else {
            out.extend(gaps.into_iter().map(|gap| Action::Send(Control::Gap(gap))));
            if !events.is_empty() {
                out.push(Action::Send(Control::Backfill {
                    room: room.clone(),
                    events,
                }));
            }
        }
        if let Some(past) = next {
            return out.push(Action::Ask(Ask::Join {
                reference,
                room,
                past,
                snapshot: false,
            }));
        }
        if !live.rooms.contains(&room) {
            live.rooms.push(room);
        }
        out.push(Action::Answer(Answer::Done(ack)));
    }

    pub(super) fn left(&mut self, reference: Option<Ref>, room: Room, out: &mut Vec<Action>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        live.rooms.retain(|one| *one != room);
        out.push(Action::Answer(Answer::in_room(reference, room)));
    }
}

/// Whose rights count: a stream lends nobody its own.
fn whose(live: &Live, by: Option<Arc<Access>>) -> Arc<Access> {
    by.unwrap_or_else(|| live.access.clone())
}

/// From where a client joins `room`, if it may.
fn past(live: &Live, room: &Room, since: Option<&str>, rewind: usize) -> Result<Past, Refusal> {
    if !live.may_subscribe(room) {
        return Err(forbidden(room));
    }
    let most = live.access.role.limits.rooms_per_stream;
    if live.rooms.len() >= most && !live.rooms.contains(room) {
        return Err(too_many_rooms(most));
    }
    let start = match since {
        None | Some("") if rewind > 0 => Start::Newest(rewind),
        None | Some("") => Start::Now,
        Some("earliest") => Start::Earliest,
        Some(text) => Start::At(Position::parse_cursor(text).map_err(|_| invalid_cursor("since"))?),
    };
    Ok(start.into())
}
