//! The bus over the memory log: one lock for the log, one for who waits.

use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::clock::Clock;
use crate::model::code::Refusal;
use crate::model::event::NewEvent;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::start::Start;
use crate::sync::{Mutex, lock};

use super::Settings;
use super::history::{Page, Query};
use super::idempotency::Idempotency;
use super::log::{Appended, Log};
use super::subscription::{Opened, Subscription};
use super::wake::Readers;

/// The bus: publish into it, subscribe to it, page through it. Clones are the same bus.
#[derive(Clone)]
pub struct Bus(Arc<Shared>);

/// What [`Bus`] and its subscriptions share.
pub(super) struct Shared {
    pub(super) log: Mutex<Log>,
    pub(super) readers: Readers,
    clock: Clock,
}

/// A publish that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its place in the order.
    pub position: Position,
    /// Whether it was there already, by its idempotency key.
    pub repeated: bool,
}

/// How often rooms that nobody touches are looked at for their age.
const EXPIRY_EVERY: Duration = Duration::from_secs(1);

impl Bus {
    /// An empty memory log: a new epoch from random bits.
    #[must_use]
    pub fn memory(settings: Settings, epoch: Epoch, clock: Clock) -> Self {
        let log = Mutex::new(Log::new(settings, epoch));
        Self(Arc::new(Shared {
            log,
            readers: Readers::default(),
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
        let (now, ts) = (self.0.clock.now(), self.0.clock.unix());
        let appended = lock(&self.0.log).append(new, once, now, ts)?;
        match appended {
            Appended::New(entry) => {
                self.0.readers.ring(&entry.event.rooms);
                Ok(Published {
                    position: entry.event.position,
                    repeated: false,
                })
            }
            Appended::Repeated(position) => Ok(Published {
                position,
                repeated: true,
            }),
        }
    }

    /// Begins to read `rooms` from `start`.
    #[must_use]
    pub fn subscribe(&self, rooms: Vec<Room>, start: Start) -> Opened {
        Subscription::open(self.0.clone(), rooms, start)
    }

    /// One page of a room's history.
    #[must_use]
    pub fn history(&self, query: &Query) -> Page {
        self.0.log().page(query)
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

    /// Events held, and the memory that they are taken to use, in bytes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        lock(&self.0.log).size()
    }

    /// Looks after the age of rooms that nobody reads or writes, for ever.
    pub async fn look_after_ages(self) {
        loop {
            self.0.clock.sleep(EXPIRY_EVERY).await;
            while lock(&self.0.log).expire(self.0.clock.now()) {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Shared {
    /// The log as a reader may see it: without what has reached its age.
    pub(super) fn log(&self) -> crate::sync::MutexGuard<'_, Log> {
        let mut log = lock(&self.log);
        log.expire(self.clock.now());
        log
    }
}
