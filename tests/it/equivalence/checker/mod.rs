//! The checker of SEMANTICS.md: it accounts for every event, gap and cursor that any client saw.
//!
//! It shares no code with the gateway, and knows ids as opaque text: the order is that of the publish answers.

mod connection;
mod envelopes;
mod gaps;
mod joins;
mod oracle;
mod policies;
mod reader;
mod socketio;
mod state;
mod volatile;

use std::collections::HashMap;
use std::fmt;

use super::record::{Entry, Record};

use oracle::Oracle;
use reader::Reader;

/// Which promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// An event that was due was neither received nor in a told gap when a position passed it.
    Missing,
    /// An event came twice.
    Twice,
    /// A position went backwards.
    Order,
    /// The envelope is not the one that was published, or not the same as elsewhere.
    Bytes,
    /// An id that no publish was answered with.
    Unpublished,
    /// An event of a room that the client had not joined, or had left, or is not granted.
    NotJoined,
    /// A gap that is not true.
    FalseGap,
    /// A gap that was told already, or whose events came.
    GapAgain,
    /// A new life of the log went on without saying so.
    EpochGap,
    /// A refused room was not named.
    Unauthorized,
    /// A cursor that is no position that could be told.
    Position,
    /// The script was quiet, and the client did not come to the head.
    Silent,
    /// A frame of another shape than the contract's.
    Malformed,
    /// A refusal without reason.
    Refused,
    /// A publish was answered wrongly, or one key was applied twice.
    Publish,
    /// An event of a room with windows came as it was published.
    Raw,
    /// A flush that the windows do not give.
    Flush,
    /// An event of a room of the newest came, and a newer one was there when it was asked for.
    Superseded,
    /// An event came after its time was over.
    Outlived,
    /// An event came to somebody whom it was not for.
    Excepted,
    /// Retained values that are not those of their position, were not asked for, or were not told.
    State,
    /// An event that is in no log came with an id, or before something that was due.
    Volatile,
    /// A client was told that it has all, and something was missing.
    Recovered,
    /// A stream was sent away without being behind, or not sent away where the room says so.
    Overflow,
}

/// One broken promise.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

/// A position in the order of the publish answers, over all lives of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    life: usize,
    /// How many events were published at or before it.
    at: usize,
}

/// What is known from all clients together.
#[derive(Default)]
struct Shared {
    /// The one position of each life that is no event: where it begins.
    origins: HashMap<usize, String>,
    /// Positions at what a drained log made of its windows when nobody was there any more to see it.
    drained: HashMap<String, Place>,
    /// The time stamp that each event was seen with.
    stamps: HashMap<usize, u64>,
    /// The bytes that each event was seen with in each room.
    texts: HashMap<(usize, String), String>,
    /// The time stamp that each event was seen with which is in no log.
    flashes: HashMap<usize, u64>,
}

/// Everything that is wrong with what was seen; nothing, if all promises were kept.
pub(super) fn check(record: &Record) -> Vec<Complaint> {
    let mut complaints = publishes(record);
    let oracle = match Oracle::new(record) {
        Ok(oracle) => oracle,
        Err(complaint) => {
            complaints.push(complaint);
            return complaints;
        }
    };
    let mut shared = Shared::default();
    // Who is always there comes last in the record, and first here: it knows where each life begins.
    for (client, happenings) in record.clients.iter().enumerate().rev() {
        let mut reader = Reader::new(&oracle, &mut shared, client);
        for happening in happenings {
            reader.take(happening.step, &happening.what);
        }
        complaints.extend(reader.finish());
    }
    complaints
}

fn publishes(record: &Record) -> Vec<Complaint> {
    let wrong = |entry: &Entry| match entry {
        Entry::Repeated(first, second) if first != second => Some(format!(
            "a repeated publish was answered {second} after {first}"
        )),
        Entry::Refused { wanted, answer } => Some(format!("expected {wanted}, got {answer}")),
        _ => None,
    };
    let texts = record.log.iter().filter_map(wrong);
    texts
        .map(|text| Complaint {
            kind: Kind::Publish,
            text,
        })
        .collect()
}

impl Shared {
    /// A position was told: it may be one that nobody saw an event of, when this life of the log is over.
    fn drained(&mut self, oracle: &Oracle, cursor: &str, step: usize) {
        let known = oracle.place(cursor).is_some() || self.origins.values().any(|at| at == cursor);
        if known {
            return;
        }
        let life = oracle.life(step);
        if let Some(at) = oracle.unseen(step) {
            self.drained
                .entry(cursor.to_owned())
                .or_insert(Place { life, at });
        }
    }

    /// The place of a cursor that was told in this life.
    fn place(&mut self, oracle: &Oracle, cursor: &str, life: usize) -> Option<Place> {
        if let Some(place) = oracle.place(cursor).or(self.drained.get(cursor).copied()) {
            return Some(place);
        }
        if let Some((&life, _)) = self.origins.iter().find(|(_, have)| *have == cursor) {
            return Some(Place {
                life,
                at: oracle.start(life),
            });
        }
        let known = self
            .origins
            .entry(life)
            .or_insert_with(|| cursor.to_owned());
        (known == cursor).then(|| Place {
            life,
            at: oracle.start(life),
        })
    }
}
