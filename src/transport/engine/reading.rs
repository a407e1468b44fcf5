//! What a stream reads: the log, the state that it is owed behind it, and what of both is for its client.

use std::sync::Arc;

use crate::bus::reader::{Batch, Credit, Place};
use crate::bus::rooms::Delivery;
use crate::bus::state::Told;
use crate::bus::{Joining, Past, Subscription};
use crate::model::decree::Decree;
use crate::model::event::Event;
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::Moment;
use crate::session::Input;
use crate::transport::CREDIT;

use super::Engine;
use super::busy::Busy;

impl Engine {
    /// What the log has for it; and once that is all, the state that its client is owed.
    pub(super) fn read(&mut self) -> Option<Input> {
        loop {
            let (batch, told) = self.take()?;
            if batch.is_empty() {
                let told = told.filter(|told| !told.is_over());
                return told.map(|told| self.tell(told));
            }
            // What is empty now held only events that are not for its client.
            let batch = self.own(batch);
            if !batch.is_empty() {
                return Some(Input::Batch(batch));
            }
        }
    }

    /// What the log has for it, even if that is nothing.
    pub(super) fn read_now(&mut self) -> Option<Input> {
        let who = self.session.who();
        let batch = self.subscription.as_mut()?.read_as(CREDIT, who);
        Some(Input::Batch(self.own(batch)))
    }

    fn take(&mut self) -> Option<(Batch, Option<Told>)> {
        let subscription = self.subscription.as_mut()?;
        if !self.session.owes_state() || self.busy.is_some() {
            let batch = subscription.read_as(CREDIT, self.session.who());
            return Some((batch, None));
        }
        // It may have left one of them since.
        let wishes = &mut self.caller.wishes;
        wishes.keep_owed(|room| subscription.has(room));
        self.session.set_owes_state(!wishes.owed().is_empty());
        Some(subscription.read_to_state(CREDIT, self.session.who(), wishes.owed()))
    }

    /// Begins to tell the state that its client is owed.
    fn tell(&mut self, mut told: Told) -> Input {
        self.caller.wishes.keep_owed(|_| false);
        self.session.set_owes_state(false);
        let step = told.step(CREDIT.bytes);
        if !told.is_over() {
            self.busy = Some(Box::new(Busy::Telling(told).into()));
        }
        Input::State(step)
    }

    /// What of `batch` is for its client.
    pub(super) fn own(&mut self, mut batch: Batch) -> Batch {
        if !batch.gaps.is_empty() {
            self.owe(&batch.gaps);
        }
        let is_for_all = |event: &Delivery| event.event().is_for_all();
        if !batch.events.iter().all(is_for_all) {
            batch
                .events
                .retain(|event| self.is_for_client(event.event()));
        }
        batch
    }

    /// A step of joining `room`, and what of its past is for its client.
    pub(super) fn past_of(&mut self, room: &Room, past: Past, credit: Credit) -> Option<Joining> {
        let who = &self.session.access()?.principal;
        let mut joining = self.subscription.as_mut()?.join(room, past, credit, who);
        joining
            .events
            .retain(|event| self.is_for_client(event.event()));
        Some(joining)
    }

    fn is_for_client(&self, event: &Event) -> bool {
        let access = self.session.access();
        access.is_some_and(|access| self.caller.wishes.lets(event, access.principal.name()))
    }

    /// Something is missing, and its client may be owed the state instead.
    pub(super) fn owe(&mut self, gaps: &[Gap]) {
        self.caller.wishes.owe_lost(gaps);
        let owes = !self.caller.wishes.owed().is_empty();
        self.session.set_owes_state(owes);
    }

    /// Whether it has not read as far as where `event` stands, though that is in a room of its own.
    pub(crate) fn lags_behind(&self, event: &Delivery) -> bool {
        let lags = |subscription: &Subscription| {
            let seq = event.event().position.seq;
            subscription.has(event.room()) && !subscription.has_read(seq)
        };
        self.subscription.as_ref().is_some_and(lags)
    }

    /// What is for those who have nothing else to read, if it is for its client.
    pub(crate) fn takes_flash(&self, flash: &Delivery) -> bool {
        let is_at_the_head = |subscription: &Subscription| {
            subscription.has(flash.room()) && subscription.has_followed(flash.event().position.seq)
        };
        self.reads_on().is_some_and(is_at_the_head) && self.is_for_client(flash.event())
    }

    /// Whether it has to stop at one of these decrees.
    pub(crate) fn is_moved_by(&self, decrees: &[(u64, Arc<Decree>)]) -> bool {
        let mut decrees = decrees.iter();
        decrees.any(|(_, decree)| self.session.is_moved_by(decree))
    }

    /// From now on it reads its own room, if it reads at all. That room is none of its client's: nobody is told of it.
    pub(crate) fn is_addressed(&mut self) -> bool {
        let room = Room::of_stream(self.session.stream());
        let reader = self.subscription.as_mut().zip(self.session.access());
        let joined = reader.map(|(subscription, access)| {
            subscription.join(&room, Start::Now, CREDIT, &access.principal)
        });
        joined.is_some()
    }

    /// Its place in the log, if all it does is to read on from there.
    pub(crate) fn place(&self) -> Option<Place> {
        self.reads_on()?.place()
    }

    /// Whether all it does is to read on from `place`.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        self.reads_on().is_some_and(|own| own.is_at(place))
    }

    fn reads_on(&self) -> Option<&Subscription> {
        let is_free = self.busy.is_none() && self.session.is_live() && !self.session.owes_state();
        let subscription = self.subscription.as_ref().filter(|_| is_free)?;
        // Who still reads its past does so by itself: it counts as a replay, and not as live.
        subscription
            .has_followed(subscription.opened())
            .then_some(subscription)
    }

    /// What was read at its place, up to `cursor`, is given to it too.
    pub(crate) fn follow(&mut self, cursor: Position, now: Moment) {
        self.session.has_written(now);
        if let Some(subscription) = &mut self.subscription {
            subscription.follow(cursor);
        }
    }
}
