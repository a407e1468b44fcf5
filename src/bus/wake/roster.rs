//! Readers that one loop serves: a publish wakes the loop once, however many of its readers are in the room.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Wake, Waker};

use crate::bus::rooms::Entry;
use crate::model::room::Room;
use crate::sync::{Mutex, lock};

/// Flashes that wait for a loop at most: where more come than it can give away, the newest count.
const FLASHES: usize = 64;

/// The readers of one loop by room, and what the loop has not looked at yet. All of it is kept until it is taken, so
/// nothing is lost between two looks, and nothing of it grows with the number of publishes.
#[derive(Debug, Default)]
pub struct Roster(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<Room, Members>,
    /// Rooms that grew.
    grown: Vec<Room>,
    /// Whether there is something for all readers, also for those of no room.
    is_for_all: bool,
    /// Seats that were called by themselves.
    called: Vec<usize>,
    /// What is for those who have nothing else to read.
    flashes: VecDeque<Arc<Entry>>,
    /// The loop, while it waits.
    waiting: Option<Waker>,
    /// Numbers that were given back.
    free: Vec<usize>,
    next: usize,
}

#[derive(Debug, Default)]
struct Members {
    seats: BTreeMap<usize, Arc<Seat>>,
    has_grown: bool,
}

/// One reader's seat. As a waker it calls its reader, and no other.
#[derive(Debug)]
pub struct Seat {
    number: usize,
    roster: Arc<Roster>,
    is_called: AtomicBool,
    /// How far the reader has read, for whoever asks who is behind.
    cursor: AtomicU64,
}

impl Roster {
    /// A free seat. Its number is another's once nothing holds the seat any more.
    #[must_use]
    pub fn seat(self: &Arc<Self>) -> Arc<Seat> {
        let mut state = lock(&self.0);
        let number = state.free.pop().unwrap_or_else(|| {
            state.next += 1;
            state.next - 1
        });
        drop(state);
        Arc::new(Seat {
            number,
            roster: self.clone(),
            is_called: AtomicBool::new(false),
            cursor: AtomicU64::new(0),
        })
    }

    /// Adds the numbers of those who were called to `called`, and of those whose rooms grew to `news` (a reader of
    /// several such rooms once for each); says whether all readers are called. Whatever comes from now on wakes `waker`.
    pub fn take(&self, waker: &Waker, called: &mut Vec<usize>, news: &mut Vec<usize>) -> bool {
        let mut state = lock(&self.0);
        let State {
            rooms,
            grown,
            called: waiting,
            ..
        } = &mut *state;
        called.append(waiting);
        for room in grown.drain(..) {
            if let Some(members) = rooms.get_mut(&room) {
                members.has_grown = false;
                news.extend(members.seats.keys());
            }
        }
        if !matches!(&state.waiting, Some(before) if before.will_wake(waker)) {
            state.waiting = Some(waker.clone());
        }
        std::mem::take(&mut state.is_for_all)
    }

    /// Wakes the loop, whatever for.
    pub fn wake(&self) {
        let waiting = lock(&self.0).waiting.take();
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Tells the loop that `rooms` have grown, if it has readers there.
    pub(super) fn ring(&self, rooms: &[Room]) {
        let mut state = lock(&self.0);
        let mut is_news = false;
        for room in rooms {
            if let Some(members) = state.rooms.get_mut(room) {
                is_news = true;
                if !std::mem::replace(&mut members.has_grown, true) {
                    state.grown.push(room.clone());
                }
            }
        }
        let waiting = if is_news { state.waiting.take() } else { None };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Gives the loop `flash`, if it has readers in one of its rooms; what it has not come to yet makes room for it.
    pub(super) fn flash(&self, flash: &Arc<Entry>) {
        let mut state = lock(&self.0);
        let rooms = &flash.event.rooms;
        if !rooms.iter().any(|room| state.rooms.contains_key(room)) {
            return;
        }
        if state.flashes.len() >= FLASHES {
            state.flashes.pop_front();
        }
        state.flashes.push_back(flash.clone());
        drop(state);
        self.wake();
    }

    /// The next flash, and the numbers of those who are in one of its rooms, each with the first of them.
    pub fn next_flash(&self) -> Option<(Arc<Entry>, BTreeMap<usize, usize>)> {
        let mut state = lock(&self.0);
        let flash = state.flashes.pop_front()?;
        let mut seats = BTreeMap::new();
        for (place, room) in flash.event.rooms.iter().enumerate() {
            let members = state.rooms.get(room);
            for number in members.iter().flat_map(|members| members.seats.keys()) {
                seats.entry(*number).or_insert(place);
            }
        }
        Some((flash, seats))
    }

    /// Tells the loop that there is something for all its readers.
    pub(super) fn ring_all(&self) {
        lock(&self.0).is_for_all = true;
        self.wake();
    }

    /// The rooms with a reader.
    pub(super) fn rooms(&self) -> Vec<Room> {
        lock(&self.0).rooms.keys().cloned().collect()
    }

    /// How many readers `room` has here.
    pub(super) fn count(&self, room: &Room) -> usize {
        let state = lock(&self.0);
        state
            .rooms
            .get(room)
            .map_or(0, |members| members.seats.len())
    }

    /// How far the slowest reader of `room` has read, if it has readers here.
    pub(super) fn slowest(&self, room: &Room) -> Option<u64> {
        let state = lock(&self.0);
        let seats = state.rooms.get(room)?.seats.values();
        seats.map(|seat| seat.cursor.load(Ordering::Relaxed)).min()
    }
}

impl Seat {
    /// Its number: small, and nobody else's among the seats of its loop.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The loop has come to this reader: whatever calls it from now on is news.
    pub fn is_served(&self) {
        self.is_called.store(false, Ordering::Release);
    }

    /// From now on its reader hears of `room`.
    pub(super) fn add(self: &Arc<Self>, room: &Room) {
        let mut state = lock(&self.roster.0);
        let members = state.rooms.entry(room.clone()).or_default();
        members.seats.insert(self.number, self.clone());
    }

    /// Its reader hears of `room` no more.
    pub(super) fn remove(&self, room: &Room) {
        // Dropped outside the lock, which the last of a seat takes.
        let _seat = {
            let mut state = lock(&self.roster.0);
            let Some(members) = state.rooms.get_mut(room) else {
                return;
            };
            let seat = members.seats.remove(&self.number);
            if members.seats.is_empty() {
                state.rooms.remove(room);
            }
            seat
        };
    }

    pub(super) fn has_read(&self, seq: u64) {
        self.cursor.store(seq, Ordering::Relaxed);
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_called.swap(true, Ordering::AcqRel) {
            return;
        }
        let waiting = {
            let mut state = lock(&self.roster.0);
            state.called.push(self.number);
            state.waiting.take()
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.roster.0).free.push(self.number);
    }
}

#[cfg(all(test, not(gatecast_loom)))]
mod tests {
    use super::*;

    fn taken(roster: &Roster) -> (Vec<usize>, Vec<usize>) {
        let (mut called, mut news) = (Vec::new(), Vec::new());
        roster.take(Waker::noop(), &mut called, &mut news);
        (called, news)
    }

    #[test]
    fn a_room_that_grows_often_is_news_once_to_each_of_its_readers_and_to_nobody_else() {
        let roster = Arc::new(Roster::default());
        let seats: Vec<_> = (0..3).map(|_| roster.seat()).collect();
        let (a, b) = (Room::parse("a").unwrap(), Room::parse("b").unwrap());
        seats[0].add(&a);
        seats[1].add(&a);
        seats[2].add(&b);
        roster.ring(std::slice::from_ref(&a));
        roster.ring(std::slice::from_ref(&a));
        assert_eq!(taken(&roster), (vec![], vec![0, 1]));
        assert_eq!(taken(&roster), (vec![], vec![]));
        seats[1].remove(&a);
        roster.ring(&[a]);
        assert_eq!(taken(&roster), (vec![], vec![0]));
    }

    #[test]
    fn who_is_called_often_is_on_the_list_once_until_it_was_served() {
        let roster = Arc::new(Roster::default());
        let seat = roster.seat();
        let waker = Waker::from(seat.clone());
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(taken(&roster).0, [0]);
        waker.wake_by_ref();
        assert!(taken(&roster).0.is_empty(), "it is still to be served");
        seat.is_served();
        waker.wake_by_ref();
        assert_eq!(taken(&roster).0, [0]);
    }

    #[test]
    fn a_number_is_given_again_only_when_nothing_holds_its_seat() {
        let roster = Arc::new(Roster::default());
        let seat = roster.seat();
        let waker = Waker::from(seat.clone());
        drop(seat);
        assert_eq!(roster.seat().number(), 1);
        drop(waker);
        let mut numbers = [roster.seat(), roster.seat()].map(|seat| seat.number());
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
    }
}
