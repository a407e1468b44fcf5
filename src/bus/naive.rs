//! What the log should be, written for the eye: what a property test, and a fuzzer, hold against it.

mod operations;

pub(crate) use operations::{Begin, OPEN, Op, ROOMS, assert_agree, epoch, name, settings};

use std::time::Duration;

use super::reader::Credit;
use super::{Deliver, History, Settings};
use crate::model::time::Moment;

/// What the log should be: one list a room, looked through from end to end.
pub(crate) struct Naive {
    pub(crate) settings: Settings,
    pub(crate) now: Moment,
    pub(crate) head: u64,
    pub(crate) rooms: Vec<Vec<Event>>,
    pub(crate) floors: Vec<u64>,
}

#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) cost: usize,
    pub(crate) share: usize,
    pub(crate) size: usize,
    /// Whether it is in companions alone.
    pub(crate) is_told: bool,
    pub(crate) at: Moment,
    pub(crate) expires: Option<Moment>,
}

pub(crate) struct NaiveReader {
    pub(crate) cursor: u64,
    pub(crate) joined: Vec<(usize, u64)>,
}

impl Naive {
    /// An empty log.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: Moment::default(),
            head: 0,
            rooms: vec![Vec::new(); ROOMS],
            floors: vec![0; ROOMS],
        }
    }

    pub(crate) fn history(&self, room: usize) -> History {
        self.settings.history(&self.settings.policy(&name(room)))
    }

    pub(crate) fn expire(&mut self) {
        let now = self.now;
        for room in 0..ROOMS {
            self.rooms[room].retain(|event| event.expires.is_none_or(|expires| now < expires));
            let age = self.history(room).age;
            while self.rooms[room]
                .first()
                .is_some_and(|event| event.at + age <= self.now)
            {
                self.drop_oldest(room);
            }
        }
    }

    pub(crate) fn drop_oldest(&mut self, room: usize) {
        let dropped = self.rooms[room].remove(0);
        if self.rooms[room].is_empty() || !self.gives_latest(room) {
            self.floors[room] = dropped.seq;
        }
    }

    fn gives_latest(&self, room: usize) -> bool {
        self.settings.policy(&name(room)).deliver == Deliver::Latest
    }

    pub(crate) fn purge(&mut self, room: usize) {
        while !self.rooms[room].is_empty() {
            self.drop_oldest(room);
        }
    }

    pub(crate) fn append(&mut self, rooms: &[usize], size: usize, ttl: Option<Duration>) {
        self.expire();
        self.head += 1;
        let names: usize = rooms
            .iter()
            .map(|&room| 2 * name(room).as_str().len())
            .sum();
        let cost = size * (2 + 2 * rooms.len()) + (700 + 3) * rooms.len() + names;
        for &room in rooms {
            self.rooms[room].push(Event {
                seq: self.head,
                share: cost / rooms.len(),
                cost,
                size,
                is_told: rooms.iter().all(|&room| room >= OPEN),
                at: self.now,
                expires: ttl.map(|ttl| self.now + ttl),
            });
            let bounds = self.history(room);
            while self.rooms[room].len() > 1
                && (self.rooms[room].len() > bounds.events
                    || shares(&self.rooms[room]) > bounds.bytes)
            {
                self.drop_oldest(room);
            }
        }
        loop {
            let all = self.all();
            let total = self.settings.total;
            if all.len() <= 1 || (all.len() <= total.events && bytes(&all) <= total.bytes) {
                return;
            }
            let told: Vec<_> = all.iter().filter(|one| one.is_told).copied().collect();
            let has_more = told.len() > total.events / 16 || bytes(&told) > total.bytes / 16;
            let first = if has_more && told.len() > 1 {
                told[0]
            } else {
                all[0]
            };
            for room in 0..ROOMS {
                if self.holds(room, first.seq) {
                    while self.rooms[room]
                        .first()
                        .is_some_and(|event| event.seq <= first.seq)
                    {
                        self.drop_oldest(room);
                    }
                }
            }
        }
    }

    fn holds(&self, room: usize, seq: u64) -> bool {
        self.rooms[room].iter().any(|event| event.seq == seq)
    }

    /// Every event held, once.
    pub(crate) fn all(&self) -> Vec<Event> {
        let mut all: Vec<Event> = self.rooms.iter().flatten().copied().collect();
        all.sort_by_key(|event| event.seq);
        all.dedup_by_key(|event| event.seq);
        all
    }

    pub(crate) fn open(&mut self, rooms: &[usize], start: Begin) -> NaiveReader {
        self.expire();
        let from = |room: usize| match start {
            Begin::Now => self.head,
            Begin::At(seq) if seq > self.head => self.head,
            Begin::At(seq) => seq,
            Begin::Foreign | Begin::Earliest => self.floors[room],
            Begin::Newest(_) if self.rooms[room].is_empty() => self.head,
            Begin::Newest(count) => {
                let older = self.rooms[room].len().saturating_sub(count);
                if older == 0 {
                    self.floors[room]
                } else {
                    self.rooms[room][older - 1].seq
                }
            }
        };
        let joined: Vec<_> = rooms.iter().map(|&room| (room, from(room))).collect();
        let cursor = match start {
            Begin::At(seq) => seq.min(self.head),
            Begin::Now | Begin::Foreign | Begin::Earliest | Begin::Newest(_) => joined
                .iter()
                .map(|(_, from)| *from)
                .min()
                .unwrap_or(self.head),
        };
        NaiveReader { cursor, joined }
    }

    /// Gaps as (room, from, to), events, and the cursor.
    pub(crate) fn read(
        &mut self,
        reader: &mut NaiveReader,
        credit: Credit,
    ) -> (Vec<(usize, u64, u64)>, Vec<u64>, u64) {
        self.expire();
        let mut gaps = Vec::new();
        let mut due: Vec<Event> = Vec::new();
        for (room, from) in &mut reader.joined {
            let seen = reader.cursor.max(*from);
            if self.floors[*room] > seen {
                gaps.push((*room, seen, self.floors[*room]));
                *from = self.floors[*room];
            }
            let seen = reader.cursor.max(*from);
            let held = self.rooms[*room].iter().filter(|event| event.seq > seen);
            if self.gives_latest(*room) {
                due.extend(held.max_by_key(|event| event.seq));
            } else {
                due.extend(held);
            }
        }
        due.sort_by_key(|event| event.seq);
        due.dedup_by_key(|event| event.seq);
        let (mut events, mut size) = (Vec::new(), 0);
        for event in &due {
            size += event.size + 101;
            if events.len() >= credit.events || (size > credit.bytes && !events.is_empty()) {
                break;
            }
            events.push(event.seq);
        }
        reader.cursor = match events.last() {
            Some(last) if events.len() < due.len() => *last,
            _ => self.head,
        };
        (gaps, events, reader.cursor)
    }
}

fn shares(events: &[Event]) -> usize {
    events.iter().map(|event| event.share).sum()
}

pub(crate) fn bytes(events: &[Event]) -> usize {
    events.iter().map(|event| event.cost).sum()
}
