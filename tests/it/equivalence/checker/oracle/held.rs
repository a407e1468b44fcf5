//! What is held at present.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::super::super::script::{Deliver, Rule};
use super::fact::{Fact, Origin};

/// The rooms with what they hold, by its number and age.
pub(super) struct Held<'a> {
    pub(super) rules: &'a [Rule],
    total: usize,
    rooms: HashMap<String, VecDeque<(usize, Duration)>>,
    /// The events that have an end of their own.
    ends: Vec<(usize, Duration)>,
    pub(super) now: Duration,
}

impl<'a> Held<'a> {
    pub(super) fn new(rules: &'a [Rule], total: usize) -> Self {
        Self {
            rules,
            total,
            rooms: HashMap::new(),
            ends: Vec::new(),
            now: Duration::ZERO,
        }
    }

    pub(super) fn clear(&mut self) {
        self.rooms.clear();
        self.ends.clear();
    }

    /// The newest of `facts` was appended.
    pub(super) fn append(&mut self, facts: &mut [Fact], step: usize) {
        let number = facts.len();
        let Some(newest) = facts.last() else {
            return;
        };
        if let Origin::Published(published) = &newest.origin
            && let Some(ttl) = published.options.ttl_ms
        {
            self.ends
                .push((number, self.now + Duration::from_millis(ttl)));
        }
        for room in newest.rooms.clone() {
            let bound = self.rule(&room).map_or(usize::MAX, |rule| rule.events);
            let now = self.now;
            self.events(&room).push_back((number, now));
            while self.events(&room).len() > bound {
                self.evict_oldest(&room, facts, step);
            }
        }
        self.bound_all(facts, step);
    }

    fn events(&mut self, room: &str) -> &mut VecDeque<(usize, Duration)> {
        self.rooms.entry(room.to_owned()).or_default()
    }

    fn bound_all(&mut self, facts: &mut [Fact], step: usize) {
        loop {
            let mut all = BTreeMap::new();
            for events in self.rooms.values() {
                all.extend(events.iter().copied());
            }
            let Some((&oldest, _)) = all.first_key_value().filter(|_| all.len() > self.total)
            else {
                return;
            };
            let is_oldest = |events: &VecDeque<(usize, Duration)>| {
                events.front().is_some_and(|(number, _)| *number == oldest)
            };
            let of_it = self.rooms.iter().filter(|(_, events)| is_oldest(events));
            let rooms: Vec<_> = of_it.map(|(room, _)| room.clone()).collect();
            for room in rooms {
                self.evict_oldest(&room, facts, step);
            }
        }
    }

    /// The clock went on: what is over by its own time goes in silence, what is too old for its room does not.
    pub(super) fn expire(&mut self, facts: &mut [Fact], step: usize) {
        let now = self.now;
        for (number, _) in self.ends.extract_if(.., |(_, end)| *end <= now) {
            facts[number - 1].outlived = Some(step);
            for events in self.rooms.values_mut() {
                events.retain(|(have, _)| *have != number);
            }
        }
        for rule in self.rules {
            let age = Duration::from_secs(rule.age_seconds);
            let too_old = |events: &VecDeque<(usize, Duration)>| {
                events.front().is_some_and(|(_, at)| *at + age <= now)
            };
            while self.rooms.get(rule.room).is_some_and(too_old) {
                self.evict_oldest(rule.room, facts, step);
            }
        }
    }

    fn evict_oldest(&mut self, room: &str, facts: &mut [Fact], step: usize) {
        let events = self.events(room);
        let Some((number, _)) = events.pop_front() else {
            return;
        };
        // In a room of the newest event, nothing is missing as long as a newer one is held (SEMANTICS 5).
        let superseded = !events.is_empty();
        let latest = self
            .rule(room)
            .is_some_and(|rule| rule.deliver == Deliver::Latest);
        let fact = &mut facts[number - 1];
        let list = match latest && superseded {
            true => &mut fact.replaced,
            false => &mut fact.dropped,
        };
        list.insert(room.to_owned(), step);
    }

    fn rule(&self, room: &str) -> Option<&'a Rule> {
        self.rules.iter().find(|rule| rule.room == room)
    }
}
