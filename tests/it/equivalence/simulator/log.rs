//! A naive log: a list of events, and a floor for each room.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::super::script::{Deliver, Draft, Except, Retain, Rule};
use super::Fault;
use super::windows::Window;

/// An event in the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) seq: usize,
    pub(super) rooms: Vec<String>,
    /// The rooms that still hold it.
    pub(super) held: Vec<String>,
    pub(super) event: String,
    pub(super) data: String,
    pub(super) from: Option<&'static str>,
    pub(super) key: Option<&'static str>,
    pub(super) of: Vec<String>,
    pub(super) except: Option<Except>,
    pub(super) retain: Retain,
    pub(super) ttl: Option<Duration>,
    pub(super) ts: u64,
    pub(super) at: Duration,
}

/// The log of one life.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) life: usize,
    pub(super) head: usize,
    pub(super) events: Vec<Stored>,
    pub(super) windows: BTreeMap<String, Window>,
    /// The present values of each room.
    pub(super) values: BTreeMap<(String, &'static str), Stored>,
    floors: HashMap<String, usize>,
    rules: Vec<Rule>,
    total: usize,
    pub(super) now: Duration,
    pub(super) fault: Option<Fault>,
}

impl Stored {
    pub(super) fn new(draft: &Draft, from: Option<&'static str>) -> Self {
        let options = &draft.options;
        Self {
            rooms: draft.rooms.iter().map(|&room| room.to_owned()).collect(),
            event: draft.event(),
            data: draft.data(),
            from,
            key: options.key,
            except: options.except,
            retain: options.retain,
            ttl: options.ttl_ms.map(Duration::from_millis),
            ..Self::default()
        }
    }

    /// Whether its own time is over.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.ttl.is_some_and(|ttl| self.at + ttl <= now)
    }
}

impl Log {
    pub(super) fn new(rules: Vec<Rule>, total: usize, fault: Option<Fault>) -> Self {
        Self {
            life: 1,
            head: 0,
            events: Vec::new(),
            windows: BTreeMap::new(),
            values: BTreeMap::new(),
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
        self.windows.clear();
        self.values.clear();
        self.floors.clear();
    }

    /// Appends what somebody publishes: where its rooms have windows, it is held by them alone.
    pub(super) fn append(&mut self, mut event: Stored, draft: &Draft) -> String {
        self.stamp(&mut event);
        self.head += 1;
        event.seq = self.head;
        for room in event.rooms.clone() {
            match self.rule(&room).deliver {
                Deliver::All | Deliver::Latest => event.held.push(room),
                Deliver::Conflate { field, .. } => {
                    let own = draft.options.field.filter(|_| field);
                    self.gather(&room, draft.options.key.or(own), &event);
                    self.leak(&room, &mut event);
                }
                Deliver::Batch { .. } => {
                    self.gather(&room, None, &event);
                    self.leak(&room, &mut event);
                }
            }
        }
        self.keep(event)
    }

    fn leak(&self, room: &str, event: &mut Stored) {
        if self.fault == Some(Fault::RawDelivered) {
            event.held.push(room.to_owned());
        }
    }

    /// Appends what the log makes by itself.
    pub(super) fn make(&mut self, mut event: Stored, room: &str) {
        self.head += 1;
        event.seq = self.head;
        event.at = self.now;
        event.rooms = vec![room.to_owned()];
        event.held = vec![room.to_owned()];
        self.keep(event);
    }

    pub(super) fn stamp(&self, event: &mut Stored) {
        event.at = self.now;
        event.ts = 1_700_000_000_000 + self.now.as_millis() as u64;
    }

    fn keep(&mut self, event: Stored) -> String {
        self.retain(&event);
        let rooms = event.held.clone();
        if !rooms.is_empty() {
            self.events.push(event);
        }
        for room in rooms {
            let bound = self.rule(&room).events;
            while self.held(&room).count() > bound {
                self.drop_oldest(&room);
            }
        }
        while self.events.len() > self.total {
            for room in self.events[0].held.clone() {
                self.drop_oldest(&room);
            }
        }
        self.cursor(self.head)
    }

    fn retain(&mut self, event: &Stored) {
        let Some(key) = event.key.filter(|_| event.retain != Retain::No) else {
            return;
        };
        for room in &event.held {
            let place = (room.clone(), key);
            match event.retain {
                Retain::Clear if self.fault != Some(Fault::KeepClearedKey) => {
                    self.values.remove(&place);
                }
                Retain::Value => _ = self.values.insert(place, event.clone()),
                Retain::Clear | Retain::No => {}
            }
        }
    }

    pub(super) fn advance(&mut self, span: Duration) {
        self.now += span;
        let now = self.now;
        let silent = self.fault != Some(Fault::TtlMovesFloor);
        if self.fault != Some(Fault::DeliverOutlived) {
            while let Some(event) = self.events.iter().find(|event| event.is_over(now)).cloned() {
                self.events.retain(|have| have.seq != event.seq);
                for room in event.held.iter().filter(|_| !silent) {
                    self.floors.insert(room.clone(), event.seq);
                }
            }
        }
        for rule in self.rules.clone() {
            let age = Duration::from_secs(rule.age_seconds);
            while self
                .held(rule.room)
                .next()
                .is_some_and(|event| event.at + age <= now)
            {
                self.drop_oldest(rule.room);
            }
        }
        self.flush(false);
        self.end_values();
    }

    fn drop_oldest(&mut self, room: &str) {
        let Some(place) = self
            .events
            .iter()
            .position(|event| event.held.iter().any(|have| have == room))
        else {
            return;
        };
        let oldest = &mut self.events[place];
        oldest.held.retain(|have| have != room);
        let seq = oldest.seq;
        self.events.retain(|event| !event.held.is_empty());
        let newer = self.held(room).next().is_some();
        let replaced = newer && self.rule(room).deliver == Deliver::Latest;
        if !replaced || self.fault == Some(Fault::LatestMovesFloor) {
            self.floors.insert(room.to_owned(), seq);
        }
        if self.fault == Some(Fault::ForgetTombstone) && !newer {
            self.floors.remove(room);
        }
    }

    pub(super) fn held<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a Stored> {
        self.events
            .iter()
            .filter(move |event| event.held.iter().any(|have| have == room))
    }

    /// Every room of a script has one.
    pub(super) fn rule(&self, room: &str) -> &Rule {
        self.rules.iter().find(|rule| rule.room == room).unwrap()
    }

    pub(super) fn floor(&self, room: &str) -> usize {
        self.floors.get(room).copied().unwrap_or(0)
    }

    /// The greatest seq that any room dropped.
    pub(super) fn highest_floor(&self) -> usize {
        self.floors.values().copied().max().unwrap_or(0)
    }

    pub(super) fn cursor(&self, seq: usize) -> String {
        self.cursor_in(self.life, seq)
    }

    /// A cursor of any life.
    pub(super) fn cursor_in(&self, life: usize, seq: usize) -> String {
        format!("{life}-{seq}~")
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
