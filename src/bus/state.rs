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
    /// Those that are over by themselves.
    due: BTreeSet<(Moment, Room, Key)>,
}

#[derive(Debug, Default)]
struct OfRoom {
    values: BTreeMap<Key, Arc<Value>>,
    bytes: usize,
}

impl States {
    /// Whether `data` may become the value of `key` in `room`.
    ///
    /// # Errors
    /// `state_full`: the room, or all of them, hold as much as they may.
    pub fn check(
        &self,
        (room, policy): (&Room, &Policy),
        key: &Key,
        data: &Json,
        all: usize,
    ) -> Result<(), Refusal> {
        if *data == Json::null() {
            return Ok(());
        }
        let held = self.rooms.get(room);
        let before = held.and_then(|held| held.values.get(key));
        let more = cost(key, data);
        let less = before.map_or(0, |value| value.cost());
        let StateBounds { keys, bytes } = policy.state;
        let (count, of_room) = held.map_or((0, 0), |held| (held.values.len(), held.bytes));
        // A value that takes no more than the one before it is no reason to refuse, also where a reload has lowered a bound.
        if before.is_none() && count >= keys {
            return Err(full(room, "keys").limit("rooms.PATTERN.state.keys"));
        }
        if more > less && of_room - less + more > bytes {
            return Err(full(room, "bytes").limit("rooms.PATTERN.state.bytes"));
        }
        if more > less && self.bytes - less + more > all {
            return Err(full(room, "bytes, with those of other rooms,").limit("log.state"));
        }
        Ok(())
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
        let held = self.rooms.entry(room.clone()).or_default();
        held.bytes += value.cost();
        self.bytes += value.cost();
        self.count += 1;
        held.values.insert(value.key.clone(), Arc::new(value));
    }

    fn clear(&mut self, room: &Room, key: &Key) {
        let Some(held) = self.rooms.get_mut(room) else {
            return;
        };
        let Some(value) = held.values.remove(key) else {
            return;
        };
        held.bytes -= value.cost();
        self.bytes -= value.cost();
        self.count -= 1;
        if held.values.is_empty() {
            self.rooms.remove(room);
        }
        if let Some(expires) = value.expires {
            self.due.remove(&(expires, room.clone(), key.clone()));
        }
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
}
