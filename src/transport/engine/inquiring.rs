//! What the backend is asked about a client that is there: who has just said who it is, or wants to join a room.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use crate::auth::Access;
use crate::bus::Past;
use crate::model::code::Refusal;
use crate::model::room::Room;
use crate::session::admission::Invited;
use crate::session::{Answer, Input, Step};
use crate::transport::voice::Line;
use crate::wire::client::Ref;

use super::Engine;
use super::busy::{Busy, Held};

/// A question, and what it is about.
pub(super) enum Inquiry {
    /// Whether it may have a stream.
    Stream {
        reference: Option<Ref>,
        asking: Pin<Box<dyn Future<Output = Result<Invited, Refusal>> + Send>>,
    },
    /// Whether it may join a room.
    Room {
        reference: Option<Ref>,
        room: Room,
        /// From where, and whether with its state.
        past: (Past, bool),
        /// Whether the backend has taken the room away since.
        is_barred: bool,
        asking: Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>,
    },
}

impl Engine {
    /// A step of what the backend is asked; it is given what is live meanwhile.
    pub(super) fn asked(&mut self, mut held: Box<Held>, writable: bool) -> Option<Input> {
        match &mut held.busy {
            Busy::Inquiring(inquiry) => {
                if let Some(input) = self.inquired(inquiry) {
                    // A join that may be goes on at once.
                    return input.or_else(|| {
                        let joining = self.busy.take()?;
                        self.go_on(joining, writable)
                    });
                }
            }
            Busy::Emitting(emitting) => {
                if let Some(input) = self.emitted(emitting) {
                    if !matches!(input, Input::Told { .. }) {
                        self.hold(held);
                    }
                    return Some(input);
                }
            }
            Busy::Fetching { .. }
            | Busy::Joining { .. }
            | Busy::Telling(_)
            | Busy::Publishing { .. }
            | Busy::Doing { .. } => {}
        }
        self.hold(held);
        writable.then(|| self.read()).flatten()
    }

    /// What the backend knows it by.
    pub(super) fn line(&self) -> Line {
        let voice = self.caller.voice.as_ref();
        voice.map_or_else(|| Line::of(&self.session), |voice| voice.line().clone())
    }

    /// Whose credential it turned out to be; later, where the backend is asked about whoever has no name yet.
    pub(super) fn known(
        &mut self,
        reference: Option<Ref>,
        verdict: Result<Arc<Access>, Refusal>,
    ) -> Option<Input> {
        let asks = self.context.asks();
        let wish = self.session.wish().filter(|_| asks);
        let (access, wish) = match (verdict, wish) {
            (Ok(access), Some(wish)) => (access, wish),
            (Ok(access), None) => {
                let access = self.with_added(access);
                return self.renewed(reference, access);
            }
            (Err(refusal), _) => return Some(Input::Authenticated(reference, Err(refusal))),
        };
        let (context, line) = (self.context.clone(), self.line());
        let voice = self.caller.voice.as_ref();
        let entrance = voice.map(|voice| voice.entrance()).unwrap_or_default();
        let asking = Box::pin(async move { context.invite(&line, access, &wish, &entrance).await });
        let inquiry = Inquiry::Stream { reference, asking };
        self.begin(Busy::Inquiring(inquiry))
    }

    /// A client that has a name has shown another credential. The backend is asked about the rooms that it gets by it.
    fn renewed(&mut self, reference: Option<Ref>, access: Arc<Access>) -> Option<Input> {
        let before = self.session.access();
        let is_own = before.is_some_and(|before| before.principal == access.principal);
        let unasked = self.unasked(&access);
        let rooms = self.session.rooms().len() + unasked.len();
        // Whoever is refused anyway is refused without a question.
        if unasked.is_empty() || !is_own || rooms > access.role.limits.rooms_per_stream {
            return Some(Input::Authenticated(reference, Ok(access)));
        }
        let (context, line) = (self.context.clone(), self.line());
        let asking = Box::pin(async move { Ok(context.reinvite(&line, access, unasked).await) });
        let inquiry = Inquiry::Stream { reference, asking };
        self.begin(Busy::Inquiring(inquiry))
    }

    /// The rooms that its client would join if it had `access`, and about which the backend is to be asked first.
    pub(super) fn unasked(&self, access: &Access) -> Vec<Room> {
        let mut rooms = self.session.would_join(access);
        rooms.retain(|room| access.may_subscribe(room) && self.context.asks_about(room));
        rooms
    }

    /// What is left of it by now: rights may have gone while the backend thought about it, and rooms may have come about
    /// which it was not asked.
    fn still(&self, invited: Invited) -> Result<Invited, Refusal> {
        let access = self.context.judge_in_time(&invited.access)?;
        let new = access.rooms.iter();
        let new = new.filter(|room| !invited.access.rooms.contains(room));
        let new = new.filter(|room| self.context.asks_about(room));
        let unasked = invited.unasked.into_iter().chain(new.cloned()).collect();
        Ok(Invited {
            access,
            unasked,
            ..invited
        })
    }

    /// Whoever renews its credential keeps what the backend has added to the one before.
    pub(super) fn with_added(&self, access: Arc<Access>) -> Arc<Access> {
        let before = self.session.access();
        let own = before.filter(|before| before.principal == access.principal);
        match own.and_then(|before| before.added()) {
            None => access,
            Some(added) => access.with(added.clone()),
        }
    }

    /// Whether the backend is to be asked first whether it may join `room`, of whose `past` nothing was told yet.
    pub(super) fn is_asked_about(&self, room: &Room, past: Past) -> bool {
        past.until.is_none() && self.context.asks_about(room)
    }

    /// Asks whether it may join `room`.
    pub(super) fn inquire(
        &mut self,
        reference: Option<Ref>,
        room: Room,
        past: (Past, bool),
    ) -> Option<Input> {
        let (context, line) = (self.context.clone(), self.line());
        let about = line.about(self.session.access()?);
        let asked = room.clone();
        let asking = Box::pin(async move { context.may_join(&line, &about, &asked).await });
        let inquiry = Inquiry::Room {
            reference,
            room,
            past,
            is_barred: false,
            asking,
        };
        self.begin(Busy::Inquiring(inquiry))
    }

    /// Tells who is in `room`, once the backend has agreed to that where it is asked.
    pub(super) fn look(
        &mut self,
        reference: Option<Ref>,
        access: Arc<Access>,
        room: Room,
    ) -> Option<Input> {
        if !self.context.asks_about(&room) {
            let answer = self.context.presence(&access, room);
            return Some(Input::Published { reference, answer });
        }
        if let Err(refusal) = self.may_wait() {
            let answer = Answer::Refused(None, refusal);
            return Some(Input::Published { reference, answer });
        }
        let (context, line) = (self.context.clone(), self.line());
        let seen = Box::pin(async move { context.seen(&line, &access, room).await });
        self.answer_later(reference, seen)
    }

    /// What the backend has its stream do; where it is to leave a room, what the backend had agreed to counts no more.
    pub(super) fn heed(&mut self, step: &Step) -> Option<Input> {
        if let (Step::Exit(room) | Step::Bar(room), Some(access)) = (step, self.session.access()) {
            self.context.takes_back(access.principal.name(), room);
        }
        self.follow_step(step)
    }

    /// Goes on with it: what comes of the answer, which may be nothing yet; `None` while there is no answer.
    pub(super) fn inquired(&mut self, inquiry: &mut Inquiry) -> Option<Option<Input>> {
        let waker = self.seat.clone().into();
        let mut cx = Cx::from_waker(&waker);
        match inquiry {
            Inquiry::Stream { reference, asking } => {
                let Poll::Ready(verdict) = asking.as_mut().poll(&mut cx) else {
                    return None;
                };
                Some(Some(self.invited(reference.take(), verdict)))
            }
            Inquiry::Room {
                reference,
                room,
                past,
                is_barred,
                asking,
            } => {
                let Poll::Ready(answer) = asking.as_mut().poll(&mut cx) else {
                    return None;
                };
                let (reference, room) = (reference.take(), room.clone());
                if let Err(refusal) = answer {
                    let answer = Answer::Refused(None, refusal);
                    return Some(Some(Input::Told {
                        reference,
                        answer,
                        ends: false,
                    }));
                }
                // Its rights may have changed meanwhile.
                if *is_barred || !self.session.may_subscribe(&room) {
                    return Some(Some(Input::Barred { reference, room }));
                }
                Some(self.join(reference, room, *past))
            }
        }
    }

    fn invited(&mut self, reference: Option<Ref>, verdict: Result<Invited, Refusal>) -> Input {
        if let Some(voice) = &mut self.caller.voice {
            voice.may_be_let_in();
        }
        match verdict.and_then(|invited| self.still(invited)) {
            Ok(invited) => Input::Invited(reference, Box::new(invited)),
            Err(refusal) => Input::Authenticated(reference, Err(refusal)),
        }
    }
}
