//! What is known of the log from outside: what was published, and what the naive model of it still holds.

use std::collections::BTreeSet;

use crate::bus::naive::{Naive, ROOMS, epoch, name, settings};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

/// Everything that was ever published, in order, and the naive log.
pub(super) struct Record {
    published: Vec<Published>,
    naive: Naive,
}

struct Published {
    rooms: Vec<usize>,
    size: usize,
    ts: UnixMillis,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            published: Vec::new(),
            naive: Naive::new(settings()),
        }
    }

    /// Time has come to `now`.
    pub(super) fn advance(&mut self, now: Moment) {
        self.naive.now = now;
        self.naive.expire();
    }

    /// An event with a payload of `size` bytes was published.
    pub(super) fn publish(&mut self, rooms: Vec<usize>, size: usize, ts: UnixMillis) {
        self.naive.append(&rooms, size, None);
        self.published.push(Published { rooms, size, ts });
    }

    pub(super) fn purge(&mut self, room: usize) {
        self.naive.purge(room);
    }

    /// The number of the newest event.
    pub(super) fn head(&self) -> u64 {
        self.naive.head
    }

    /// The greatest number that was dropped from `room`.
    pub(super) fn floor(&self, room: usize) -> u64 {
        self.naive.floors[room]
    }

    /// The newest `count` events that `room` holds.
    pub(super) fn held(&self, room: usize, count: usize) -> BTreeSet<u64> {
        let held = self.naive.rooms[room].iter().rev().take(count);
        held.map(|event| event.seq).collect()
    }

    /// Whatever was published to `room` after `after`, held or not.
    pub(super) fn published(&self, room: usize, after: u64) -> BTreeSet<u64> {
        let all = (1_u64..).zip(&self.published).skip(after as usize);
        all.filter(|(_, event)| event.rooms.contains(&room))
            .map(|(seq, _)| seq)
            .collect()
    }

    /// The rooms of the event `seq`.
    pub(super) fn rooms(&self, seq: u64) -> &[usize] {
        &self.published[seq as usize - 1].rooms
    }

    /// What every client is to get of the event `seq` in `room`, byte for byte.
    pub(super) fn envelope(&self, seq: u64, room: usize) -> String {
        let (id, room) = (position(seq), name(room));
        let Published { size, ts, .. } = self.published[seq as usize - 1];
        let data = text(size);
        format!(
            r#"{{"id":"{id}","room":"{room}","event":"e","data":"{data}","ts":{}}}"#,
            ts.0
        )
    }
}

/// The text whose JSON has `size` bytes.
pub(super) fn text(size: usize) -> String {
    "x".repeat(size - 2)
}

pub(super) fn position(seq: u64) -> Position {
    Position {
        epoch: epoch(),
        seq,
    }
}

/// The number of `room`.
pub(super) fn number(room: &Room) -> usize {
    (0..ROOMS).find(|&number| name(number) == *room).unwrap()
}
