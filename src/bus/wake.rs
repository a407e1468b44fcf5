//! Waking: who waits for a room is registered here, and nowhere in the log.

mod roster;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};

use crate::model::room::Room;

use super::rooms::Entry;
use crate::sync::{Mutex, lock};

pub use roster::{Roster, Seat};

/// How a reader is told that one of its rooms has grown.
#[derive(Clone, Debug)]
pub enum Bell {
    /// It waits by itself.
    Own(Arc<Signal>),
    /// A loop serves it, and is told.
    Seat(Arc<Seat>),
}

impl Bell {
    /// The reader has read up to `seq`.
    pub fn has_read(&self, seq: u64) {
        match self {
            Self::Own(signal) => signal.cursor.store(seq, Ordering::Relaxed),
            Self::Seat(seat) => seat.has_read(seq),
        }
    }

    /// Waits for a ring since the last wait; for ever, where a loop is told instead. Dropping the future loses none.
    pub async fn rung(&self) {
        match self {
            Self::Own(signal) => signal.rung().await,
            Self::Seat(_) => std::future::pending().await,
        }
    }
}

/// One reader's bell. A ring that nobody waits for is kept for the next wait, so none is lost.
#[derive(Debug)]
pub struct Signal {
    /// Its number among those who wait by themselves.
    number: u64,
    state: Mutex<State>,
    /// How far the reader has read, for whoever asks who is behind.
    cursor: AtomicU64,
}

#[derive(Debug)]
enum State {
    Silent,
    Rung,
    Waiting(Waker),
}

impl Default for Signal {
    /// One that is no reader's.
    fn default() -> Self {
        Self::new(0)
    }
}

impl Signal {
    fn new(number: u64) -> Self {
        Self {
            number,
            state: Mutex::new(State::Silent),
            cursor: AtomicU64::new(0),
        }
    }

    /// Rings.
    pub fn ring(&self) {
        let before = std::mem::replace(&mut *lock(&self.state), State::Rung);
        if let State::Waiting(waker) = before {
            waker.wake();
        }
    }

    /// Waits for a ring since the last wait. Dropping the future loses none.
    pub async fn rung(&self) {
        poll_fn(|cx| {
            let mut state = lock(&self.state);
            if matches!(*state, State::Rung) {
                *state = State::Silent;
                return Poll::Ready(());
            }
            *state = State::Waiting(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// The readers of each room. A room without readers costs nothing here, a reader creates none in the log.
#[derive(Debug)]
pub struct Readers(Mutex<Registry>);

impl Default for Readers {
    fn default() -> Self {
        Self(Mutex::new(Registry::default()))
    }
}

#[derive(Debug, Default)]
struct Registry {
    /// Those who wait by themselves; by number, so that leaving costs the same in a room of ten thousand.
    rooms: HashMap<Room, BTreeMap<u64, Arc<Signal>>>,
    next: u64,
    /// Those whom a loop serves.
    rosters: Vec<Arc<Roster>>,
}

impl Readers {
    /// The bell of a reader that waits by itself.
    pub fn bell(&self) -> Bell {
        let mut registry = lock(&self.0);
        registry.next += 1;
        Bell::Own(Arc::new(Signal::new(registry.next)))
    }

    /// From now on the readers of `roster` hear of their rooms.
    pub fn enlist(&self, roster: Arc<Roster>) {
        lock(&self.0).rosters.push(roster);
    }

    /// From now on the reader with this bell hears of `room`. To be called under the lock of the log, or before the read that it
    /// guards.
    pub fn add(&self, room: &Room, bell: &Bell) {
        match bell {
            Bell::Own(signal) => {
                let mut registry = lock(&self.0);
                let readers = registry.rooms.entry(room.clone()).or_default();
                readers.insert(signal.number, signal.clone());
            }
            Bell::Seat(seat) => seat.add(room),
        }
    }

    /// The reader with this bell hears of `room` no more.
    pub fn remove(&self, room: &Room, bell: &Bell) {
        let signal = match bell {
            Bell::Own(signal) => signal,
            Bell::Seat(seat) => return seat.remove(room),
        };
        let mut registry = lock(&self.0);
        if let Some(readers) = registry.rooms.get_mut(room) {
            readers.remove(&signal.number);
            if readers.is_empty() {
                registry.rooms.remove(room);
            }
        }
    }

    /// Tells everyone who waits for one of `rooms`.
    pub fn ring(&self, rooms: &[Room]) {
        // Rung outside the lock, which every connect and every close needs.
        let mut signals: Vec<Arc<Signal>> = Vec::new();
        {
            let registry = lock(&self.0);
            let readers = rooms.iter().filter_map(|room| registry.rooms.get(room));
            signals.extend(readers.flat_map(BTreeMap::values).cloned());
            registry
                .rosters
                .iter()
                .for_each(|roster| roster.ring(rooms));
        }
        signals.iter().for_each(|signal| signal.ring());
    }

    /// Gives `flash` to the loops with a reader in one of its rooms. Whoever waits by itself does not get it: it reads the
    /// log, and nothing else.
    pub fn flash(&self, flash: &Arc<Entry>) {
        let rosters = &lock(&self.0).rosters;
        rosters.iter().for_each(|roster| roster.flash(flash));
    }

    /// Tells those who wait for `room` by themselves.
    pub fn ring_alone(&self, room: &Room) {
        let signals: Vec<Arc<Signal>> = {
            let registry = lock(&self.0);
            let readers = registry.rooms.get(room).into_iter();
            readers.flat_map(BTreeMap::values).cloned().collect()
        };
        signals.iter().for_each(|signal| signal.ring());
    }

    /// Tells everyone, whatever they wait for.
    pub fn ring_all(&self) {
        let signals: Vec<Arc<Signal>> = {
            let registry = lock(&self.0);
            registry.rosters.iter().for_each(|roster| roster.ring_all());
            let rooms = registry.rooms.values();
            rooms.flat_map(BTreeMap::values).cloned().collect()
        };
        signals.iter().for_each(|signal| signal.ring());
    }

    /// The rooms with a reader.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        let registry = lock(&self.0);
        let served = registry.rosters.iter().flat_map(|roster| roster.rooms());
        let rooms: BTreeSet<_> = registry.rooms.keys().cloned().chain(served).collect();
        rooms.into_iter().collect()
    }

    /// How many readers `room` has.
    #[must_use]
    pub fn count(&self, room: &Room) -> usize {
        let registry = lock(&self.0);
        let own = registry.rooms.get(room).map_or(0, BTreeMap::len);
        let served = registry.rosters.iter().map(|roster| roster.count(room));
        own + served.sum::<usize>()
    }

    /// How far the slowest reader of `room` has read, if it has readers.
    #[must_use]
    pub fn slowest(&self, room: &Room) -> Option<u64> {
        let registry = lock(&self.0);
        let own = registry
            .rooms
            .get(room)
            .into_iter()
            .flat_map(BTreeMap::values);
        let own = own.map(|reader| reader.cursor.load(Ordering::Relaxed));
        let served = registry
            .rosters
            .iter()
            .filter_map(|roster| roster.slowest(room));
        own.chain(served).min()
    }
}

#[cfg(all(test, not(gatecast_loom)))]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn a_ring_before_the_wait_is_not_lost_and_counts_once() {
        let signal = Signal::new(1);
        signal.ring();
        signal.ring();
        signal.rung().await;
        assert!(futures_util::poll!(pin!(signal.rung())).is_pending());
    }

    #[test]
    fn only_the_readers_of_a_room_hear_of_it_and_none_is_left_behind() {
        let (a, b) = (Room::parse("a").unwrap(), Room::parse("b").unwrap());
        let readers = Readers::default();
        let bells = [readers.bell(), readers.bell()];
        let is_rung = |bell: &Bell| match bell {
            Bell::Own(signal) => matches!(*lock(&signal.state), State::Rung),
            Bell::Seat(_) => panic!("it waits by itself"),
        };
        readers.add(&a, &bells[0]);
        readers.add(&b, &bells[1]);
        readers.ring(std::slice::from_ref(&a));
        assert_eq!(bells.each_ref().map(is_rung), [true, false]);
        readers.remove(&a, &bells[0]);
        readers.remove(&b, &bells[1]);
        assert_eq!(readers.rooms(), []);
    }
}
