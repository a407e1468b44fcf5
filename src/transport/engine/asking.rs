//! What a session cannot know by itself, and its engine asks for it.

use std::sync::Arc;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::bus::{Opened, Past};
use crate::model::code::Refusal;
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::secret::Secret;
use crate::model::start::Start;
use crate::session::{Ask, Input};
use crate::transport::granted::Caller;
use crate::transport::{ANSWER, CREDIT};
use crate::wire::client::Ref;

use super::Engine;
use super::busy::Busy;

impl Engine {
    /// Asks what the session cannot know. What cannot be answered at once is only noted.
    pub(super) fn ask(&mut self, ask: Ask) -> Option<Input> {
        match ask {
            Ask::Authenticate(reference, token) => self.shown(reference, &token),
            Ask::Extend(access) => Some(Input::Extended(self.context.extended(&access))),
            Ask::Open { rooms, start } => Some(self.open(&rooms, start)),
            Ask::Lift {
                join,
                leave,
                is_renamed,
            } => self.lift(&join, &leave, is_renamed),
            Ask::Publish {
                reference,
                access,
                offer,
            } => self.publish(reference, access, offer),
            Ask::Emit {
                reference,
                access,
                emission,
            } => self.emit(reference, access, emission),
            Ask::Join {
                reference,
                room,
                past,
                snapshot,
            } if self.is_asked_about(&room, past) => {
                self.inquire(reference, room, (past, snapshot))
            }
            Ask::Join {
                reference,
                room,
                past,
                snapshot,
            } => self.join(reference, room, (past, snapshot)),
            Ask::Leave { reference, room } => {
                self.subscription.as_mut()?.leave(&room);
                Some(Input::Left { reference, room })
            }
            Ask::Presence {
                reference,
                access,
                room,
            } => self.look(reference, access, room),
            Ask::Do {
                reference,
                access,
                deed,
            } => self.serve(reference, access, deed),
            Ask::Confirm { reference, by, id } => {
                let answer = self.confirm(by.as_deref(), id);
                Some(Input::Answered { reference, answer })
            }
            Ask::Follow(step) => self.heed(&step),
            Ask::Judge => self.judge(),
            Ask::Read => self.read_now(),
        }
    }

    /// Takes a step of a join. Onto the stream it is only noted: its steps are taken as the socket has room.
    pub(super) fn join(
        &mut self,
        reference: Option<Ref>,
        room: Room,
        (past, snapshot): (Past, bool),
    ) -> Option<Input> {
        self.owe_if(snapshot, &room);
        if self.reply.is_some() {
            let joining = self.past_of(&room, past, ANSWER)?;
            return Some(Input::Joined {
                reference,
                room,
                joining,
                in_answer: true,
            });
        }
        let joining = Busy::Joining {
            reference,
            room,
            past,
            catches_up: matches!(past.since, Start::Newest(_)),
            is_barred: false,
        };
        self.busy = Some(Box::new(joining.into()));
        None
    }

    /// Whose credential it is; later, if its key is being fetched.
    fn shown(&mut self, reference: Option<Ref>, token: &Secret) -> Option<Input> {
        let credential = Credential::from_token(token.expose());
        let fetch = credential
            .as_ref()
            .ok()
            .and_then(|credential| self.context.key_of(credential));
        let Some(fetch) = fetch else {
            let verdict = self.authenticate(credential);
            return self.known(reference, verdict);
        };
        let fetching = Busy::Fetching {
            reference,
            credential,
            fetch: Box::pin(fetch),
        };
        self.begin(fetching)
    }

    /// What its client's credential is worth now, if that has changed.
    fn judge(&self) -> Option<Input> {
        let access = self.session.access()?;
        match self.context.judge(access) {
            Ok(same) if Arc::ptr_eq(&same, access) => None,
            verdict => {
                let unasked = verdict.as_ref().map(|access| self.unasked(access));
                let unasked = unasked.unwrap_or_default();
                Some(Input::Judged(verdict, unasked))
            }
        }
    }

    /// Who shows this credential. Whoever had no name until now takes a place among the streams of its principal.
    pub(super) fn authenticate(
        &mut self,
        credential: Result<Credential, Refusal>,
    ) -> Result<Arc<Access>, Refusal> {
        let Caller { peer, held, .. } = &mut *self.caller;
        let access = self.context.authenticate(credential, *peer)?;
        let named = self.session.access().map(|access| &access.principal);
        if named.is_none_or(|principal| *principal == Principal::Anonymous) {
            self.context.enter(&access, *peer, held)?;
        }
        Ok(access)
    }

    fn open(&mut self, rooms: &[Room], start: Start) -> Input {
        let Opened {
            mut subscription,
            gaps,
            mut cursor,
            mut recovered,
            told,
        } = self.context.bus.subscribe_at(
            self.seat.clone(),
            rooms,
            start,
            self.caller.wishes.snapshot(),
        );
        if let Some(rooms) = self.caller.wishes.was_in() {
            let is_whole = subscription.goes_on(&rooms);
            recovered = Some(gaps.is_empty() && is_whole);
        }
        if let Some(access) = self.session.access() {
            subscription.attend(&access.principal);
            // What was said to it alone while nobody read it.
            let own = Room::of_stream(self.session.stream());
            if recovered.is_some() && self.context.bus.holds(&own) {
                subscription.enter(&own, &access.principal);
            }
        }
        self.subscription = Some(subscription);
        if let Some(told) = told.filter(|told| !told.is_over()) {
            // Who comes back with a position is owed no state: a new stream has none before it has been told.
            cursor = None;
            self.busy = Some(Box::new(Busy::Telling(told).into()));
        } else {
            let wishes = &mut self.caller.wishes;
            wishes.owe(wishes.due(rooms, start, &gaps));
            self.session.set_owes_state(!wishes.owed().is_empty());
        }
        if let Some(whole) = recovered {
            self.meter.resumed(whole);
        }
        Input::Opened {
            cursor,
            gaps,
            recovered,
        }
    }

    /// The state of `room` comes once it is joined, if that is wanted.
    pub(super) fn owe_if(&mut self, snapshot: bool, room: &Room) {
        if snapshot {
            self.caller.wishes.owe(vec![room.clone()]);
            self.session.set_owes_state(true);
        }
    }

    fn lift(&mut self, join: &[Room], leave: &[Room], is_renamed: bool) -> Option<Input> {
        let subscription = self.subscription.as_mut()?;
        if is_renamed {
            subscription.is_renamed(self.session.stream());
        }
        let who = &self.session.access()?.principal;
        leave.iter().for_each(|room| _ = subscription.leave(room));
        subscription.attend(who);
        join.iter()
            .for_each(|room| _ = subscription.join(room, Start::Now, CREDIT, who));
        let cursor = Some(subscription.cursor());
        let snapshot = self.caller.wishes.snapshot();
        join.iter().for_each(|room| self.owe_if(snapshot, room));
        Some(Input::Opened {
            cursor,
            gaps: Vec::new(),
            recovered: None,
        })
    }
}
