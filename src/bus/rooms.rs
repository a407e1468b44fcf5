//! What one room holds.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::model::event::{Event, More};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::wire::encoded::{Encoded, raw_block};

use super::{Deliver, History, Policy};

/// An event in the log, with the bytes that its readers share.
#[derive(Debug)]
pub struct Entry {
    /// The event.
    pub event: Event,
    /// Its bytes in each of its rooms, in the order of `event.rooms`.
    encoded: Box<[Encoded]>,
    /// Its bytes for those who want the payload alone; they name no room.
    raw: OnceLock<Bytes>,
    /// When it was appended.
    pub at: Moment,
    /// When it is dropped, if it says so itself.
    pub expires: Option<Moment>,
    /// Its memory, in bytes, as [`cost`] estimates it.
    pub cost: usize,
}

/// Maps, queues, `Arc`s and ids, for each room that holds an event.
const OVERHEAD: usize = 700;
/// The keys of an envelope, its id, its time and a room of middling length.
const ENVELOPE: usize = 100;

impl Entry {
    /// An entry for an event that was just given its position.
    #[must_use]
    pub fn new(event: Event, at: Moment) -> Self {
        Self {
            expires: None,
            encoded: event.rooms.iter().map(|_| Encoded::default()).collect(),
            raw: OnceLock::new(),
            cost: cost(&event),
            event,
            at,
        }
    }

    /// What it weighs on the wire, in bytes: about its envelope.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.event.data.as_bytes().len() + self.event.name.as_str().len() + ENVELOPE
    }

    /// A room's share of its memory, in bytes: rooms share the event, and its cost.
    #[must_use]
    pub fn share(&self) -> usize {
        self.cost / self.event.rooms.len().max(1)
    }

    /// The event's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.event.position.seq
    }
}

/// The memory of an event whose bytes have been asked for in every form: the payload itself, alone as a block, and
/// in each room's envelope, as it is and compressed; the names and ids of each envelope.
#[must_use]
pub fn cost(event: &Event) -> usize {
    let sender = event.from.as_ref().map_or(0, |from| from.len());
    let more = event.more.as_ref().map_or(0, |more| more_cost(more));
    let names = 3 * event.name.as_str().len() + sender + more;
    let rooms = event
        .rooms
        .iter()
        .map(|room| OVERHEAD + names + 2 * room.as_str().len());
    event.data.as_bytes().len() * (2 + 2 * event.rooms.len()) + rooms.sum::<usize>()
}

/// What few events say: their keys, the ids that they stand for, and whom they are not for.
fn more_cost(more: &More) -> usize {
    let key = more.key.as_ref().map_or(0, |key| 2 * key.as_str().len());
    let except = more.except.as_ref().map_or(0, |except| {
        let names = except.principals.iter().map(|name| 32 + name.len());
        names.sum::<usize>()
    });
    size_of::<More>() + key + except + more.of.len() * (size_of::<Position>() + 32)
}

/// An event on its way to a reader that joined the room it came through.
#[derive(Clone, Debug)]
pub struct Delivery {
    entry: Arc<Entry>,
    room: usize,
}

impl Delivery {
    /// The delivery of `entry` through `room`, or nothing if that room does not hold it.
    #[must_use]
    pub fn through(entry: Arc<Entry>, room: &Room) -> Option<Self> {
        let room = entry.event.rooms.iter().position(|one| one == room)?;
        Some(Self { entry, room })
    }

    /// The delivery of `entry` through the room at `place` among its rooms, which there is.
    #[must_use]
    pub const fn at_place(entry: Arc<Entry>, place: usize) -> Self {
        Self { entry, room: place }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.entry.event
    }

    /// The room it came through.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.entry.event.rooms[self.room]
    }

    /// When it was appended.
    #[must_use]
    pub fn at(&self) -> Moment {
        self.entry.at
    }

    /// The JSON envelope.
    #[must_use]
    pub fn envelope(&self) -> Bytes {
        self.entry.encoded[self.room].envelope(self.event(), self.room())
    }

    /// The envelope as a compressed WebSocket message, unless that is not worth it.
    #[must_use]
    pub fn compressed(&self) -> Option<Bytes> {
        self.entry.encoded[self.room].compressed(self.event(), self.room())
    }

    /// The length of the envelope, in bytes.
    #[must_use]
    pub fn envelope_len(&self) -> usize {
        self.entry.encoded[self.room].envelope_len(self.event(), self.room())
    }

    /// The SSE block with the envelope as its data.
    #[must_use]
    pub fn sse(&self) -> Bytes {
        self.entry.encoded[self.room].sse(self.event(), self.room())
    }

    /// The length of that block, in bytes.
    #[must_use]
    pub fn sse_len(&self) -> usize {
        self.entry.encoded[self.room].sse_len(self.event(), self.room())
    }

    /// The SSE block with the payload alone as its data.
    #[must_use]
    pub fn sse_raw(&self) -> Bytes {
        self.raw().clone()
    }

    /// The length of that block, in bytes.
    #[must_use]
    pub fn sse_raw_len(&self) -> usize {
        self.raw().len()
    }

    fn raw(&self) -> &Bytes {
        self.entry.raw.get_or_init(|| raw_block(self.event()))
    }
}

/// The events of one room, oldest first, and its floor.
#[derive(Debug)]
pub struct RoomLog {
    events: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The greatest seq that was dropped, and is missing to who has not read it.
    pub floor: u64,
    /// What holds for it.
    pub policy: Arc<Policy>,
    /// Its bounds.
    pub history: History,
    /// When its oldest event falls due, as the log's queue has it.
    pub due: Option<Moment>,
}

impl RoomLog {
    /// An empty room that remembers its floor.
    #[must_use]
    pub fn new(floor: u64, policy: Arc<Policy>, history: History) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            floor,
            policy,
            history,
            due: None,
        }
    }

    /// Adds the newest event.
    pub fn push(&mut self, entry: Arc<Entry>) {
        self.bytes += entry.share();
        self.events.push_back(entry);
    }

    /// Drops the oldest event, which raises the floor; not where a newer one that is held takes its place for everybody.
    pub fn pop(&mut self) -> Option<Arc<Entry>> {
        let entry = self.events.pop_front()?;
        self.bytes -= entry.share();
        if self.events.is_empty() || !self.gives_latest() {
            self.floor = entry.seq();
        }
        Some(entry)
    }

    /// Drops the event of this `seq`, which has outlived itself: it is missing to nobody. Says whether it was held.
    pub fn remove(&mut self, seq: u64) -> bool {
        let place = self.events.partition_point(|entry| entry.seq() < seq);
        let is_there = self.get(place).is_some_and(|entry| entry.seq() == seq);
        if is_there && let Some(entry) = self.events.remove(place) {
            self.bytes -= entry.share();
        }
        is_there
    }

    /// Whether its readers are given the newest alone.
    #[must_use]
    pub fn gives_latest(&self) -> bool {
        self.policy.deliver == Deliver::Latest
    }

    /// The place of the first event that is due to who has read up to `seq` and reads up to `end`.
    #[must_use]
    pub fn first_due(&self, seq: u64, end: u64) -> usize {
        let after = self.after(seq);
        if !self.gives_latest() {
            return after;
        }
        let reach = self.after(end);
        after.max(reach.saturating_sub(1))
    }

    /// Whether more is held than the bounds of events and bytes allow. The newest event always stays: an
    /// event that could never be delivered would be lost at once.
    #[must_use]
    pub fn overflows(&self) -> bool {
        self.events.len() > 1
            && (self.events.len() > self.history.events || self.bytes > self.history.bytes)
    }

    /// When the oldest event has reached the age bound.
    #[must_use]
    pub fn oldest_due(&self) -> Option<Moment> {
        Some(self.events.front()?.at + self.history.age)
    }

    /// The seq of the newest event held.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.events.back().map(|entry| entry.seq())
    }

    /// The place of the first event beyond `seq`.
    #[must_use]
    pub fn after(&self, seq: u64) -> usize {
        match self.newest() {
            Some(newest) if newest > seq => self.events.partition_point(|entry| entry.seq() <= seq),
            _ => self.events.len(),
        }
    }

    /// The event at `place`, counted from the oldest.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Arc<Entry>> {
        self.events.get(place)
    }

    /// What it holds, in bytes of memory.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of its events were appended at `moment` or later.
    #[must_use]
    pub fn since(&self, moment: Moment) -> usize {
        self.events.len() - self.events.partition_point(|entry| entry.at < moment)
    }

    /// How many events are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The seq just before the newest `count` events held; the floor if there are no more than those.
    #[must_use]
    pub fn before_newest(&self, count: usize) -> u64 {
        match self.events.len().checked_sub(count + 1) {
            Some(place) => self.events[place].seq(),
            None => self.floor,
        }
    }
}
