//! Who may come back as the same: the conversations of namespaces that allow it, while they last and for a while after
//! they were cut.
//!
//! A client comes back with its secret name and the position up to which it has all. What only the gateway knows is here:
//! which stream it was, and its rooms, for which it does not ask again. Who had nothing yet comes back with no position,
//! and goes on from where its stream began.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::lifecycle::clock::Clock;
use crate::model::decree::Whom;
use crate::model::id::{Principal, StreamId};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::transport::engineio::sid::Sid;
use crate::wire::socketio::Namespace;

/// Conversations that were cut and are kept, at most: beyond that the one that was cut first is forgotten, and its client
/// is told that it was not recovered.
const KEPT: usize = 10_000;

/// Who may come back.
#[derive(Clone, Default)]
pub struct Recovery(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    all: HashMap<Sid, Record>,
    /// Those that were cut, in that order; one that came back is still named here.
    cut: VecDeque<(Sid, Moment)>,
}

/// One conversation.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its stream.
    pub stream: StreamId,
    /// Whose it is.
    pub principal: Principal,
    /// Where it takes place.
    pub namespace: Namespace,
    /// Its rooms.
    pub rooms: Vec<Room>,
    /// Those of them that the stream itself was granted.
    pub extra: Vec<Room>,
    /// The client has all up to here at least.
    pub since: Option<Position>,
    /// Until when it may come back; nothing while it is there.
    until: Option<Moment>,
}

impl Record {
    /// That of a conversation which begins.
    #[must_use]
    pub const fn new(
        stream: StreamId,
        principal: Principal,
        namespace: Namespace,
        since: Option<Position>,
    ) -> Self {
        Self {
            stream,
            principal,
            namespace,
            rooms: Vec::new(),
            extra: Vec::new(),
            since,
            until: None,
        }
    }

    /// Whether its stream is open as far as anybody knows.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.until.is_none()
    }
}

/// A conversation's own place among them: where it is dropped, it was cut.
pub struct Kept {
    recovery: Recovery,
    pid: Sid,
    span: Duration,
    clock: Clock,
    /// Its rooms as they were noted last.
    rooms: Vec<Room>,
    is_over: bool,
}

impl Recovery {
    /// A conversation begins that may come back within `span`.
    #[must_use]
    pub fn begin(&self, record: Record, span: Duration, clock: &Clock) -> Kept {
        let pid = Sid::random();
        self.table().all.insert(pid, record);
        self.kept(pid, span, clock)
    }

    /// Lets a conversation go on that was cut, if it is `principal`'s in `namespace`, and its time is not over. It is cut
    /// again when this is dropped: whoever else comes by its name meanwhile gets nothing.
    #[must_use]
    pub fn claim(
        &self,
        pid: Sid,
        whose: (&Principal, &Namespace),
        span: Duration,
        clock: &Clock,
    ) -> Option<(Kept, Record)> {
        let mut table = self.table();
        let record = table
            .own(pid, whose, clock.now())
            .filter(|one| !one.is_there())?;
        record.until = None;
        let record = record.clone();
        drop(table);
        Some((self.kept(pid, span, clock), record))
    }

    fn kept(&self, pid: Sid, span: Duration, clock: &Clock) -> Kept {
        Kept {
            recovery: self.clone(),
            pid,
            span,
            clock: clock.clone(),
            rooms: Vec::new(),
            is_over: false,
        }
    }

    /// The conversation of this name, if it is `principal`'s in `namespace`, and is there or was cut a moment ago.
    #[must_use]
    pub fn find(&self, pid: Sid, whose: (&Principal, &Namespace), now: Moment) -> Option<Record> {
        self.table()
            .own(pid, whose, now)
            .map(|record| record.clone())
    }

    /// What the backend has just taken from the streams of `whom` does not come back with them.
    pub fn takes_back(&self, whom: &Whom, room: &Room) {
        for record in self.table().all.values_mut() {
            if whom.covers(record.stream, &record.principal) {
                record.rooms.retain(|one| one != room);
                record.extra.retain(|one| one != room);
            }
        }
    }

    /// The streams of `whom` that were cut do not come back.
    pub fn forget(&self, whom: &Whom) {
        self.table().all.retain(|_, record| {
            record.is_there() || !whom.covers(record.stream, &record.principal)
        });
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn own(
        &mut self,
        pid: Sid,
        (principal, namespace): (&Principal, &Namespace),
        now: Moment,
    ) -> Option<&mut Record> {
        let record = self.all.get_mut(&pid)?;
        let is_own = record.principal == *principal && record.namespace == *namespace;
        let in_time = record.until.is_none_or(|until| now < until);
        (is_own && in_time).then_some(record)
    }

    /// Who is late, or one too many, is forgotten.
    fn tidy(&mut self, now: Moment) {
        while let Some((pid, until)) = self.cut.front().copied() {
            if until > now && self.cut.len() <= KEPT {
                return;
            }
            self.cut.pop_front();
            // It may have come back since, and have been cut again.
            if self
                .all
                .get(&pid)
                .is_some_and(|one| one.until == Some(until))
            {
                self.all.remove(&pid);
            }
        }
    }
}

impl Kept {
    /// The secret name that its client comes back with.
    #[must_use]
    pub const fn pid(&self) -> Sid {
        self.pid
    }

    /// These are its rooms.
    pub fn note(&mut self, rooms: &[Room], extra: &[Room]) {
        if self.rooms == rooms {
            return;
        }
        self.rooms = rooms.to_vec();
        if let Some(record) = self.recovery.table().all.get_mut(&self.pid) {
            record.rooms = rooms.to_vec();
            record.extra = extra.to_vec();
        }
    }

    /// Its client has all up to here.
    pub fn has(&self, position: Position) {
        if let Some(record) = self.recovery.table().all.get_mut(&self.pid) {
            let is_later =
                |since: Position| since.epoch != position.epoch || since.seq < position.seq;
            if record.since.is_none_or(is_later) {
                record.since = Some(position);
            }
        }
    }

    /// It ends, and does not come back.
    pub const fn is_over(&mut self) {
        self.is_over = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let now = self.clock.now();
        let (until, mut table) = (now + self.span, self.recovery.table());
        if self.is_over {
            table.all.remove(&self.pid);
        } else if let Some(record) = table.all.get_mut(&self.pid) {
            record.until = Some(until);
            table.cut.push_back((self.pid, until));
        }
        table.tidy(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(stream: u128) -> Record {
        let stream = StreamId::from_random(stream);
        Record::new(stream, Principal::Anonymous, Namespace::MAIN, None)
    }

    const SPAN: Duration = Duration::from_secs(120);

    #[test]
    fn who_was_cut_is_found_for_a_while_and_who_has_left_is_not() {
        let (recovery, (clock, hand)) = (Recovery::default(), Clock::manual());
        let find = |pid, namespace: &Namespace| {
            recovery.find(pid, (&Principal::Anonymous, namespace), clock.now())
        };
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        let (pid, room) = (kept.pid(), Room::parse("a").unwrap());
        kept.note(std::slice::from_ref(&room), &[]);
        hand.advance(Duration::from_secs(500));
        assert!(find(pid, &Namespace::MAIN).unwrap().is_there());
        drop(kept);
        hand.advance(SPAN - Duration::from_millis(1));
        let found = find(pid, &Namespace::MAIN).unwrap();
        assert!(!found.is_there() && found.rooms == [room]);
        assert!(find(pid, &Namespace::parse("/b").unwrap()).is_none());
        let claim = || {
            let whose = (&Principal::Anonymous, &Namespace::MAIN);
            recovery.claim(pid, whose, SPAN, &clock)
        };
        let (kept, _) = claim().unwrap();
        assert!(claim().is_none(), "somebody else was faster");
        hand.advance(SPAN);
        drop(kept);
        hand.advance(SPAN);
        assert!(find(pid, &Namespace::MAIN).is_none(), "late");
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        kept.is_over();
        let pid = kept.pid();
        drop(kept);
        assert!(find(pid, &Namespace::MAIN).is_none(), "it has left");
    }

    #[test]
    fn what_is_taken_from_who_was_cut_does_not_come_back_with_it() {
        let (recovery, (clock, _hand)) = (Recovery::default(), Clock::manual());
        let room = Room::parse("a").unwrap();
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        let pid = kept.pid();
        kept.note(std::slice::from_ref(&room), std::slice::from_ref(&room));
        drop(kept);
        let find = || recovery.find(pid, (&Principal::Anonymous, &Namespace::MAIN), clock.now());
        recovery.takes_back(&Whom::Stream(StreamId::from_random(1)), &room);
        assert!(find().unwrap().rooms.is_empty());
        recovery.forget(&Whom::Stream(StreamId::from_random(2)));
        assert!(find().is_some());
        recovery.forget(&Whom::Stream(StreamId::from_random(1)));
        assert!(find().is_none());
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let (recovery, (clock, _hand)) = (Recovery::default(), Clock::manual());
        let first = recovery.begin(record(1), SPAN, &clock);
        let pid = first.pid();
        drop(first);
        (0..KEPT).for_each(|_| drop(recovery.begin(record(2), SPAN, &clock)));
        let found = recovery.find(pid, (&Principal::Anonymous, &Namespace::MAIN), clock.now());
        assert!(found.is_none());
        assert_eq!(recovery.table().all.len(), KEPT);
    }
}
