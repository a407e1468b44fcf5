//! The independent model of the log: what each room held at each step.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::super::record::{Entry, Published, Record};
use super::super::script::Rule;
use super::{Complaint, Kind, Place};

/// What is known about one event.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) published: Published,
    life: usize,
    /// For each room that dropped it: how many entries the log had then.
    dropped: HashMap<String, usize>,
}

/// The whole history of the log.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Event number n (from 1) is at n - 1.
    facts: Vec<Fact>,
    by_id: HashMap<String, usize>,
    /// How many events and restarts there were after so many entries.
    heads: Vec<(usize, usize)>,
    starts: Vec<usize>,
    pub(super) calm: bool,
}

/// What is held at present.
struct Held<'a> {
    rules: &'a [Rule],
    total: usize,
    rooms: HashMap<String, VecDeque<(usize, Duration)>>,
    now: Duration,
}

impl Oracle {
    pub(super) fn new(record: &Record) -> Result<Self, Complaint> {
        let mut oracle = Self {
            facts: Vec::new(),
            by_id: HashMap::new(),
            heads: vec![(0, 0)],
            starts: vec![0],
            calm: record.calm,
        };
        let mut held = Held {
            rules: &record.rules,
            total: record.total,
            rooms: HashMap::new(),
            now: Duration::ZERO,
        };
        for (index, entry) in record.log.iter().enumerate() {
            let step = index + 1;
            match entry {
                Entry::Published(published) => oracle.publish(published, step, &mut held)?,
                Entry::Advanced(span) => {
                    held.now += *span;
                    oracle.expire(step, &mut held);
                }
                Entry::Restarted => {
                    held.rooms.clear();
                    oracle.starts.push(oracle.facts.len());
                }
                Entry::Repeated(..) | Entry::Refused { .. } => {}
            }
            oracle
                .heads
                .push((oracle.facts.len(), oracle.starts.len() - 1));
        }
        Ok(oracle)
    }

    fn publish(
        &mut self,
        published: &Published,
        step: usize,
        held: &mut Held<'_>,
    ) -> Result<(), Complaint> {
        let number = self.facts.len() + 1;
        if self.by_id.insert(published.id.clone(), number).is_some() {
            let text = format!("two publishes were answered with the id {}", published.id);
            return Err(Complaint {
                kind: Kind::Publish,
                text,
            });
        }
        let life = self.starts.len() - 1;
        self.facts.push(Fact {
            published: published.clone(),
            life,
            dropped: HashMap::new(),
        });
        for room in &published.rooms {
            let bound = held.rule(room).map_or(usize::MAX, |rule| rule.events);
            let events = held.rooms.entry(room.clone()).or_default();
            events.push_back((number, held.now));
            while events.len() > bound {
                let dropped = events.pop_front();
                self.drop_from(room, dropped, step);
            }
        }
        self.bound_all(step, held);
        Ok(())
    }

    fn bound_all(&mut self, step: usize, held: &mut Held<'_>) {
        loop {
            let mut all = BTreeMap::new();
            for events in held.rooms.values() {
                all.extend(events.iter().copied());
            }
            let Some((&oldest, _)) = all.first_key_value().filter(|_| all.len() > held.total)
            else {
                return;
            };
            for (room, events) in &mut held.rooms {
                if events.front().is_some_and(|(number, _)| *number == oldest) {
                    let dropped = events.pop_front();
                    self.drop_from(room, dropped, step);
                }
            }
        }
    }

    fn expire(&mut self, step: usize, held: &mut Held<'_>) {
        let (rules, now) = (held.rules, held.now);
        for (room, events) in &mut held.rooms {
            let Some(rule) = rules.iter().find(|rule| rule.room == room) else {
                continue;
            };
            let age = Duration::from_secs(rule.age_seconds);
            while events.front().is_some_and(|(_, at)| *at + age <= now) {
                let dropped = events.pop_front();
                self.drop_from(room, dropped, step);
            }
        }
    }

    fn drop_from(&mut self, room: &str, event: Option<(usize, Duration)>, step: usize) {
        if let Some((number, _)) = event {
            self.facts[number - 1].dropped.insert(room.to_owned(), step);
        }
    }

    pub(super) fn fact(&self, number: usize) -> &Fact {
        &self.facts[number - 1]
    }

    /// The place of an event's id.
    pub(super) fn place(&self, id: &str) -> Option<Place> {
        let at = *self.by_id.get(id)?;
        Some(Place {
            life: self.fact(at).life,
            at,
        })
    }

    /// How many events there were after so many entries.
    pub(super) fn head(&self, step: usize) -> usize {
        self.heads[step].0
    }

    /// Which life of the log it was.
    pub(super) fn life(&self, step: usize) -> usize {
        self.heads[step].1
    }

    /// Whether this life of the log is over with the next entry.
    pub(super) fn ends(&self, step: usize) -> bool {
        self.heads
            .get(step + 1)
            .is_some_and(|(_, life)| *life > self.life(step))
    }

    /// How many events were published before this life.
    pub(super) fn start(&self, life: usize) -> usize {
        self.starts[life]
    }

    /// Where the log ended.
    pub(super) fn end(&self) -> Place {
        Place {
            life: self.starts.len() - 1,
            at: self.facts.len(),
        }
    }

    /// Whether `room` had dropped this event of its own by then; false too if it never held it.
    pub(super) fn dropped(&self, number: usize, room: &str, step: usize) -> bool {
        self.fact(number)
            .dropped
            .get(room)
            .is_some_and(|at| *at <= step)
    }

    /// The events of `room` beyond `after` and up to `to`.
    pub(super) fn events<'a>(
        &'a self,
        room: &'a str,
        after: usize,
        to: usize,
    ) -> impl Iterator<Item = usize> + 'a {
        (after + 1..=to).filter(move |&number| {
            self.fact(number)
                .published
                .rooms
                .iter()
                .any(|have| have == room)
        })
    }

    /// The place before the newest `count` events that were published to `room` in this life until then.
    pub(super) fn before_newest(
        &self,
        room: &str,
        count: usize,
        life: usize,
        head: usize,
    ) -> usize {
        let all: Vec<_> = self.events(room, self.start(life), head).collect();
        match all.len().checked_sub(count + 1) {
            Some(place) => all[place],
            None => self.start(life),
        }
    }
}

impl Held<'_> {
    fn rule(&self, room: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.room == room)
    }
}
