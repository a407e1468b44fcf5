//! Reading: a cursor, the rooms joined, and one step against append and eviction.

mod place;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::model::decree::Decree;
use crate::model::event::Event;
use crate::model::gap::{Gap, Reason};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;

use smallvec::SmallVec;

use super::log::Log;
use super::moves::Who;
use super::rooms::{Delivery, RoomLog};
use super::{Deliver, Overflow};

pub use place::Place;

/// How much a reader takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Events.
    pub events: usize,
    /// Bytes on the wire; one event is given whatever its size.
    pub bytes: usize,
}

/// What a read gave: the gaps stand for what precedes the events.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// What is there, ascending and once each.
    pub events: Vec<Delivery>,
    /// What is decreed up to its cursor. A change of rights, or a move of who reads, is the last: what comes after it is
    /// read once that was applied.
    pub decrees: Vec<(u64, Arc<Decree>)>,
    /// Everything due up to here has been given.
    pub cursor: Position,
    /// Whether the credit ended before the events did.
    pub more: bool,
    /// How many events were waiting, those given included; beyond them, one of several rooms counts in each.
    pub waiting: usize,
    /// A room whose readers are ended where they fall out of what it keeps, which this one has.
    pub fallen: Option<Room>,
}

impl Batch {
    /// One that gives nothing and moves nothing: its reader is at `cursor`.
    #[must_use]
    pub const fn empty_at(cursor: Position) -> Self {
        Self {
            gaps: Vec::new(),
            events: Vec::new(),
            decrees: Vec::new(),
            cursor,
            more: false,
            waiting: 0,
            fallen: None,
        }
    }

    /// Whether it tells nothing but its cursor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty() && self.events.is_empty() && self.decrees.is_empty()
    }
}

/// A cursor and the rooms joined: all that a subscriber costs the log.
#[derive(Debug)]
pub struct Reader {
    cursor: u64,
    /// What was visible when it was opened. Who opens it was judged by all that is decreed up to here.
    opened: u64,
    /// The one of most readers is at hand: with thousands of them each further place in memory is a miss.
    rooms: SmallVec<[Joined; 1]>,
}

#[derive(Debug)]
struct Joined {
    room: Room,
    /// Nothing up to here is due, or it was told as a gap.
    from: u64,
}

impl Reader {
    /// Opens a reader, and tells what is known to be missing beforehand.
    #[must_use]
    pub fn open(log: &Log, rooms: Vec<Room>, start: Start) -> (Self, Vec<Gap>) {
        let from = |room: &Room| match start {
            Start::Now => log.visible(),
            Start::At(position)
                if position.epoch == log.epoch() && position.seq > log.visible() =>
            {
                log.visible()
            }
            Start::At(position) if position.epoch == log.epoch() => position.seq,
            Start::At(_) | Start::Unreadable | Start::Earliest => log.floor(room),
            Start::Newest(count) => log
                .room(room)
                .map_or_else(|| log.visible(), |held| held.before_newest(count)),
        };
        let joined: SmallVec<[Joined; 1]> = rooms
            .into_iter()
            .map(|room| Joined {
                from: from(&room),
                room,
            })
            .collect();
        let gaps = joined
            .iter()
            .filter_map(|one| opening_gap(log, &one.room, start))
            .collect();
        let cursor = match start {
            Start::At(position) if position.epoch == log.epoch() => position.seq.min(log.visible()),
            Start::At(_) | Start::Now | Start::Unreadable | Start::Earliest | Start::Newest(_) => {
                joined
                    .iter()
                    .map(|one| one.from)
                    .min()
                    .unwrap_or_else(|| log.visible())
            }
        };
        (
            Self {
                cursor,
                opened: log.visible(),
                rooms: joined,
            },
            gaps,
        )
    }

    /// Everything due up to here has been given.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The rooms joined.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.iter().map(|one| &one.room)
    }

    /// Whether `room` is joined.
    #[must_use]
    pub fn has(&self, room: &Room) -> bool {
        self.rooms().any(|one| one == room)
    }

    /// From where on `room` is read, if it is joined.
    #[must_use]
    pub fn joined_from(&self, room: &Room) -> Option<u64> {
        let joined = self.rooms.iter().find(|one| one.room == *room);
        joined.map(|one| one.from)
    }

    /// What is decreed up to now is as good as applied, if nothing of it concerns `who`.
    pub fn judge_from_now(&mut self, log: &Log, who: Who<'_>) {
        let (judged, visible) = (self.judged(), log.visible());
        let decrees = log.decrees();
        if decrees.next_stop(judged, Some(who)).is_none()
            && decrees.between(judged, visible).is_empty()
        {
            self.opened = visible;
        }
    }

    /// Whether `event` was given through a joined room other than `room`. Of a room of the newest that is certain of its
    /// newest alone: what is not may have been replaced before it was read.
    #[must_use]
    pub fn gave(&self, log: &Log, event: &Event, room: &Room) -> bool {
        let seq = event.position.seq;
        let is_certain = |room: &Room| {
            let newest = || log.room(room).and_then(RoomLog::newest);
            log.policy(room).deliver != Deliver::Latest || newest() == Some(seq)
        };
        let mut others = self.rooms.iter().filter(|joined| joined.room != *room);
        seq <= self.cursor
            && others.any(|joined| {
                let is_in = seq > joined.from && event.rooms.contains(&joined.room);
                is_in && is_certain(&joined.room)
            })
    }

    /// Joins `room`: what comes after `from` is due.
    pub fn join(&mut self, room: Room, from: u64) {
        if !self.has(&room) {
            self.rooms.push(Joined { room, from });
        }
    }

    /// Nothing of `room` is due up to `from`.
    pub fn skip(&mut self, room: &Room, from: u64) {
        if let Some(joined) = self.rooms.iter_mut().find(|one| one.room == *room) {
            joined.from = joined.from.max(from);
        }
    }

    /// Whether `log` still holds all that is due.
    #[must_use]
    pub fn is_whole(&self, log: &Log) -> bool {
        let mut rooms = self.rooms.iter();
        rooms.all(|one| log.floor(&one.room) <= self.cursor.max(one.from))
    }

    /// What was visible when it was opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Leaves `room`; says whether it was joined.
    pub fn leave(&mut self, room: &Room) -> bool {
        let before = self.rooms.len();
        self.rooms.retain(|one| one.room != *room);
        self.rooms.len() < before
    }

    /// Reads on, gaps first: one step against append and eviction, as long as `log` is borrowed.
    ///
    /// Costs what the joined rooms hold beyond the cursor, however much the rest of the log holds.
    pub fn read(&mut self, log: &Log, credit: Credit) -> Batch {
        self.read_as(log, credit, None)
    }

    /// The same for `who`, whom the backend may move: it stops there.
    pub fn read_as(&mut self, log: &Log, credit: Credit, who: Option<Who<'_>>) -> Batch {
        let judged = self.judged();
        let stop = log.decrees().next_stop(judged, who);
        let mut batch = self.read_up_to(log, credit, stop);
        // Those that it has passed were others'.
        if stop == Some(self.cursor) {
            let own = log.decrees().moves_between(self.cursor - 1, self.cursor);
            batch.decrees.extend(own);
        }
        batch
    }

    /// The same for all who are at its place: the moves that it passes are among the decrees, and it is good only for
    /// those whom none of them concerns.
    pub fn read_for_all(&mut self, log: &Log, credit: Credit) -> Batch {
        let judged = self.judged();
        let stop = log.decrees().next_stop_of_all(judged);
        let mut batch = self.read_up_to(log, credit, stop);
        let passed = log.decrees().moves_between(judged, self.cursor);
        batch.decrees.extend(passed);
        batch
    }

    /// What is decreed up to here was applied.
    fn judged(&self) -> u64 {
        self.cursor.max(self.opened)
    }

    fn read_up_to(&mut self, log: &Log, credit: Credit, stop: Option<u64>) -> Batch {
        let judged = self.judged();
        if log.decrees().has_forgotten(judged) {
            return Batch {
                decrees: vec![(self.cursor, Arc::new(Decree::Forgotten))],
                ..Batch::empty_at(log.position(self.cursor))
            };
        }
        let gaps = self.take_gaps(log);
        let fallen = gaps.iter().find(|gap| self.has_fallen(log, gap));
        let fallen = fallen.map(|gap| gap.room.clone());
        let end = stop.unwrap_or_else(|| log.visible());
        let (events, cut) = self.merge(log, credit, end);
        self.cursor = match events.last() {
            Some(last) if cut => last.event().position.seq,
            _ => end,
        };
        let more = cut || end < log.visible();
        let left = if more { self.left(log) } else { 0 };
        Batch {
            gaps,
            decrees: log.decrees().between(judged, self.cursor),
            cursor: log.position(self.cursor),
            more,
            waiting: events.len() + left,
            events,
            fallen,
        }
    }

    /// How many events wait beyond the cursor, in each room.
    #[must_use]
    pub fn left(&self, log: &Log) -> usize {
        let end = log.visible();
        let rooms = self.rooms.iter().filter_map(|joined| {
            let held = log.room(&joined.room)?;
            Some(held.len() - held.first_due(joined.from.max(self.cursor), end))
        });
        rooms.sum()
    }

    /// The rooms whose floor passed both the cursor and their join. Raising the join to the floor tells each
    /// gap once, also when the credit keeps the cursor behind it for a while.
    fn take_gaps(&mut self, log: &Log) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for joined in &mut self.rooms {
            let seen = joined.from.max(self.cursor);
            let floor = log.floor(&joined.room);
            if floor > seen {
                joined.from = floor;
                gaps.push(evicted(log, &joined.room, seen, floor));
            }
        }
        gaps
    }

    /// Whether `gap` is one of those that end a reader: of what came after it was opened. What it was told to be missing at
    /// its opening does not: it would be for ever.
    fn has_fallen(&self, log: &Log, gap: &Gap) -> bool {
        gap.to.is_some_and(|to| to.seq > self.opened)
            && log.policy(&gap.room).overflow == Overflow::Disconnect
    }

    /// Merges what the rooms hold up to `end`, by seq; an event of several joined rooms comes once, through the first.
    /// Says whether the credit ended before the events did.
    fn merge(&self, log: &Log, credit: Credit, end: u64) -> (Vec<Delivery>, bool) {
        let mut heads = BinaryHeap::new();
        let held: Vec<Option<&RoomLog>> = self
            .rooms
            .iter()
            .map(|joined| log.room(&joined.room))
            .collect();
        for (index, joined) in self.rooms.iter().enumerate() {
            let after = joined.from.max(self.cursor);
            push_head(&mut heads, &held, index, |room| room.first_due(after, end));
        }
        let mut events: Vec<Delivery> = Vec::new();
        let mut bytes = 0;
        while let Some(Reverse((seq, index, place))) = heads.pop() {
            if seq > end {
                break;
            }
            let Some(entry) = held[index].and_then(|room| room.get(place)) else {
                continue;
            };
            if events
                .last()
                .is_none_or(|last| last.event().position.seq != seq)
            {
                bytes += entry.weight();
                if events.len() >= credit.events || (bytes > credit.bytes && !events.is_empty()) {
                    return (events, true);
                }
                events.extend(Delivery::through(
                    Arc::clone(entry),
                    &self.rooms[index].room,
                ));
            }
            push_head(&mut heads, &held, index, |_| place + 1);
        }
        (events, false)
    }
}

fn push_head(
    heads: &mut BinaryHeap<Reverse<(u64, usize, usize)>>,
    held: &[Option<&RoomLog>],
    index: usize,
    place: impl Fn(&RoomLog) -> usize,
) {
    if let Some(room) = held[index] {
        let place = place(room);
        if let Some(entry) = room.get(place) {
            heads.push(Reverse((entry.seq(), index, place)));
        }
    }
}

/// The gap that a start itself tells: a cursor of another epoch, or of beyond the end.
#[must_use]
pub fn opening_gap(log: &Log, room: &Room, start: Start) -> Option<Gap> {
    let (from, to, reason) = match start {
        Start::At(claimed) if claimed.epoch == log.epoch() => {
            let head = log.position(log.visible());
            if claimed.seq <= head.seq {
                return None;
            }
            (Some(head), claimed, Reason::Future)
        }
        Start::At(claimed) => (Some(claimed), log.position(log.floor(room)), Reason::Epoch),
        Start::Unreadable => (None, log.position(log.floor(room)), Reason::Epoch),
        Start::Now | Start::Earliest | Start::Newest(_) => return None,
    };
    Some(Gap {
        room: room.clone(),
        from,
        to: Some(to),
        reason,
    })
}

/// The gap of what was dropped from `room` after `from`, up to `to`.
#[must_use]
pub fn evicted(log: &Log, room: &Room, from: u64, to: u64) -> Gap {
    Gap {
        room: room.clone(),
        from: Some(log.position(from)),
        to: Some(log.position(to)),
        reason: Reason::Evicted,
    }
}
