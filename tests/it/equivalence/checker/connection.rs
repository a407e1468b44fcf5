//! What one connection owes its client.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::record::{Ask, Opening, Transport};
use super::state::Asked;

/// Whether an event must, may or must not come through a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    Forbidden,
    /// The request and the event were under way at the same time.
    Optional,
    Required,
}

/// A connection, or one request.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) opening: Opening,
    pub(super) life: usize,
    pub(super) opened: usize,
    /// The last position that was told; nothing before the first one of a stream that starts now.
    pub(super) base: Option<usize>,
    /// For each room, from where on which duty holds; the later entry wins.
    duties: HashMap<String, Vec<(usize, Duty)>>,
    /// Gaps told on this connection: a new one tells again what its cursor had not passed.
    told: HashMap<String, Vec<(usize, usize)>>,
    /// Rooms whose gap between two lives of the log is still to be told.
    pub(super) owed_epoch: HashSet<String>,
    /// Rooms that were left before that gap was told.
    pub(super) left_early: HashSet<String>,
    /// Rooms that were left: on a stream that is not asked itself, their events may still be under way.
    pub(super) left: HashSet<String>,
    /// Those of them that were not asked for again.
    pub(super) unwanted: HashSet<String>,
    /// Whether a refused room is still to be named.
    pub(super) owed_refusal: bool,
    pub(super) asks: Vec<(usize, Ask)>,
    pub(super) backfilled: HashMap<String, BTreeSet<usize>>,
    /// Up to this event, what was dropped by this step needed not be delivered: it started from what was held.
    pub(super) lenient: Option<(usize, usize)>,
    /// How many entries the log had when the first of it was seen.
    pub(super) begun: Option<usize>,
    /// The retained values that were asked for.
    pub(super) state: Asked,
    /// Where a namespace of Socket.IO was joined: the stream, and whether it goes on with nothing missing.
    pub(super) joined_as: Option<(String, bool)>,
    /// Whether its client came back and was cut before it heard as whom.
    pub(super) is_unheard: bool,
    /// How many events there were at least when that stream began.
    pub(super) began: usize,
    /// For each room that is joined from a position of another life: up to where that gap was told.
    pub(super) epochs: HashMap<String, usize>,
}

impl Connection {
    pub(super) fn new(opening: Opening, life: usize, opened: usize) -> Self {
        Self {
            opening,
            life,
            opened,
            base: None,
            duties: HashMap::new(),
            told: HashMap::new(),
            owed_epoch: HashSet::new(),
            left_early: HashSet::new(),
            owed_refusal: false,
            asks: Vec::new(),
            backfilled: HashMap::new(),
            lenient: None,
            begun: None,
            state: Asked::default(),
            left: HashSet::new(),
            unwanted: HashSet::new(),
            joined_as: None,
            is_unheard: false,
            began: 0,
            epochs: HashMap::new(),
        }
    }

    /// From beyond `after`, `duty` holds for `room`.
    pub(super) fn from(&mut self, room: &str, after: usize, duty: Duty) {
        let spans = self.duties.entry(room.to_owned()).or_default();
        spans.retain(|(have, _)| *have < after);
        spans.push((after, duty));
    }

    /// What is due of `room` from now on is no longer certain to come.
    pub(super) fn relax(&mut self, room: &str) {
        for (_, duty) in self.duties.entry(room.to_owned()).or_default() {
            if *duty == Duty::Required {
                *duty = Duty::Optional;
            }
        }
    }

    /// The rooms of which something may come, and whether it must.
    pub(super) fn rooms(&self) -> Vec<(String, Duty)> {
        let last = |spans: &Vec<(usize, Duty)>| spans.last().map(|(_, duty)| *duty);
        let rooms = self.duties.iter();
        rooms
            .filter_map(|(room, spans)| Some((room.clone(), last(spans)?)))
            .filter(|(_, duty)| *duty != Duty::Forbidden)
            .collect()
    }

    /// The same duties as `before`; but what its client knows to be missing need not be told again.
    pub(super) fn goes_on(&mut self, before: &Self) {
        self.duties.clone_from(&before.duties);
        for (room, gaps) in &before.told {
            let (Some(spans), Some(to)) = (
                self.duties.get_mut(room),
                gaps.iter().map(|(_, to)| *to).max(),
            ) else {
                continue;
            };
            let beyond = before.duty(room, to + 1);
            for (after, duty) in &mut *spans {
                if *after < to && *duty == Duty::Required {
                    *duty = Duty::Optional;
                }
            }
            let place = spans.partition_point(|(after, _)| *after <= to);
            spans.insert(place, (to, beyond));
        }
    }

    /// An event that might come has come: what follows it in `room` must come too.
    pub(super) fn settle(&mut self, room: &str, number: usize) {
        let spans = self.duties.entry(room.to_owned()).or_default();
        let later: Vec<_> = spans
            .iter()
            .copied()
            .filter(|(after, _)| *after >= number)
            .collect();
        if later.iter().all(|(_, duty)| *duty != Duty::Forbidden) {
            self.from(room, number, Duty::Required);
        }
    }

    /// Nothing of `room` is due or allowed any more.
    pub(super) fn forget(&mut self, room: &str) {
        self.duties.remove(room);
    }

    pub(super) fn joined(&self, room: &str) -> bool {
        self.duties.contains_key(room)
    }

    pub(super) fn duty(&self, room: &str, number: usize) -> Duty {
        let spans = self.duties.get(room).map_or(&[][..], Vec::as_slice);
        let last = spans.iter().rev().find(|(after, _)| *after < number);
        last.map_or(Duty::Forbidden, |(_, duty)| *duty)
    }

    pub(super) fn covered(&self, room: &str, number: usize) -> bool {
        self.gaps(room)
            .iter()
            .any(|(from, to)| *from < number && number <= *to)
    }

    pub(super) fn gaps(&self, room: &str) -> &[(usize, usize)] {
        self.told.get(room).map_or(&[], Vec::as_slice)
    }

    pub(super) fn tell(&mut self, room: &str, from: usize, to: usize) {
        self.told
            .entry(room.to_owned())
            .or_default()
            .push((from, to));
    }

    /// Whether what is asked is answered on the stream itself.
    pub(super) const fn answers_in_line(&self) -> bool {
        matches!(
            self.opening.transport,
            Transport::WebSocket | Transport::SocketIo
        )
    }

    /// A room that is joined from the past has its gaps told anew.
    pub(super) fn untell(&mut self, room: &str) {
        self.told.remove(room);
        self.epochs.remove(room);
        self.backfilled.remove(room);
    }

    /// The open request to join this room from an earlier position, and that position's text.
    pub(super) fn asked_since(&self, room: &str) -> Option<&str> {
        self.asks.iter().find_map(|(_, ask)| match &ask.join {
            Some(Some(since)) if ask.room == room => Some(since.as_str()),
            _ => None,
        })
    }
}
