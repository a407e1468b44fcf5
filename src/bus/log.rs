//! The log: one total order over all rooms, bounded, as plain data. Locks and waking are outside.

mod append;
mod companions;
mod dropping;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::code::Refusal;
use crate::model::decree::Decree;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

use super::decrees::Decrees;
use super::floors::Floors;
use super::idempotency::Seen;
use super::rooms::{Entry, RoomLog};
use super::state::{States, Told};
use super::windows::Windows;
use super::{Policy, Settings};

pub use append::Appended;
use companions::Companions;

/// The events of one epoch.
#[derive(Debug)]
pub struct Log {
    settings: Settings,
    epoch: Epoch,
    head: u64,
    rooms: HashMap<Room, RoomLog>,
    /// Every event held, by seq, and in how many rooms it still is.
    all: BTreeMap<u64, Held>,
    bytes: usize,
    companions: Companions,
    floors: Floors,
    /// Rooms that somebody reads: their floors stay exact, whatever shares a bucket with them.
    watched: HashMap<Room, Watched>,
    seen: Seen,
    decrees: Decrees,
    /// One place for each room that lives: when its oldest event falls due, or earlier.
    due: BTreeSet<(Moment, Room)>,
    /// Those that say themselves how long they live: when they are over.
    mortal: BTreeSet<(Moment, u64)>,
    windows: Windows,
    state: States,
    /// Rooms that have grown, and whose readers have not been told.
    grown: Vec<Room>,
    /// When the keeper of the time looks next.
    armed: Option<Moment>,
    /// Whether windows end as soon as they are opened, because the gateway stops.
    is_closing: bool,
}

#[derive(Debug)]
struct Held {
    entry: Arc<Entry>,
    rooms: usize,
}

#[derive(Debug)]
struct Watched {
    name: Room,
    readers: usize,
    /// While the room holds nothing: the greatest seq that was dropped from it.
    floor: u64,
    /// Whether the room was retired while it was watched, and its floor is known only here.
    retired: bool,
}

/// Rooms whose age is looked after in one step; the rest waits for the next, so that no publish waits for
/// thousands of rooms to age out.
const EXPIRY_STEP: usize = 256;

impl Log {
    /// An empty log: a new epoch that inherits nothing.
    #[must_use]
    pub fn new(settings: Settings, epoch: Epoch) -> Self {
        Self {
            settings,
            epoch,
            head: 0,
            rooms: HashMap::new(),
            all: BTreeMap::new(),
            bytes: 0,
            companions: Companions::default(),
            floors: Floors::default(),
            watched: HashMap::new(),
            seen: Seen::default(),
            decrees: Decrees::default(),
            due: BTreeSet::new(),
            mortal: BTreeSet::new(),
            windows: Windows::default(),
            state: States::default(),
            grown: Vec::new(),
            armed: None,
            is_closing: false,
        }
    }

    /// The greatest seq that is visible; in a memory log, the last one appended.
    #[must_use]
    pub const fn visible(&self) -> u64 {
        self.head
    }

    /// The position at `seq` of this epoch.
    #[must_use]
    pub const fn position(&self, seq: u64) -> Position {
        Position {
            epoch: self.epoch,
            seq,
        }
    }

    /// From now on these bounds hold, also for what is held already.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
        self.due.clear();
        let mut dropped = Vec::new();
        for (name, room) in &mut self.rooms {
            room.policy = self.settings.policy(name);
            room.history = self.settings.history(&room.policy);
            while room.overflows() {
                dropped.extend(room.pop());
            }
            room.due = None;
            Self::schedule(&mut self.due, name, room);
        }
        dropped.iter().for_each(|entry| self.release(entry));
        self.evict();
    }

    /// Gives `decree` the next position and makes it visible. It is kept until then, or as long as the log.
    ///
    /// # Errors
    /// As [`Decrees::check`].
    pub fn decree(
        &mut self,
        decree: Decree,
        until: Option<UnixMillis>,
    ) -> Result<Position, Refusal> {
        self.decrees.check(&decree)?;
        self.head += 1;
        self.decrees.push(self.head, decree, until);
        Ok(self.position(self.head))
    }

    /// The decrees.
    #[must_use]
    pub const fn decrees(&self) -> &Decrees {
        &self.decrees
    }

    /// Forgets the decrees that say nothing any more.
    pub fn expire_decrees(&mut self, now: UnixMillis) {
        self.decrees.expire(now);
    }

    pub(super) fn insert(&mut self, entry: &Arc<Entry>) {
        let rooms = entry.event.rooms.len();
        self.bytes += entry.cost;
        self.companions.add(entry);
        if let Some(expires) = entry.expires {
            self.mortal.insert((expires, entry.seq()));
        }
        self.all.insert(
            entry.seq(),
            Held {
                entry: entry.clone(),
                rooms,
            },
        );
        for name in &entry.event.rooms {
            let room = self.rooms.entry(name.clone()).or_insert_with(|| {
                let folded = self.floors.revive(name);
                let watched = self.watched.get_mut(name).map(|watched| {
                    watched.retired = false;
                    watched.floor
                });
                let policy = self.settings.policy(name);
                let history = self.settings.history(&policy);
                RoomLog::new(watched.unwrap_or(folded), policy, history)
            });
            room.push(entry.clone());
            let mut dropped = Vec::new();
            while room.overflows() {
                dropped.extend(room.pop());
            }
            Self::schedule(&mut self.due, name, room);
            dropped.iter().for_each(|entry| self.release(entry));
        }
    }

    /// Somebody begins to read `room`. Nothing is created for it but the place where its floor would be kept. Gives
    /// the name that all who read it share.
    pub fn watch(&mut self, room: &Room) -> Room {
        let new = Watched {
            readers: 0,
            floor: self.floor(room),
            retired: false,
            name: room.clone(),
        };
        let watched = self.watched.entry(room.clone()).or_insert(new);
        watched.readers += 1;
        watched.name.clone()
    }

    /// Somebody has stopped reading `room`.
    pub fn unwatch(&mut self, room: &Room) {
        let Some(watched) = self.watched.get_mut(room) else {
            return;
        };
        watched.readers -= 1;
        if watched.readers > 0 {
            return;
        }
        let (floor, retired) = (watched.floor, watched.retired);
        self.watched.remove(room);
        if retired {
            self.floors.retire(room.clone(), floor);
        }
    }

    /// One room fewer holds `entry`.
    fn release(&mut self, entry: &Entry) {
        let Some(held) = self.all.get_mut(&entry.seq()) else {
            return;
        };
        held.rooms -= 1;
        if held.rooms == 0 {
            self.all.remove(&entry.seq());
            self.bytes -= entry.cost;
            self.companions.remove(entry);
            if let Some(expires) = entry.expires {
                self.mortal.remove(&(expires, entry.seq()));
            }
        }
    }

    /// Gives a room its place in the queue of ages, if it has none.
    fn schedule(queue: &mut BTreeSet<(Moment, Room)>, name: &Room, room: &mut RoomLog) {
        if room.due.is_none()
            && let Some(due) = room.oldest_due()
        {
            room.due = Some(due);
            queue.insert((due, name.clone()));
        }
    }

    /// The rooms that hold something, in no order.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.keys()
    }

    /// What `room` holds, if it holds anything.
    #[must_use]
    pub fn room(&self, room: &Room) -> Option<&RoomLog> {
        self.rooms.get(room)
    }

    /// The greatest seq that was dropped from `room`, whether it lives, is retired, or was never seen.
    #[must_use]
    pub fn floor(&self, room: &Room) -> u64 {
        let live = self.rooms.get(room).map(|room| room.floor);
        let watched = || self.watched.get(room).map(|watched| watched.floor);
        live.or_else(watched)
            .unwrap_or_else(|| self.floors.get(room))
    }

    /// What holds for `room`.
    #[must_use]
    pub fn policy(&self, room: &Room) -> Arc<Policy> {
        let live = self.rooms.get(room).map(|room| room.policy.clone());
        live.unwrap_or_else(|| self.settings.policy(room))
    }

    /// The state of `rooms` now.
    #[must_use]
    pub fn state(&self, rooms: &[Room]) -> Told {
        let values = rooms.iter().map(|room| (room.clone(), self.state.of(room)));
        Told::new(self.position(self.head), values)
    }

    /// Retained values, and the memory that they are taken to use.
    #[must_use]
    pub const fn state_size(&self) -> (usize, usize) {
        self.state.size()
    }

    /// The memory of what waits for the end of a window, in bytes.
    #[must_use]
    pub const fn window_bytes(&self) -> usize {
        self.windows.bytes()
    }

    /// The rooms that have grown since this was asked last.
    #[must_use]
    pub fn take_grown(&mut self) -> Vec<Room> {
        std::mem::take(&mut self.grown)
    }

    /// When a window ends next, or a retained value is over.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        let due = [self.windows.next_due(), self.state.next_due()];
        due.into_iter().flatten().min()
    }

    /// The keeper of the time looks when something is due next, which this tells.
    pub fn arm(&mut self) -> Option<Moment> {
        self.armed = self.next_due();
        self.armed
    }

    /// Whether something is due before the keeper of the time looks; says so once.
    pub fn is_armed_too_late(&mut self) -> bool {
        let due = self.next_due();
        let is_late = due.is_some_and(|due| self.armed.is_none_or(|armed| due < armed));
        if is_late {
            self.armed = due;
        }
        is_late
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Events held, and the memory that they are taken to use.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.all.len(), self.bytes)
    }

    /// The oldest event held.
    #[must_use]
    pub fn oldest(&self) -> Option<&Entry> {
        self.all.first_key_value().map(|(_, held)| &*held.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::History;
    use crate::model::event::{EventName, NewEvent};
    use crate::model::json::Json;

    #[test]
    fn a_room_that_was_evicted_long_before_its_age_leaves_nothing_in_the_queue_of_ages() {
        let total = History {
            events: 10,
            ..History::TOTAL
        };
        let settings = Settings {
            total,
            ..Settings::default()
        };
        let mut log = Log::new(settings, Epoch::from_random(1));
        for n in 0..1000 {
            let room = Room::parse(&format!("room:{n}")).unwrap();
            let (name, data) = (EventName::parse("e").unwrap(), Json::null());
            let new = NewEvent::new(vec![room], name, data);
            log.append(new, None, Moment::default(), UnixMillis(0))
                .unwrap();
        }
        assert_eq!((log.rooms.len(), log.due.len()), (10, 10));
    }
}
