//! The independent model of the log: what each room held at each step.

mod fact;
mod held;
mod sightings;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::super::record::{Entry, Published, Record};
use super::super::script::{Deliver, Rule};
use super::super::windows::{Made, Windows};
use super::{Complaint, Kind, Place};

pub(super) use fact::{Fact, Flash, Origin};
use held::Held;
use sightings::Sightings;

/// The whole history of the log.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Event number n (from 1) is at n - 1.
    facts: Vec<Fact>,
    by_id: HashMap<String, usize>,
    /// What is in no log.
    pub(super) flashes: Vec<Flash>,
    /// How many events and restarts there were after so many entries.
    heads: Vec<(usize, usize)>,
    starts: Vec<usize>,
    /// What the clock said after so many entries.
    times: Vec<Duration>,
    rules: Vec<Rule>,
    pub(super) calm: bool,
}

impl Oracle {
    pub(super) fn new(record: &Record) -> Result<Self, Complaint> {
        let mut oracle = Self {
            facts: Vec::new(),
            by_id: HashMap::new(),
            flashes: Vec::new(),
            heads: vec![(0, 0)],
            starts: vec![0],
            times: vec![Duration::ZERO],
            rules: record.rules.clone(),
            calm: record.calm,
        };
        let mut held = Held::new(&record.rules, record.total);
        let mut windows = Windows::new(&record.rules);
        let mut sightings = Sightings::new(record);
        for (index, entry) in record.log.iter().enumerate() {
            let step = index + 1;
            match entry {
                Entry::Published(published) => {
                    windows.publish(published);
                    oracle.publish(published, step, &mut held)?;
                }
                Entry::Volatile(published) => oracle.flashes.push(Flash {
                    published: published.clone(),
                    at: oracle.facts.len(),
                    step,
                }),
                Entry::Advanced(span) => {
                    held.now += *span;
                    held.expire(&mut oracle.facts, step);
                    let made = sightings.order(windows.advance(*span));
                    oracle.make(made, step, &mut held);
                }
                Entry::Restarted => {
                    let made = sightings.order(windows.restart());
                    oracle.make(made, step, &mut held);
                    held.clear();
                    oracle.starts.push(oracle.facts.len());
                }
                Entry::Repeated(..) | Entry::Refused { .. } => {}
            }
            oracle.times.push(held.now);
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
        self.facts
            .push(Fact::published(published, held.rules, life));
        held.append(&mut self.facts, step);
        Ok(())
    }

    fn make(&mut self, made: Vec<(Made, Option<String>)>, step: usize, held: &mut Held<'_>) {
        let life = self.starts.len() - 1;
        for (made, id) in made {
            let number = self.facts.len() + 1;
            self.by_id.extend(id.clone().map(|id| (id, number)));
            self.facts.push(Fact::made(made, id, life));
            held.append(&mut self.facts, step);
        }
    }

    pub(super) fn fact(&self, number: usize) -> &Fact {
        &self.facts[number - 1]
    }

    /// The number of an event.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The place of an event's id.
    pub(super) fn place(&self, id: &str) -> Option<Place> {
        let at = self.number(id)?;
        Some(Place {
            life: self.fact(at).life,
            at,
        })
    }

    /// How many events there were after so many entries.
    pub(super) fn head(&self, step: usize) -> usize {
        self.heads[step].0
    }

    /// The same, with what a log that is drained makes of its windows at the end.
    pub(super) fn reach(&self, step: usize) -> usize {
        match self.ends(step) {
            true => self.start(self.life(step) + 1),
            false => self.head(step),
        }
    }

    /// The first event that a log which is drained with the next entry makes, and that nobody sees.
    pub(super) fn unseen(&self, step: usize) -> Option<usize> {
        (self.head(step) + 1..=self.reach(step)).find(|&number| self.fact(number).id.is_none())
    }

    /// Which life of the log it was.
    pub(super) fn life(&self, step: usize) -> usize {
        self.heads[step].1
    }

    /// How far the clock went between two steps.
    pub(super) fn between(&self, from: usize, to: usize) -> Duration {
        self.times[to].saturating_sub(self.times[from])
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

    /// Whether `room` had evicted this event of its own by then; false too if it never held it, if the event's own time
    /// was over first, and if a newer one of a room of the newest was held.
    pub(super) fn dropped(&self, number: usize, room: &str, step: usize) -> bool {
        // A gap that is not true may end where no event is.
        let fact = number.checked_sub(1).and_then(|at| self.facts.get(at));
        let dropped = fact.and_then(|fact| fact.dropped.get(room));
        dropped.is_some_and(|at| *at <= step)
    }

    /// Whether `room` had evicted this event by then while it held a newer one, which is all that matters there.
    pub(super) fn replaced(&self, number: usize, room: &str, step: usize) -> bool {
        let replaced = self.fact(number).replaced.get(room);
        replaced.is_some_and(|at| *at <= step)
    }

    /// Whether the event's own time was over by then.
    pub(super) fn outlived(&self, number: usize, step: usize) -> bool {
        self.fact(number).outlived.is_some_and(|at| at <= step)
    }

    /// Whether only the newest event of this room matters.
    pub(super) fn is_latest(&self, room: &str) -> bool {
        let rule = self.rules.iter().find(|rule| rule.room == room);
        rule.is_some_and(|rule| rule.deliver == Deliver::Latest)
    }

    /// Whether a live reader that falls out of this room is sent away.
    pub(super) fn disconnects(&self, room: &str) -> bool {
        let rule = self.rules.iter().find(|rule| rule.room == room);
        rule.is_some_and(|rule| rule.disconnects)
    }

    /// The events that `room` delivers beyond `after` and up to `to`.
    pub(super) fn events<'a>(
        &'a self,
        room: &'a str,
        after: usize,
        to: usize,
    ) -> impl DoubleEndedIterator<Item = usize> + 'a {
        (after + 1..=to)
            .filter(move |&number| self.fact(number).rooms.iter().any(|have| have == room))
    }

    /// The place before the newest `count` events of `room` in this life until then, of those that `counts` takes.
    pub(super) fn before_newest(
        &self,
        room: &str,
        count: usize,
        (life, head): (usize, usize),
        counts: impl Fn(usize) -> bool,
    ) -> usize {
        let start = self.start(life);
        let newest = self.events(room, start, head).rev();
        let mut newest = newest.filter(|number| counts(*number));
        newest.nth(count).unwrap_or(start)
    }

    /// The retained values of `room` at this place, as the numbers of their events.
    pub(super) fn state(&self, room: &str, place: Place) -> BTreeMap<&'static str, usize> {
        let mut values = BTreeMap::new();
        for number in self.events(room, self.start(place.life), place.at) {
            match self.fact(number).retained() {
                Some((key, true)) => _ = values.insert(key, number),
                Some((key, false)) => _ = values.remove(key),
                None => {}
            }
        }
        values
    }
}
