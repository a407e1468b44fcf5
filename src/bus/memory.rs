//! The bus over the memory log: one lock for the log, one for who waits.

use std::sync::Arc;

use crate::lifecycle::clock::Clock;
use crate::model::code::Refusal;
use crate::model::decree::{Bearer, Decree};
use crate::model::event::{Awaited, Event, NewEvent};
use crate::model::gap::Gap;
use crate::model::id::Principal;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::{Moment, UnixMillis};
use crate::sync::{Mutex, lock};

use super::Settings;
use super::confirmations::{Confirmations, Confirmer, Wait};
use super::decrees::{Revocations, Revoked};
use super::history::{Page, Query};
use super::idempotency::Idempotency;
use super::log::{Appended, Log};
use super::presence::Presence;
use super::reader::{Batch, Credit, Place, Reader};
use super::rooms::Entry;
use super::state::Told;
use super::subscription::{Opened, Subscription};
use super::wake::{Bell, Readers, Roster, Seat, Signal};

/// The bus: publish into it, subscribe to it, page through it. Clones are the same bus.
#[derive(Clone)]
pub struct Bus(Arc<Shared>);

/// What [`Bus`] and its subscriptions share.
pub(super) struct Shared {
    pub(super) log: Mutex<Log>,
    pub(super) readers: Readers,
    pub(super) presence: Presence,
    pub(super) revocations: Revocations,
    pub(super) confirmations: Arc<Confirmations>,
    /// Rung where something is due earlier than the keeper of the time knows.
    pub(super) alarm: Signal,
    pub(super) clock: Clock,
}

/// A publish that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its place in the order; a volatile event has none.
    pub position: Option<Position>,
    /// Whether it was there already, by its idempotency key.
    pub repeated: bool,
}

impl Bus {
    /// An empty memory log: a new epoch from random bits.
    #[must_use]
    pub fn memory(settings: Settings, epoch: Epoch, clock: Clock) -> Self {
        let presence = Presence::new(&settings);
        let log = Mutex::new(Log::new(settings, epoch));
        Self(Arc::new(Shared {
            log,
            readers: Readers::default(),
            presence,
            revocations: Revocations::default(),
            confirmations: Arc::default(),
            alarm: Signal::default(),
            clock,
        }))
    }

    /// Appends `new` and wakes the readers of its rooms. The position is assigned under the lock that makes it
    /// visible, so no reader can step over it.
    ///
    /// Async, because a log on disk or behind a network answers later; this one answers at once.
    ///
    /// # Errors
    /// The idempotency key came with another body, or no more keys can be remembered.
    pub async fn publish(
        &self,
        new: NewEvent,
        once: Option<Idempotency>,
    ) -> Result<Published, Refusal> {
        self.append(new, once, |_| ())
    }

    /// The same for `principal`, who waits for confirmations: it is there before anybody can have read the event. One that
    /// publishes it again waits again.
    ///
    /// # Errors
    /// `overloaded`: as many wait as may; as [`Self::publish`].
    pub async fn publish_awaited(
        &self,
        new: NewEvent,
        once: Option<Idempotency>,
        awaited: &Awaited,
        principal: Option<&Principal>,
    ) -> Result<(Published, Wait), Refusal> {
        let mut wait = self.0.confirmations.wait(principal)?;
        let rooms = new.rooms.clone();
        let until = once.is_some().then(|| self.0.clock.now() + awaited.timeout);
        let begin = |position| wait.begin(position, &rooms, awaited, until);
        let published = self.append(new, once, begin)?;
        Ok((published, wait))
    }

    /// `by` confirms the event `id`, if it may read one of its rooms.
    ///
    /// # Errors
    /// As [`Confirmations::confirm`].
    pub fn confirm(
        &self,
        id: Position,
        by: Confirmer<'_>,
        may_read: impl Fn(&Room) -> bool,
    ) -> Result<(), Refusal> {
        let now = (self.0.clock.now(), self.0.clock.unix());
        self.0.confirmations.confirm(id, by, may_read, now)
    }

    /// Appends `new`; whoever wants to `note` its position does so before anybody can read it.
    fn append(
        &self,
        new: NewEvent,
        once: Option<Idempotency>,
        note: impl FnOnce(Position),
    ) -> Result<Published, Refusal> {
        let (now, ts) = (self.0.clock.now(), self.0.clock.unix());
        let appended = self.0.step(|log| {
            let appended = log.append(new, once, now, ts)?;
            let (Appended::New(position) | Appended::Repeated(position)) = &appended;
            note(*position);
            Ok::<_, Refusal>(appended)
        })?;
        let (position, repeated) = match appended {
            Appended::New(position) => (position, false),
            Appended::Repeated(position) => (position, true),
        };
        Ok(Published {
            position: Some(position),
            repeated,
        })
    }

    /// Gives `new` to the streams that are in one of its rooms and have nothing else to read: it is not kept, and has no
    /// id. Whoever is busy does not get it.
    ///
    /// # Errors
    /// `bad_request`: one of its rooms conflates or batches.
    pub fn flash(&self, new: NewEvent) -> Result<Published, Refusal> {
        let position = {
            let log = lock(&self.0.log);
            log.check_volatile(&new.rooms)?;
            log.position(log.visible())
        };
        let (now, ts) = (self.0.clock.now(), self.0.clock.unix());
        let entry = Entry::new(Event::volatile(new, position, ts), now);
        self.0.readers.flash(&Arc::new(entry));
        Ok(Published {
            position: None,
            repeated: false,
        })
    }

    /// Ends all windows: what waits in them is appended, and what still comes is appended at once.
    pub fn close(&self) {
        let (now, ts) = (self.0.clock.now(), self.0.clock.unix());
        self.0.step(|log| log.close(now, ts));
    }

    /// Appends a decree, and wakes everybody who reads: each applies it before it is given anything that comes after it.
    /// A move concerns few, and whoever serves them calls them; of those whom nobody serves, the readers of a room that
    /// is to be left are woken.
    ///
    /// A revocation is kept until the credentials that it names have ended, or as long as the log if nothing says when.
    ///
    /// Async, as [`Self::publish`] is.
    ///
    /// # Errors
    /// `unavailable`: too many revocations are held.
    pub async fn decree(
        &self,
        decree: Decree,
        until: Option<UnixMillis>,
    ) -> Result<Position, Refusal> {
        let left = decree.moved().filter(|moved| !moved.joins);
        let left = left.map(|moved| moved.room.clone());
        let is_for_all;
        let position = {
            let mut log = lock(&self.0.log);
            let position = log.decree(decree.clone(), until)?;
            is_for_all = decree.moved().is_none() || log.decrees().calls_all();
            // Under the log's lock: who opens a reader behind it finds the revocation here.
            if let Decree::Revoked(revocation) = decree {
                self.0.revocations.add(Revoked { revocation, until });
            }
            position
        };
        if is_for_all {
            self.0.readers.ring_all();
        } else if let Some(room) = left {
            self.0.readers.ring_alone(&room);
        }
        Ok(position)
    }

    /// Whether the credential of `bearer` is revoked.
    #[must_use]
    pub fn has_revoked(&self, bearer: Bearer<'_>) -> bool {
        self.0.revocations.cover(bearer)
    }

    /// The revocations that hold.
    #[must_use]
    pub fn revocations(&self) -> Vec<Revoked> {
        self.0.revocations.all()
    }

    /// From now on these bounds hold, also for what is held already; what is beyond them is a gap for who has not read it.
    ///
    /// Windows end: what comes from now on may be delivered at once, and what waits came before it.
    pub fn configure(&self, settings: Settings) {
        self.0.presence.configure(&settings);
        let (now, ts) = (self.0.clock.now(), self.0.clock.unix());
        self.0.step(|log| {
            log.end_windows(now, ts);
            log.configure(settings);
        });
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// Begins to read `rooms` from `start`.
    #[must_use]
    pub fn subscribe(&self, rooms: &[Room], start: Start) -> Opened {
        let bell = self.0.readers.bell();
        Subscription::open(self.0.clone(), bell, (rooms, start), false)
    }

    /// The same for a reader that a loop serves: it is never waited for by itself. If it starts now, the state of its rooms
    /// there comes with it, where that is wanted.
    #[must_use]
    pub fn subscribe_at(
        &self,
        seat: Arc<Seat>,
        rooms: &[Room],
        start: Start,
        with_state: bool,
    ) -> Opened {
        Subscription::open(self.0.clone(), Bell::Seat(seat), (rooms, start), with_state)
    }

    /// Reads `rooms` once from `start`, for whoever may not have to wait: what its start tells to be missing comes first
    /// among the gaps. Nobody is told of what comes later; a subscription from the batch's cursor on misses nothing.
    ///
    /// With it comes the state of those rooms that `state` chooses, told what is missing.
    #[must_use]
    pub fn read(
        &self,
        rooms: &[Room],
        start: Start,
        credit: Credit,
        state: impl FnOnce(&[Gap]) -> Vec<Room>,
    ) -> (Batch, Told) {
        let log = self.0.log();
        let (mut reader, mut gaps) = Reader::open(&log, rooms.to_vec(), start);
        let mut batch = reader.read(&log, credit);
        gaps.append(&mut batch.gaps);
        let told = log.state(&state(&gaps));
        (Batch { gaps, ..batch }, told)
    }

    /// The state of `rooms` now.
    #[must_use]
    pub fn state(&self, rooms: &[Room]) -> Told {
        self.0.log().state(rooms)
    }

    /// What a reader at `place` would read: for all who are there. Nothing where there is nothing, or where it would
    /// tell of gaps or decrees, which each is told for itself, or hold an event that is not for all; moves that it passes
    /// are told with it, and whom one of them concerns does not take it.
    #[must_use]
    pub fn look(&self, place: &Place, credit: Credit) -> Option<Batch> {
        let batch = Reader::at(place).read_for_all(&self.0.log(), credit);
        let mut decrees = batch.decrees.iter();
        let is_alike = batch.gaps.is_empty() && decrees.all(|(_, one)| one.moved().is_some());
        let is_for_all = || batch.events.iter().all(|event| event.event().is_for_all());
        (is_alike && !batch.events.is_empty() && is_for_all()).then_some(batch)
    }

    /// From now on the readers of `roster` are told.
    pub fn enlist(&self, roster: Arc<Roster>) {
        self.0.readers.enlist(roster);
    }

    /// One page of a room's history.
    #[must_use]
    pub fn history(&self, query: &Query) -> Page {
        self.0.log().page(query)
    }

    /// Whether anything of `room` is held.
    #[must_use]
    pub fn holds(&self, room: &Room) -> bool {
        lock(&self.0.log).room(room).is_some()
    }

    /// Whether somebody reads `room`.
    #[must_use]
    pub fn has_readers(&self, room: &Room) -> bool {
        self.0.readers.count(room) > 0
    }

    /// Drops what `room` holds; its readers get a gap.
    pub fn purge(&self, room: &Room) {
        lock(&self.0.log).purge(room);
        self.0.readers.ring(std::slice::from_ref(room));
    }

    /// The end of what is visible.
    #[must_use]
    pub fn head(&self) -> Position {
        let log = lock(&self.0.log);
        log.position(log.visible())
    }
}

impl Shared {
    /// A step that may append: whoever reads what has grown is told, and who keeps the time.
    pub(super) fn step<T>(&self, step: impl FnOnce(&mut Log) -> T) -> T {
        let (outcome, grown, is_early) = {
            let mut log = lock(&self.log);
            let outcome = step(&mut log);
            (outcome, log.take_grown(), log.is_armed_too_late())
        };
        if !grown.is_empty() {
            self.readers.ring(&grown);
        }
        if is_early {
            self.alarm.ring();
        }
        outcome
    }

    /// The log as a reader may see it: without what has reached its age.
    pub(super) fn log(&self) -> crate::sync::MutexGuard<'_, Log> {
        let mut log = lock(&self.log);
        log.expire(self.clock.now());
        log
    }

    /// Appends what the gateway itself has to tell.
    pub(super) fn append(&self, new: NewEvent, now: Moment, ts: UnixMillis) {
        // Without an idempotency key there is nothing that it could be refused for.
        let _ = self.step(|log| log.append(new, None, now, ts));
    }
}
