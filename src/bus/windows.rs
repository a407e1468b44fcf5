//! Windows: what comes to a room that conflates or batches, until it is flushed.

mod fields;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::event::{EventName, Key, Options};
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

use super::Deliver;

/// Raw events that one window holds at most: one more ends it.
const EVENTS: usize = 1000;
/// Bytes that they take at most: what a batch weighs is what each of its readers is given at once.
const BYTES: usize = 256 * 1024;
/// The names of an event, its id, and what holds it.
const OVERHEAD: usize = 200;

/// An event that is not delivered as it came.
#[derive(Clone, Debug)]
pub struct Raw {
    /// What its publisher was answered.
    pub position: Position,
    /// What happened.
    pub name: EventName,
    /// The payload.
    pub data: Json,
    /// The publisher, where its role adds the sender.
    pub from: Option<Arc<str>>,
    /// What else it says.
    pub options: Options,
    /// When it came, for people.
    pub ts: UnixMillis,
    /// When it came, for ages.
    pub at: Moment,
}

impl Raw {
    fn cost(&self) -> usize {
        let key = self
            .options
            .key
            .as_ref()
            .map_or(0, |key| key.as_str().len());
        OVERHEAD + self.data.as_bytes().len() + self.name.as_str().len() + 2 * key
    }

    /// What is left of its own time, if it says so; nothing at all is left of one that is over.
    #[must_use]
    pub fn left(&self, now: Moment) -> Option<Duration> {
        let age = now.since(self.at);
        self.options.ttl.map(|ttl| ttl.saturating_sub(age))
    }
}

/// The windows that are open.
#[derive(Debug, Default)]
pub struct Windows {
    open: HashMap<Room, Window>,
    due: BTreeSet<(Moment, Room)>,
    bytes: usize,
}

/// One window.
#[derive(Debug)]
pub struct Window {
    /// What it makes of its events.
    pub deliver: Deliver,
    due: Moment,
    /// In their order; where it conflates, the newest of each key.
    events: BTreeMap<u64, Raw>,
    newest: HashMap<Option<Key>, Newest>,
    /// The newest that was retained of each key, whatever came after it.
    retained: BTreeMap<Key, Raw>,
    bytes: usize,
}

/// The newest of one key, by their numbers.
#[derive(Debug, Default)]
struct Newest {
    /// What is no value of the state.
    plain: Option<u64>,
    /// What is: who follows the room is to see it change, whatever else comes.
    retained: Option<u64>,
}

impl Windows {
    /// Adds `raw` to the window of `room`, which it opens if there is none.
    pub fn add(&mut self, room: &Room, deliver: &Deliver, raw: Raw) {
        let window = self.open.entry(room.clone()).or_insert_with(|| {
            let due = raw.at + deliver.window().unwrap_or_default();
            self.due.insert((due, room.clone()));
            Window {
                deliver: deliver.clone(),
                due,
                events: BTreeMap::new(),
                newest: HashMap::new(),
                retained: BTreeMap::new(),
                bytes: 0,
            }
        });
        let before = window.bytes;
        window.add(raw);
        self.bytes = self.bytes + window.bytes - before;
    }

    /// Whether the window of `room` ends at `now`, or holds as much as it may.
    #[must_use]
    pub fn is_due(&self, room: &Room, now: Moment) -> bool {
        let window = self.open.get(room);
        window.is_some_and(|window| window.due <= now || window.is_full())
    }

    /// The room whose window ends first, if that is by `now`.
    #[must_use]
    pub fn first_due(&self, now: Moment) -> Option<Room> {
        let (due, room) = self.due.first()?;
        (*due <= now).then(|| room.clone())
    }

    /// The room whose window ends first.
    #[must_use]
    pub fn first(&self) -> Option<Room> {
        self.due.first().map(|(_, room)| room.clone())
    }

    /// When the next window ends.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Ends the window of `room`, if one is open.
    pub fn take(&mut self, room: &Room) -> Option<Window> {
        let window = self.open.remove(room)?;
        self.due.remove(&(window.due, room.clone()));
        self.bytes -= window.bytes;
        Some(window)
    }

    /// The memory that they are taken to use.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Window {
    fn add(&mut self, raw: Raw) {
        self.bytes += raw.cost();
        let seq = raw.position.seq;
        if let Some(key) = raw.options.key.as_ref().filter(|_| raw.options.retain) {
            // Its payload is shared with the event.
            self.bytes += OVERHEAD;
            if self.retained.insert(key.clone(), raw.clone()).is_some() {
                self.bytes -= OVERHEAD;
            }
        }
        if let Deliver::Conflate { key, .. } = &self.deliver {
            let key = raw.options.key.clone().or_else(|| {
                let field = key.as_deref()?;
                fields::key_in(&raw.data, field)
            });
            let newest = self.newest.entry(key).or_default();
            let older = if raw.options.retain {
                [newest.plain.take(), newest.retained.replace(seq)]
            } else {
                [newest.plain.replace(seq), None]
            };
            for older in older.into_iter().flatten() {
                let older = self.events.remove(&older);
                self.bytes -= older.map_or(0, |older| older.cost());
            }
        }
        self.events.insert(seq, raw);
    }

    fn is_full(&self) -> bool {
        self.events.len() >= EVENTS || self.bytes >= BYTES
    }

    /// Its events that are not over, in their order; and the newest that was retained of each key, though it may be over.
    pub fn end(self, now: Moment) -> (impl Iterator<Item = Raw>, Vec<Raw>) {
        let events = self.events.into_values();
        let events = events.filter(move |raw| raw.left(now) != Some(Duration::ZERO));
        (events, self.retained.into_values().collect())
    }
}

/// The payload of a batch of `events`.
#[must_use]
pub fn batch(events: &[Raw]) -> Json {
    fields::batch(events)
}
