//! Retained state: the present value of each key of a room, apart from its history.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::model::code::{Code, Refusal};
use crate::model::event::{EventName, Key};
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};
use crate::wire::control::{Control, Envelope, StateOf};

use super::{Policy, StateBounds};

/// Maps, `Arc`s and a name of middling length, for each value.
const OVERHEAD: usize = 300;

/// The present value of one key.
#[derive(Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is about.
    pub key: Key,
    /// What happened when it came to be so.
    pub name: EventName,
    /// The payload.
    pub data: Json,
    /// When that was.
    pub ts: UnixMillis,
    /// When it is over by itself.
    pub expires: Option<Moment>,
}

impl Value {
    fn cost(&self) -> usize {
        cost(&self.key, &self.data)
    }

    fn of(&self, room: &Room) -> StateOf {
        StateOf {
            room: room.clone(),
            key: self.key.clone(),
            event: self.name.clone(),
            data: Envelope(self.data.as_bytes().clone()),
            ts: self.ts,
        }
    }
}

fn cost(key: &Key, data: &Json) -> usize {
    OVERHEAD + 2 * key.as_str().len() + data.as_bytes().len()
}

/// What `data` takes as the value of `key`; `null` is none.
fn taken(key: &Key, data: &Json) -> Option<usize> {
    (*data != Json::null()).then(|| cost(key, data))
}

/// The state of rooms at one position, to be told to one client: in steps, as it takes them.
#[derive(Debug)]
pub struct Told {
    /// Where the log was.
    pub position: Position,
    /// The rooms, and what is left of each.
    rooms: VecDeque<(Room, VecDeque<Arc<Value>>)>,
    /// Whether the first of them has been begun.
    has_begun: bool,
}

impl Told {
    /// The state of `rooms` at `position`.
    #[must_use]
    pub fn new(position: Position, rooms: impl Iterator<Item = (Room, Vec<Arc<Value>>)>) -> Self {
        Self {
            position,
            rooms: rooms.map(|(room, values)| (room, values.into())).collect(),
            has_begun: false,
        }
    }

    /// The next messages, of about so many bytes; none once all has been told.
    pub fn step(&mut self, bytes: usize) -> Vec<Control> {
        let (mut step, mut weight) = (Vec::new(), 0);
        while weight < bytes
            && let Some((room, values)) = self.rooms.front_mut()
        {
            if !std::mem::replace(&mut self.has_begun, true) {
                step.push(Control::StateBegin { room: room.clone() });
            }
            while weight < bytes
                && let Some(value) = values.pop_front()
            {
                weight += value.cost();
                step.push(Control::State(value.of(room)));
            }
            if values.is_empty() {
                let (room, cursor) = (room.clone(), self.position);
                step.push(Control::StateEnd { room, cursor });
                self.rooms.pop_front();
                self.has_begun = false;
            }
        }
        step
    }

    /// About how many bytes it takes to tell what is left.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = self.rooms.iter().flat_map(|(_, values)| values);
        values.map(|value| value.cost()).sum()
    }

    /// Whether all has been told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.rooms.is_empty()
    }
}

/// The values of all rooms.
#[derive(Debug, Default)]
pub struct States {
    rooms: HashMap<Room, OfRoom>,
    count: usize,
    bytes: usize,
    /// What they will take once all that is promised has come.
    will: Size,
    /// Those that are over by themselves.
    due: BTreeSet<(Moment, Room, Key)>,
}

#[derive(Debug, Default)]
struct OfRoom {
    values: BTreeMap<Key, Arc<Value>>,
    /// What values that wait for the end of a window take, or that they clear: their publishers were answered that it
    /// fits.
    promised: HashMap<Key, Option<usize>>,
    will: Size,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    keys: usize,
    bytes: usize,
}

impl Size {
    /// One value that took `before` takes `after`.
    const fn change(&mut self, before: Option<usize>, after: Option<usize>) {
        if let Some(before) = before {
            self.keys -= 1;
            self.bytes -= before;
        }
        if let Some(after) = after {
            self.keys += 1;
            self.bytes += after;
        }
    }
}

impl OfRoom {
    /// What the value of `key` will take.
    fn will_take(&self, key: &Key) -> Option<usize> {
        let promised = self.promised.get(key).copied();
        promised.unwrap_or_else(|| self.values.get(key).map(|value| value.cost()))
    }
}

impl States {
    /// Whether `data` may become the value of `key` in `room`, by what will be there once open windows have ended; where
    /// `all` rooms may take so much. How much more that will be.
    ///
    /// # Errors
    /// `state_full`: the room, or all of them, hold as much as they may.
    pub fn check(
        &self,
        (room, policy): (&Room, &Policy),
        key: &Key,
        data: &Json,
        all: usize,
    ) -> Result<usize, Refusal> {
        let Some(more) = taken(key, data) else {
            return Ok(0);
        };
        let held = self.rooms.get(room);
        let before = held.and_then(|held| held.will_take(key));
        let less = before.unwrap_or_default();
        let StateBounds { keys, bytes } = policy.state;
        let will = held.map_or_else(Size::default, |held| held.will);
        // A value that takes no more than the one before it is no reason to refuse, also where a reload has lowered a bound.
        if before.is_none() && will.keys >= keys {
            return Err(full(room, "keys").limit("rooms.PATTERN.state.keys"));
        }
        if more > less && will.bytes - less + more > bytes {
            return Err(full(room, "bytes").limit("rooms.PATTERN.state.bytes"));
        }
        if more > less && self.will.bytes - less + more > all {
            return Err(full(room, "bytes, with those of other rooms,").limit("log.state"));
        }
        Ok(more.saturating_sub(less))
    }

    /// `data` was found to fit, and becomes the value of `key` in `room` at the end of the room's window.
    pub fn promise(&mut self, room: &Room, key: &Key, data: &Json) {
        let promised = taken(key, data);
        self.change(room, key, |held| {
            held.promised.insert(key.clone(), promised);
        });
    }

    /// The window of `room` ends: what was promised there becomes the state now, or is lost.
    pub fn settle(&mut self, room: &Room) {
        let held = self.rooms.get(room);
        let promised: Vec<Key> =
            held.map_or_else(Vec::new, |held| held.promised.keys().cloned().collect());
        for key in promised {
            self.change(room, &key, |held| {
                held.promised.remove(&key);
            });
        }
    }

    /// From now on `value` is that of its key in `room`; `null` is none.
    pub fn set(&mut self, room: &Room, value: Value) {
        self.clear(room, &value.key);
        if value.data == Json::null() {
            return;
        }
        if let Some(expires) = value.expires {
            self.due.insert((expires, room.clone(), value.key.clone()));
        }
        self.bytes += value.cost();
        self.count += 1;
        let key = value.key.clone();
        self.change(room, &key, |held| {
            held.values.insert(key.clone(), Arc::new(value));
        });
    }

    fn clear(&mut self, room: &Room, key: &Key) {
        if !self.has(room, key) {
            return;
        }
        let Some(value) = self.change(room, key, |held| held.values.remove(key)) else {
            return;
        };
        self.bytes -= value.cost();
        self.count -= 1;
        if let Some(expires) = value.expires {
            self.due.remove(&(expires, room.clone(), key.clone()));
        }
    }

    /// A change of what is held, or promised, of `key` in `room`.
    fn change<T>(&mut self, room: &Room, key: &Key, change: impl FnOnce(&mut OfRoom) -> T) -> T {
        let held = self.rooms.entry(room.clone()).or_default();
        let before = held.will_take(key);
        let outcome = change(held);
        let after = held.will_take(key);
        held.will.change(before, after);
        self.will.change(before, after);
        if held.values.is_empty() && held.promised.is_empty() {
            self.rooms.remove(room);
        }
        outcome
    }

    /// The values of `room`, by key.
    #[must_use]
    pub fn of(&self, room: &Room) -> Vec<Arc<Value>> {
        let held = self.rooms.get(room);
        held.map_or_else(Vec::new, |held| held.values.values().cloned().collect())
    }

    /// Whether `key` has a value in `room`.
    #[must_use]
    pub fn has(&self, room: &Room, key: &Key) -> bool {
        let held = self.rooms.get(room);
        held.is_some_and(|held| held.values.contains_key(key))
    }

    /// The next that is over at `now`; it stays until another, or `null`, takes its place.
    #[must_use]
    pub fn over(&self, now: Moment) -> Option<(Room, Arc<Value>)> {
        let (due, room, key) = self.due.first()?;
        let value = self.rooms.get(room)?.values.get(key)?;
        (*due <= now).then(|| (room.clone(), value.clone()))
    }

    /// When the next is over.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(due, ..)| *due)
    }

    /// Values held, and the memory that they are taken to use.
    #[must_use]
    pub const fn size(&self) -> (usize, usize) {
        (self.count, self.bytes)
    }
}

fn full(room: &Room, of: &str) -> Refusal {
    let message = format!("the retained values of {room} take as many {of} as they may");
    Refusal::new(Code::StateFull, message).room(room.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn room() -> Room {
        Room::parse("a").unwrap()
    }

    fn value(key: &str, data: &str, expires: Option<u64>) -> Value {
        Value {
            key: Key::parse(key).unwrap(),
            name: EventName::parse("e").unwrap(),
            data: Json::parse(data).unwrap(),
            ts: UnixMillis(0),
            expires: expires.map(|seconds| Moment::from_origin(Duration::from_secs(seconds))),
        }
    }

    fn policy(keys: usize, bytes: usize) -> Policy {
        Policy {
            state: StateBounds { keys, bytes },
            ..Policy::ROOM
        }
    }

    fn keys(states: &States) -> Vec<String> {
        let values = states.of(&room());
        values
            .iter()
            .map(|value| value.key.as_str().to_owned())
            .collect()
    }

    #[test]
    fn a_room_has_the_last_value_of_each_key_and_null_clears_it() {
        let mut states = States::default();
        states.set(&room(), value("b", "1", None));
        states.set(&room(), value("a", "2", None));
        states.set(&room(), value("b", "3", None));
        assert_eq!(keys(&states), ["a", "b"]);
        assert_eq!(states.of(&room())[1].data.as_str(), "3");
        states.set(&room(), value("a", "null", None));
        states.set(&room(), value("c", "null", None));
        assert_eq!(keys(&states), ["b"]);
        states.set(&room(), value("b", "null", None));
        assert_eq!((states.size(), states.rooms.len()), ((0, 0), 0));
    }

    #[test]
    fn one_that_is_over_is_named_until_another_takes_its_place() {
        let at = |seconds| Moment::from_origin(Duration::from_secs(seconds));
        let mut states = States::default();
        states.set(&room(), value("a", "1", Some(5)));
        states.set(&room(), value("b", "1", Some(3)));
        assert_eq!(states.next_due(), Some(at(3)));
        assert_eq!(states.over(at(2)), None);
        let over = |states: &States, at| states.over(at).map(|(_, value)| value.key.clone());
        assert_eq!(over(&states, at(9)), Some(Key::parse("b").unwrap()));
        states.set(&room(), value("b", "2", None));
        assert_eq!(over(&states, at(9)), Some(Key::parse("a").unwrap()));
        states.set(&room(), value("a", "null", None));
        assert_eq!((over(&states, at(9)), states.due.len()), (None, 0));
    }

    #[test]
    fn the_state_is_told_in_steps_each_room_between_its_begin_and_its_end() {
        let mut states = States::default();
        for key in ["a", "b", "c"] {
            states.set(&room(), value(key, "1", None));
        }
        let empty = Room::parse("empty").unwrap();
        let epoch = crate::model::position::Epoch::from_random(1);
        let position = Position { epoch, seq: 7 };
        let rooms = [room(), empty].map(|room| (room.clone(), states.of(&room)));
        let mut told = Told::new(position, rooms.into_iter());
        let mut names = Vec::new();
        while !told.is_over() {
            // Two values a step.
            let step = told.step(OVERHEAD + 10);
            assert!(step.len() <= 4);
            names.extend(step.iter().map(Control::name));
        }
        let whole = ["state_begin", "state", "state", "state", "state_end"];
        assert_eq!(names, [&whole[..], &["state_begin", "state_end"]].concat());
        assert!(told.step(1).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_by_the_bound_that_it_meets() {
        let mut states = States::default();
        let refused = |states: &States, policy: &Policy, key: &str, data: &str, all| {
            let (key, data) = (Key::parse(key).unwrap(), Json::parse(data).unwrap());
            let checked = states.check((&room(), policy), &key, &data, all);
            checked.err().and_then(|refusal| refusal.limit)
        };
        states.set(&room(), value("a", "1", None));
        let limit = "rooms.PATTERN.state.keys";
        assert_eq!(
            refused(&states, &policy(1, 9999), "b", "1", 9999),
            Some(limit)
        );
        assert_eq!(refused(&states, &policy(1, 9999), "a", "11", 9999), None);
        assert_eq!(refused(&states, &policy(1, 9999), "b", "null", 9999), None);
        let limit = "rooms.PATTERN.state.bytes";
        assert_eq!(
            refused(&states, &policy(9, 400), "b", "1", 9999),
            Some(limit)
        );
        assert_eq!(refused(&states, &policy(9, 1), "a", "2", 9999), None);
        assert_eq!(
            refused(&states, &policy(9, 1), "a", "22", 9999),
            Some(limit)
        );
        assert_eq!(
            refused(&states, &policy(9, 9999), "b", "1", 400),
            Some("log.state")
        );
    }

    #[test]
    fn what_is_promised_counts_as_if_it_were_there() {
        let mut states = States::default();
        let (key, one) = (|key| Key::parse(key).unwrap(), Json::parse("1").unwrap());
        let fits = |states: &States, name| {
            let policy = policy(2, 9999);
            states
                .check((&room(), &policy), &key(name), &one, 9999)
                .is_ok()
        };
        states.set(&room(), value("a", "1", None));
        states.promise(&room(), &key("b"), &one);
        states.promise(&room(), &key("b"), &one);
        assert!(fits(&states, "b") && !fits(&states, "c"));
        // What was there is cleared at the end of the window, and another takes its place.
        states.promise(&room(), &key("a"), &Json::null());
        assert!(fits(&states, "c"));
        assert_eq!(keys(&states), ["a"]);
        states.set(&room(), value("a", "22", None));
        assert!(fits(&states, "c"), "what is promised comes later");
        states.settle(&room());
        assert!(fits(&states, "b") && fits(&states, "c"));
        assert_eq!((states.will.keys, states.will.bytes), states.size());
        states.set(&room(), value("a", "null", None));
        assert_eq!((states.will, states.rooms.len()), (Size::default(), 0));
    }
}
