//! What one stream owes its client: each due event once and in order, or a true gap; each message one answer.
//!
//! Written from the promises, not from the code: the same output is judged when it is written, because what the log
//! holds at that moment decides whether a gap is true.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::assert_tells_position;
use super::record::{Record, number, position};
use super::who::Who;
use crate::bus::rooms::Delivery;
use crate::model::gap::{Gap, Reason};
use crate::model::position::Position;
use crate::model::start::Start;
use crate::wire::client::Ref;
use crate::wire::control::{Ack, Control, Envelope, Welcome};

/// The account of one stream.
pub(super) struct Ledger {
    start: Start,
    who: Option<Who>,
    opened: bool,
    /// What was published up to here is in the account.
    noted: u64,
    /// The last position that was written; everything due up to it has been settled.
    cursor: u64,
    /// The rooms joined, and what is due of each.
    due: BTreeMap<usize, BTreeSet<u64>>,
    /// What came over the stream. The pasts of two rooms may both hold an event that is in both.
    streamed: BTreeSet<u64>,
    /// Rooms that were left, or asked for twice: what came of them may come again.
    again: BTreeSet<usize>,
    /// Rooms that had a gap: a stream keeps no account of what it gave of them before, and may give it again in the
    /// past of another room.
    gapped: BTreeSet<usize>,
    join: Option<Join>,
    /// Messages that are not answered yet.
    asked: BTreeMap<i64, Asked>,
}

/// What a client asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Subscribe(usize, Start),
    Unsubscribe(usize),
    Auth(Who),
    /// What is only answered.
    Other,
}

/// A room on its way into the stream.
struct Join {
    room: usize,
    start: Start,
    /// The head and the room's floor just before the first step.
    began: Option<(u64, u64)>,
    told: BTreeSet<u64>,
}

impl Ledger {
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            who: None,
            opened: false,
            noted: 0,
            cursor: 0,
            due: BTreeMap::new(),
            streamed: BTreeSet::new(),
            again: BTreeSet::new(),
            gapped: BTreeSet::new(),
            join: None,
            asked: BTreeMap::new(),
        }
    }

    /// The rooms joined.
    pub(super) fn rooms(&self) -> BTreeSet<usize> {
        self.due.keys().copied().collect()
    }

    /// Whoever the client has turned out to be.
    pub(super) fn who(&self) -> Option<Who> {
        self.who
    }

    /// What was published since is due in each of its rooms that is joined.
    pub(super) fn note(&mut self, record: &Record) {
        for seq in self.noted + 1..=record.head() {
            for room in record.rooms(seq) {
                if let Some(due) = self.due.get_mut(room) {
                    due.insert(seq);
                }
            }
        }
        self.noted = record.head();
    }

    /// The client sent a message by the name of `reference`.
    pub(super) fn ask(&mut self, reference: i64, asked: Asked) {
        assert!(self.asked.insert(reference, asked).is_none());
    }

    /// The gateway goes on: the first step of a join begins with what the log is now.
    pub(super) fn before_step(&mut self, record: &Record) {
        if let Some(join) = &mut self.join
            && join.told.is_empty()
        {
            join.began = Some((record.head(), record.floor(join.room)));
        }
    }

    /// The message `reference` is on its way to the session.
    pub(super) fn hand_over(&mut self, reference: i64, record: &Record) {
        if let Some(Asked::Subscribe(room, start)) = self.asked.get(&reference) {
            self.join = Some(Join {
                room: *room,
                start: *start,
                began: None,
                told: BTreeSet::new(),
            });
            self.before_step(record);
        }
    }

    /// Nothing more is to come: everything due has been settled, everything asked has been answered.
    pub(super) fn assert_settled(&self) {
        assert!(self.asked.is_empty(), "not answered: {:?}", self.asked);
        for (room, due) in &self.due {
            assert!(due.is_empty(), "silently lost in room {room}: {due:?}");
        }
    }

    /// Judges a control message.
    pub(super) fn control(&mut self, control: &Control, record: &Record) {
        match control {
            Control::Welcome(welcome) => self.welcome(welcome, record),
            Control::Heartbeat { cursor, .. } => self.reach(*cursor),
            Control::Gap(gap) => self.gap(gap, record),
            Control::Backfill { room, events } => self.past(number(room), events, record),
            Control::Error(error) => self.refused(error.reference.as_ref()),
            Control::Ack(ack) => self.ack(ack, record),
            Control::StateBegin { .. } | Control::State(_) | Control::StateEnd { .. } => {
                panic!("nobody asked for the state")
            }
            Control::TokenExpiring { .. } | Control::SessionExpired {} | Control::Bye { .. } => {}
        }
    }

    /// A position was written: everything due up to it stands before it.
    fn reach(&mut self, cursor: Position) {
        assert_tells_position(cursor);
        assert!(cursor.seq >= self.cursor, "a cursor went back");
        self.cursor = cursor.seq;
        for (room, due) in &self.due {
            let first = due.first();
            assert!(
                first.is_none_or(|first| *first > cursor.seq),
                "the cursor {} steps over {first:?} of room {room}",
                cursor.seq
            );
        }
    }

    fn welcome(&mut self, welcome: &Welcome, record: &Record) {
        let first = !std::mem::replace(&mut self.opened, true);
        let rooms: BTreeSet<usize> = welcome.rooms.iter().map(number).collect();
        self.who = Some(Who::named(&welcome.principal));
        for room in self.rooms().difference(&rooms) {
            self.due.remove(room);
            self.again.insert(*room);
        }
        for room in rooms {
            assert!(self.who.is_some_and(|who| who.may_read(room)), "{room}");
            let start = if first { self.start } else { Start::Now };
            let due = || due_from(start, room, record);
            self.due.entry(room).or_insert_with(due);
        }
        if first && let Start::At(claimed) = self.start {
            self.resume(claimed, welcome, record);
        } else if let Some(cursor) = welcome.cursor {
            self.reach(cursor);
        }
    }

    /// A client that brought a cursor keeps it, and is told whether everything since is still held.
    fn resume(&mut self, claimed: Position, welcome: &Welcome, record: &Record) {
        assert_eq!(welcome.cursor, Some(claimed));
        let ours = position(claimed.seq) == claimed;
        let held = |room: &usize| record.floor(*room) <= claimed.seq;
        let whole = ours && claimed.seq <= record.head() && self.due.keys().all(held);
        assert!(whole || welcome.recovered == Some(false));
        if ours {
            self.cursor = claimed.seq.min(record.head());
        }
    }

    fn gap(&mut self, gap: &Gap, record: &Record) {
        let room = number(&gap.room);
        match gap.reason {
            Reason::Unauthorized => {
                assert_eq!((gap.from, gap.to), (None, None));
                assert!(self.who.is_some_and(|who| !who.may_read(room)));
            }
            Reason::Evicted => self.evicted(room, gap, record),
            Reason::Epoch => {
                let to = gap.to.unwrap().seq;
                assert!(to <= record.head() && to == record.floor(room));
            }
            Reason::Future => assert_eq!(gap.from, Some(position(record.head()))),
        }
    }

    /// Events were dropped: all of these, and none that is held or was streamed.
    fn evicted(&mut self, room: usize, gap: &Gap, record: &Record) {
        let (from, to) = (gap.from.unwrap(), gap.to.unwrap());
        assert_tells_position(from);
        assert_eq!(
            to,
            position(record.floor(room)),
            "the gap ends where it ends"
        );
        let mut missing = record.published(room, from.seq);
        missing.retain(|seq| *seq <= to.seq);
        assert!(!missing.is_empty(), "a gap of nothing");
        let held = record.held(room, usize::MAX);
        assert!(missing.is_disjoint(&held), "a gap of what is held");
        if let Some(join) = self.join.as_mut().filter(|join| join.room == room) {
            assert!(missing.is_disjoint(&join.told), "told twice");
            join.told.append(&mut missing);
            return;
        }
        let due = self.due.get_mut(&room).expect("a gap of a joined room");
        assert!(
            self.again.contains(&room) || missing.is_subset(due),
            "{missing:?} were not all due"
        );
        due.retain(|seq| !missing.contains(seq));
        self.gapped.insert(room);
    }

    /// Events came over the stream.
    pub(super) fn events(&mut self, events: &[Delivery], record: &Record) {
        for event in events {
            let (room, at) = (number(event.room()), event.event().position);
            assert_eq!(event.envelope(), record.envelope(at.seq, room));
            assert!(at.seq > self.cursor, "out of order, or twice");
            let due = self.due.get_mut(&room).expect("an event of a joined room");
            assert!(due.contains(&at.seq), "{} is not due in {room}", at.seq);
            for room in record.rooms(at.seq) {
                if let Some(due) = self.due.get_mut(room) {
                    due.remove(&at.seq);
                }
            }
            self.streamed.insert(at.seq);
            self.reach(at);
        }
    }

    /// Events of a room's past came, before it becomes part of the stream.
    fn past(&mut self, room: usize, events: &[Envelope], record: &Record) {
        let join = self.join.as_mut().expect("a past of a room being joined");
        assert_eq!(room, join.room);
        for Envelope(bytes) in events {
            let value: Value = serde_json::from_slice(bytes).unwrap();
            let id = value["id"].as_str().unwrap();
            let seq = Position::parse_cursor(id).unwrap().seq;
            assert_eq!(*bytes, record.envelope(seq, room));
            assert!(
                join.told.last().is_none_or(|last| *last < seq),
                "not ascending"
            );
            join.told.insert(seq);
            let rooms = record.rooms(seq);
            let anew = |room: &usize| self.again.contains(room) || self.gapped.contains(room);
            let anew = rooms.iter().any(anew);
            let joined = self.due.contains_key(&room);
            assert!(
                anew || joined || !self.streamed.contains(&seq),
                "{seq} came twice"
            );
        }
    }

    fn ack(&mut self, ack: &Ack, record: &Record) {
        match self.answered(ack.reference.as_ref()) {
            Some(Asked::Subscribe(room, _)) => {
                ack.gaps
                    .iter()
                    .flatten()
                    .for_each(|gap| self.gap(gap, record));
                if let Some(events) = &ack.events {
                    self.past(room, events, record);
                }
                let join = self.join.take().unwrap();
                if ack.more != Some(true) {
                    self.joined(join, record);
                }
            }
            Some(Asked::Unsubscribe(room)) => {
                self.due.remove(&room);
                self.again.insert(room);
            }
            Some(Asked::Auth(who)) => assert_eq!(self.who, Some(who)),
            Some(Asked::Other) | None => {}
        }
    }

    /// A room is part of the stream: what was not told is due.
    fn joined(&mut self, join: Join, record: &Record) {
        let Join {
            room,
            start,
            began,
            told,
        } = join;
        if self.due.contains_key(&room) {
            self.again.insert(room);
            return;
        }
        let (head, floor) = began.unwrap();
        let after = match start {
            Start::Now => record.head(),
            Start::At(since) if position(since.seq) == since => since.seq.min(head),
            Start::At(_) | Start::Unreadable | Start::Earliest | Start::Newest(_) => floor,
        };
        let mut due = record.published(room, after);
        due.retain(|seq| !told.contains(seq) && !self.streamed.contains(seq));
        self.due.insert(room, due);
    }

    /// The message that an answer belongs to, which has no other.
    fn answered(&mut self, reference: Option<&Ref>) -> Option<Asked> {
        let Ref::Number(reference) = reference? else {
            panic!("an answer to a name that nobody used: {reference:?}");
        };
        let asked = self.asked.remove(reference);
        Some(asked.expect("an answer to a message that waits for one"))
    }

    /// A message was refused.
    pub(super) fn refused(&mut self, reference: Option<&Ref>) {
        if let Some(Asked::Subscribe(..)) = self.answered(reference) {
            self.join = None;
        }
    }
}

/// What is due of `room` to a stream that begins at `start` now.
fn due_from(start: Start, room: usize, record: &Record) -> BTreeSet<u64> {
    match start {
        Start::Now => BTreeSet::new(),
        Start::At(claimed) if position(claimed.seq) == claimed => {
            record.published(room, claimed.seq)
        }
        Start::At(_) | Start::Unreadable | Start::Earliest => record.held(room, usize::MAX),
        Start::Newest(count) => record.held(room, count),
    }
}
