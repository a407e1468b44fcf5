//! A naive log: a list of events, and a floor for each room.

use std::collections::HashMap;
use std::time::Duration;

use super::super::script::Rule;
use super::Fault;

/// An event in the list.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) seq: usize,
    pub(super) rooms: Vec<String>,
    /// The rooms that still hold it.
    pub(super) held: Vec<String>,
    pub(super) event: String,
    pub(super) data: String,
    pub(super) from: Option<&'static str>,
    pub(super) ts: u64,
    at: Duration,
}

/// The log of one life.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) life: usize,
    pub(super) head: usize,
    pub(super) events: Vec<Stored>,
    floors: HashMap<String, usize>,
    rules: Vec<Rule>,
    total: usize,
    now: Duration,
    fault: Option<Fault>,
}

impl Log {
    pub(super) fn new(rules: Vec<Rule>, total: usize, fault: Option<Fault>) -> Self {
        Self {
            life: 1,
            head: 0,
            events: Vec::new(),
            floors: HashMap::new(),
            rules,
            total,
            now: Duration::ZERO,
            fault,
        }
    }

    /// Forgets everything; a sound one takes a new name for it.
    pub(super) fn restart(&mut self) {
        if self.fault != Some(Fault::ReuseEpoch) {
            self.life += 1;
        }
        self.head = 0;
        self.events.clear();
        self.floors.clear();
    }

    pub(super) fn append(
        &mut self,
        rooms: &[String],
        event: String,
        data: String,
        from: Option<&'static str>,
    ) -> String {
        self.head += 1;
        let stored = Stored {
            seq: self.head,
            rooms: rooms.to_vec(),
            held: rooms.to_vec(),
            event,
            data,
            from,
            ts: 1_700_000_000_000 + self.now.as_millis() as u64,
            at: self.now,
        };
        self.events.push(stored);
        for room in rooms {
            let bound = self
                .rules
                .iter()
                .find(|rule| rule.room == room)
                .map_or(usize::MAX, |rule| rule.events);
            while self.held(room).count() > bound {
                self.drop_oldest(room);
            }
        }
        while self.events.len() > self.total {
            for room in self.events[0].held.clone() {
                self.drop_oldest(&room);
            }
        }
        self.cursor(self.head)
    }

    pub(super) fn advance(&mut self, span: Duration) {
        self.now += span;
        for rule in self.rules.clone() {
            let age = Duration::from_secs(rule.age_seconds);
            while self
                .held(rule.room)
                .next()
                .is_some_and(|event| event.at + age <= self.now)
            {
                self.drop_oldest(rule.room);
            }
        }
    }

    fn drop_oldest(&mut self, room: &str) {
        let Some(oldest) = self
            .events
            .iter_mut()
            .find(|event| event.held.iter().any(|have| have == room))
        else {
            return;
        };
        oldest.held.retain(|have| have != room);
        self.floors.insert(room.to_owned(), oldest.seq);
        self.events.retain(|event| !event.held.is_empty());
        if self.fault == Some(Fault::ForgetTombstone) && self.held(room).next().is_none() {
            self.floors.remove(room);
        }
    }

    pub(super) fn held<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a Stored> {
        self.events
            .iter()
            .filter(move |event| event.held.iter().any(|have| have == room))
    }

    pub(super) fn floor(&self, room: &str) -> usize {
        self.floors.get(room).copied().unwrap_or(0)
    }

    /// The greatest seq that any room dropped.
    pub(super) fn highest_floor(&self) -> usize {
        self.floors.values().copied().max().unwrap_or(0)
    }

    pub(super) fn cursor(&self, seq: usize) -> String {
        format!("{}-{seq}~", self.life)
    }

    /// Life and seq of a cursor.
    pub(super) fn parse(&self, cursor: &str) -> Option<(usize, usize)> {
        let whole = cursor.strip_suffix('~');
        let text = match self.fault {
            Some(Fault::TakeTruncatedCursor) => whole.unwrap_or(cursor),
            _ => whole?,
        };
        let (life, seq) = text.split_once('-')?;
        Some((life.parse().ok()?, seq.parse().ok()?))
    }
}
