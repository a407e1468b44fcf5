//! What the loop asks of a session: where it reads, what it takes, how its streams are seen.

use bytes::Bytes;

use crate::bus::reader::Place;
use crate::bus::rooms::Delivery;
use crate::model::code::Refusal;
use crate::model::decree::Move;
use crate::model::id::StreamId;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::session::{Input, Now};
use crate::transport::engine::Engine;
use crate::transport::shard::form::Form;
use crate::transport::shard::orders::Seen;
use crate::transport::shard::prepared::Prepared;
use crate::transport::shard::stream::Turn;
use crate::transport::socketio::conversation::Conversation;

use super::Mux;

impl Mux {
    /// How the events of the conversation on its own seat are written.
    pub(in crate::transport::shard) fn form(&self) -> Option<Form> {
        let first = self.first.as_ref()?;
        Some(Form::Conversation(first.style().clone()))
    }

    /// Where the conversation on its own seat reads, if a read for it is one for all who are there.
    pub(in crate::transport::shard) fn place(&self) -> Option<Place> {
        let first = self.first.as_ref().filter(|_| self.is_writable())?;
        first.engine.place()
    }

    /// Whether that one takes what was prepared.
    pub(in crate::transport::shard) fn takes(&self, prepared: &Prepared) -> bool {
        let takes = |one: &Conversation| {
            one.engine.is_at(&prepared.place) && !one.engine.is_moved_by(&prepared.batch.decrees)
        };
        self.is_writable() && self.first.as_ref().is_some_and(takes)
    }

    /// It takes what was prepared, as far as its carrier does.
    pub(in crate::transport::shard) fn take(
        &mut self,
        prepared: &Prepared,
        bytes: &Bytes,
        now: Now,
    ) -> Turn {
        if let Some(first) = &mut self.first {
            first.engine.follow(prepared.batch.cursor, now.moment);
        }
        self.hand_over(bytes, now)
    }

    /// What is volatile is for the conversation on the seat of this `number`, if it has nothing else to read: in which form
    /// it takes it.
    pub(in crate::transport::shard) fn takes_flash(
        &self,
        number: usize,
        event: &Delivery,
    ) -> Option<Form> {
        let mut all = self.conversations();
        let own = all.find(|one| one.engine.seat().number() == number)?;
        let takes = self.is_writable() && !self.schedule.is_listed;
        (takes && own.engine.takes_flash(event)).then(|| Form::Conversation(own.style().clone()))
    }

    /// Whether that one has not read as far as where `event` stands, and could.
    pub(in crate::transport::shard) fn lags_behind(&self, number: usize, event: &Delivery) -> bool {
        let mut all = self.conversations();
        let own = all.find(|one| one.engine.seat().number() == number);
        let could = self.is_writable() && !self.schedule.is_listed;
        could && own.is_some_and(|own| own.engine.lags_behind(event))
    }

    /// Writes `bytes`, as far as its carrier takes them.
    pub(in crate::transport::shard) fn hand_over(&mut self, bytes: &Bytes, now: Now) -> Turn {
        self.unwritten = bytes.clone();
        self.written += bytes.len() as u64;
        match self.write(now) {
            Ok(()) => Turn::Waits,
            Err(error) => self.failed(&error),
        }
    }

    /// How operators see its streams.
    pub(in crate::transport::shard) fn seen(&self, engine: &Engine, now: Moment) -> Seen {
        Seen::of(engine, now, self.written, !self.is_writable())
    }

    /// Ends one of its streams with a refusal.
    pub(in crate::transport::shard) fn dismiss(
        &mut self,
        stream: StreamId,
        refusal: Refusal,
        now: Now,
    ) -> Option<Turn> {
        let is_it = |one: &mut Conversation| one.engine.session().stream() == stream;
        let place =
            (0..self.places()).find(|&place| self.conversation(place).is_some_and(is_it))?;
        self.run(place, Input::Fault(refusal), now)
    }

    /// From now on the stream reads its own room, if it is here.
    pub(in crate::transport::shard) fn address(&mut self, stream: StreamId) -> bool {
        let mut all = self.first.iter_mut().chain(self.more.others_mut());
        let own = all.find(|one| one.engine.session().stream() == stream);
        own.is_some_and(|one| one.engine.is_addressed())
    }

    /// How many of its streams a move concerns that was decreed `at` this position.
    pub(in crate::transport::shard) fn to_move(&self, moved: &Move, at: Position) -> usize {
        let engines = self.engines();
        engines
            .filter(|engine| engine.is_to_move(moved, at))
            .count()
    }
}
