//! The floors of rooms that hold nothing any more.
//!
//! A reader that comes back after its room was retired must still be told that it missed something. Exact floors
//! are kept for the newest of such rooms; the others share buckets, which may say "gap" to a room that lost
//! nothing, and never stay silent about one that did. About 400 KB in all, however many rooms there were; the same
//! again where presence is looked at: whoever may only subscribe makes companions come and go, so no other room shares
//! a bucket with one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use crate::model::room::Room;

/// Exact floors kept.
const TOMBSTONES: usize = 1024;
/// Shared floors, 8 bytes each.
const BUCKETS: usize = 16 * 1024;

/// Floors by room name.
#[derive(Debug, Default)]
pub struct Floors {
    rooms: Table,
    companions: Table,
}

#[derive(Debug)]
struct Table {
    tombstones: HashMap<Room, Tombstone>,
    order: BTreeMap<u64, Room>,
    next: u64,
    /// Allocated when the first tombstone folds: a small site never pays for it.
    buckets: Vec<u64>,
    /// Keyed at random, so that nobody can aim at the bucket of another's room.
    hasher: RandomState,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tombstone {
    floor: u64,
    order: u64,
}

impl Floors {
    /// The greatest seq that may have been dropped from `room`.
    #[must_use]
    pub fn get(&self, room: &Room) -> u64 {
        match room.tells_of() {
            Some(_) => self.companions.get(room),
            None => self.rooms.get(room),
        }
    }

    /// Remembers the floor of a room that holds nothing any more.
    pub fn retire(&mut self, room: Room, floor: u64) {
        self.table(&room).retire(room, floor);
    }

    /// Takes the floor of a room that comes to life again.
    pub fn revive(&mut self, room: &Room) -> u64 {
        self.table(room).revive(room)
    }

    fn table(&mut self, room: &Room) -> &mut Table {
        match room.tells_of() {
            Some(_) => &mut self.companions,
            None => &mut self.rooms,
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::with_capacity(TOMBSTONES)
    }
}

impl Table {
    /// Keeps `capacity` exact floors.
    fn with_capacity(capacity: usize) -> Self {
        Self {
            tombstones: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
            buckets: Vec::new(),
            hasher: RandomState::new(),
            capacity,
        }
    }

    fn get(&self, room: &Room) -> u64 {
        match self.tombstones.get(room) {
            Some(tombstone) => tombstone.floor,
            None => self.buckets.get(self.bucket(room)).copied().unwrap_or(0),
        }
    }

    fn retire(&mut self, room: Room, floor: u64) {
        self.next += 1;
        let tombstone = Tombstone {
            floor,
            order: self.next,
        };
        if let Some(old) = self.tombstones.insert(room.clone(), tombstone) {
            self.order.remove(&old.order);
        }
        self.order.insert(self.next, room);
        while self.tombstones.len() > self.capacity {
            self.fold_oldest();
        }
    }

    fn revive(&mut self, room: &Room) -> u64 {
        let floor = self.get(room);
        if let Some(tombstone) = self.tombstones.remove(room) {
            self.order.remove(&tombstone.order);
        }
        floor
    }

    fn fold_oldest(&mut self) {
        let Some((_, room)) = self.order.pop_first() else {
            return;
        };
        let Some(tombstone) = self.tombstones.remove(&room) else {
            return;
        };
        self.buckets.resize(BUCKETS, 0);
        let bucket = self.bucket(&room);
        if let Some(floor) = self.buckets.get_mut(bucket) {
            *floor = tombstone.floor.max(*floor);
        }
    }

    fn bucket(&self, room: &Room) -> usize {
        (self.hasher.hash_one(room) % BUCKETS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: usize) -> Room {
        Room::parse(&format!("room:{n}")).unwrap()
    }

    #[test]
    fn a_retired_room_keeps_its_floor_until_it_is_revived_with_it() {
        let mut floors = Floors::default();
        assert_eq!(floors.get(&room(1)), 0);
        floors.retire(room(1), 7);
        assert_eq!(floors.get(&room(1)), 7);
        assert_eq!(floors.revive(&room(1)), 7);
        assert_eq!(floors.get(&room(1)), 0);
    }

    #[test]
    fn no_floor_is_ever_forgotten_and_memory_stays_bounded() {
        let mut floors = Table::with_capacity(10);
        for n in 1..5_000 {
            floors.retire(room(n), n as u64);
        }
        assert!(floors.tombstones.len() == 10 && floors.order.len() == 10);
        assert!(floors.buckets.len() == BUCKETS);
        for n in 1..5_000 {
            assert!(floors.get(&room(n)) >= n as u64, "{n}");
        }
        assert_eq!(floors.get(&room(4_999)), 4_999);
    }

    #[test]
    fn retiring_the_same_room_again_and_again_costs_one_tombstone() {
        let mut floors = Table::with_capacity(10);
        for n in 1..1_000 {
            floors.retire(room(1), n);
        }
        assert!(
            floors.tombstones.len() == 1 && floors.order.len() == 1 && floors.buckets.is_empty()
        );
    }

    #[test]
    fn companions_that_come_and_go_raise_the_floor_of_no_other_room() {
        let mut floors = Floors::default();
        floors.retire(room(1), 7);
        // More than there are tombstones and buckets.
        for n in 0..60_000 {
            let companion = room(n).companion().unwrap();
            floors.retire(companion.clone(), 8);
            assert_eq!(floors.get(&companion), 8);
        }
        assert_eq!((floors.get(&room(1)), floors.get(&room(2))), (7, 0));
    }
}
