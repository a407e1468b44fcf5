//! Who may come back as the same: the conversations of namespaces that allow it, while they last and for a while after
//! they were cut.
//!
//! A client comes back with its secret name and the position up to which it has all. What only the gateway knows is here:
//! which stream it was, whose, and its rooms, for which it does not ask again. Who had nothing yet comes back with no
//! position, and goes on from where its stream began. What is taken from who was cut, or from who is just coming back, is
//! taken here: no loop knows its stream.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::Access;
use crate::lifecycle::clock::Clock;
use crate::model::decree::Whom;
use crate::model::dialect::Dialect;
use crate::model::id::{Principal, StreamId};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::transport::engineio::sid::Sid;
use crate::transport::shard::Filter;
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
    /// Those that were cut, by when they are forgotten.
    cut: BTreeSet<(Moment, Sid)>,
}

/// One conversation.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its stream.
    pub stream: StreamId,
    /// Whose it is now: somebody may have said it late.
    pub principal: Principal,
    /// In which role.
    role: String,
    /// Where it takes place.
    pub namespace: Namespace,
    /// Its rooms, and from which number in the log on each is due.
    pub rooms: Vec<(Room, u64)>,
    /// Those of them that the stream itself was granted.
    pub extra: Vec<Room>,
    /// Whether its rooms are its own, rather than its role's.
    pub named: bool,
    /// The client has all up to here at least.
    pub since: Option<Position>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its stream is open, or it is coming back.
    There,
    /// Until when it may come back.
    Cut(Moment),
}

impl Record {
    /// That of a conversation which begins with who has `access`.
    #[must_use]
    pub fn new(
        stream: StreamId,
        access: &Access,
        namespace: Namespace,
        since: Option<Position>,
    ) -> Self {
        Self {
            stream,
            principal: access.principal.clone(),
            role: access.role.name.clone(),
            namespace,
            rooms: Vec::new(),
            extra: Vec::new(),
            named: false,
            since,
            state: State::There,
        }
    }

    /// Whether its stream is open as far as anybody knows, or it is coming back.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        matches!(self.state, State::There)
    }

    fn fits(&self, filter: &Filter) -> bool {
        let is = |wanted: &Option<String>, own: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == own)
        };
        // Nothing carries it.
        filter.transport.is_none()
            && filter
                .dialect
                .is_none_or(|wanted| wanted == Dialect::SocketIo)
            && filter.stream.is_none_or(|wanted| wanted == self.stream)
            && is(&filter.principal, self.principal.name())
            && is(&filter.role, &self.role)
            && filter
                .room
                .as_ref()
                .is_none_or(|wanted| self.rooms.iter().any(|(room, _)| room == wanted))
    }
}

/// A conversation as it is now.
pub struct View<'a> {
    /// Whose.
    pub access: &'a Arc<Access>,
    /// Its rooms.
    pub rooms: &'a [Room],
    /// Those of them that the stream itself was granted.
    pub extra: &'a [Room],
    /// Whether its rooms are its own, rather than its role's.
    pub named: bool,
}

/// A conversation's own place among them: where it is dropped, it was cut.
pub struct Kept {
    recovery: Recovery,
    pid: Sid,
    span: Duration,
    clock: Clock,
    /// As it was noted last.
    access: Option<Arc<Access>>,
    rooms: Vec<Room>,
    extra: Vec<Room>,
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
        let record = table.own(pid, whose, clock.now())?;
        let State::Cut(until) = std::mem::replace(&mut record.state, State::There) else {
            return None;
        };
        let record = record.clone();
        table.cut.remove(&(until, pid));
        drop(table);
        Some((self.kept(pid, span, clock), record))
    }

    fn kept(&self, pid: Sid, span: Duration, clock: &Clock) -> Kept {
        Kept {
            recovery: self.clone(),
            pid,
            span,
            clock: clock.clone(),
            access: None,
            rooms: Vec::new(),
            extra: Vec::new(),
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
                record.rooms.retain(|(one, _)| one != room);
                record.extra.retain(|one| one != room);
            }
        }
    }

    /// Those that `filter` means do not come back; says how many of them were cut.
    pub fn forget(&self, filter: &Filter) -> usize {
        let mut table = self.table();
        let Table { all, cut } = &mut *table;
        let before = cut.len();
        all.retain(|pid, record| {
            let stays = !record.fits(filter);
            if let (false, State::Cut(until)) = (stays, record.state) {
                cut.remove(&(until, *pid));
            }
            stays
        });
        before - cut.len()
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
        let in_time = match record.state {
            State::There => true,
            State::Cut(until) => now < until,
        };
        (is_own && in_time).then_some(record)
    }

    /// Who is late, or one too many, is forgotten.
    fn tidy(&mut self, now: Moment) {
        while let Some((until, pid)) = self.cut.first().copied() {
            if until > now && self.cut.len() <= KEPT {
                return;
            }
            self.cut.pop_first();
            self.all.remove(&pid);
        }
    }
}

impl Kept {
    /// The secret name that its client comes back with.
    #[must_use]
    pub const fn pid(&self) -> Sid {
        self.pid
    }

    /// What is known of it now; nothing where it was forgotten.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.recovery.table().all.get(&self.pid).cloned()
    }

    /// It is so now; `from` says from where on a room is due that it did not have before. Of the others that stays as it
    /// was: what has been told since, a gap as well, may not have arrived.
    pub fn note(&mut self, view: &View<'_>, from: impl Fn(&Room) -> u64) {
        let is_known = self.access.as_ref();
        if is_known.is_some_and(|known| Arc::ptr_eq(known, view.access))
            && self.rooms == view.rooms
            && self.extra == view.extra
        {
            return;
        }
        self.access = Some(view.access.clone());
        self.rooms = view.rooms.to_vec();
        self.extra = view.extra.to_vec();
        if let Some(record) = self.recovery.table().all.get_mut(&self.pid) {
            let known: HashMap<_, _> = record.rooms.drain(..).collect();
            let from = |room: &Room| known.get(room).map_or_else(|| from(room), |from| *from);
            let rooms = view.rooms.iter();
            record.rooms = rooms.map(|room| (room.clone(), from(room))).collect();
            record.principal = view.access.principal.clone();
            record.role.clone_from(&view.access.role.name);
            record.extra = view.extra.to_vec();
            record.named = view.named;
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
            record.state = State::Cut(until);
            table.cut.insert((until, self.pid));
        }
        table.tidy(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Authority;

    fn anonymous() -> Arc<Access> {
        let role = crate::auth::roles::Settings {
            transports: Vec::new(),
            rooms: Vec::new(),
            subscribe: Vec::new(),
            publish: Vec::new(),
            presence: Vec::new(),
            emit: Vec::new(),
            sender: false,
            admin: false,
            service: false,
            limits: crate::model::limits::Limits::DEFAULT,
            events: crate::model::limits::Events::new(),
        };
        let settings = crate::auth::Settings {
            anonymous: Some("guest".into()),
            roles: std::iter::once(("guest".to_owned(), role)).collect(),
            ..crate::auth::Settings::default()
        };
        Authority::new(settings).unwrap().anonymous().unwrap()
    }

    fn record(stream: u128) -> Record {
        let stream = StreamId::from_random(stream);
        Record::new(stream, &anonymous(), Namespace::MAIN, None)
    }

    fn note(kept: &mut Kept, rooms: &[Room]) {
        note_from(kept, rooms, 7);
    }

    fn note_from(kept: &mut Kept, rooms: &[Room], from: u64) {
        let view = View {
            access: &anonymous(),
            rooms,
            extra: rooms,
            named: true,
        };
        kept.note(&view, |_| from);
    }

    const SPAN: Duration = Duration::from_secs(120);
    const WHOSE: (&Principal, &Namespace) = (&Principal::Anonymous, &Namespace::MAIN);

    #[test]
    fn who_was_cut_is_found_for_a_while_and_who_has_left_is_not() {
        let (recovery, (clock, hand)) = (Recovery::default(), Clock::manual());
        let find = |pid, whose| recovery.find(pid, whose, clock.now());
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        let (pid, room) = (kept.pid(), Room::parse("a").unwrap());
        note(&mut kept, std::slice::from_ref(&room));
        hand.advance(Duration::from_secs(500));
        assert!(find(pid, WHOSE).unwrap().is_there());
        drop(kept);
        hand.advance(SPAN - Duration::from_millis(1));
        let found = find(pid, WHOSE).unwrap();
        assert!(!found.is_there() && found.rooms == [(room, 7)]);
        let other = Namespace::parse("/b").unwrap();
        assert!(find(pid, (&Principal::Anonymous, &other)).is_none());
        let somebody = Principal::ApiKey("ann".into());
        assert!(find(pid, (&somebody, &Namespace::MAIN)).is_none());
        let claim = || recovery.claim(pid, WHOSE, SPAN, &clock);
        let (kept, _) = claim().unwrap();
        assert!(claim().is_none(), "somebody else was faster");
        hand.advance(SPAN);
        drop(kept);
        hand.advance(SPAN);
        assert!(find(pid, WHOSE).is_none(), "late");
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        kept.is_over();
        let pid = kept.pid();
        drop(kept);
        assert!(find(pid, WHOSE).is_none(), "it has left");
    }

    #[test]
    fn a_gap_that_was_told_before_the_cut_is_still_missing_after_it() {
        let (recovery, (clock, _hand)) = (Recovery::default(), Clock::manual());
        let [a, b] = ["a", "b"].map(|room| Room::parse(room).unwrap());
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        note_from(&mut kept, std::slice::from_ref(&a), 1);
        note_from(&mut kept, &[b.clone(), a.clone()], 5);
        let rooms = |kept: &Kept| kept.record().unwrap().rooms;
        assert_eq!(rooms(&kept), [(b.clone(), 5), (a.clone(), 1)]);
        note_from(&mut kept, std::slice::from_ref(&b), 6);
        note_from(&mut kept, &[b.clone(), a.clone()], 7);
        assert_eq!(rooms(&kept), [(b, 5), (a, 7)], "it was left meanwhile");
    }

    #[test]
    fn what_is_taken_from_who_was_cut_or_is_coming_back_does_not_come_back_with_it() {
        let (recovery, (clock, _hand)) = (Recovery::default(), Clock::manual());
        let room = Room::parse("a").unwrap();
        let mut kept = recovery.begin(record(1), SPAN, &clock);
        let pid = kept.pid();
        note(&mut kept, std::slice::from_ref(&room));
        drop(kept);
        let (kept, _) = recovery.claim(pid, WHOSE, SPAN, &clock).unwrap();
        recovery.takes_back(&Whom::Stream(StreamId::from_random(1)), &room);
        assert!(kept.record().unwrap().rooms.is_empty());
        let of = |stream| Filter::of(&Whom::Stream(StreamId::from_random(stream)));
        assert_eq!(recovery.forget(&of(2)), 0);
        assert!(kept.record().is_some());
        recovery.forget(&of(1));
        assert!(kept.record().is_none());
        drop(kept);
        assert!(recovery.find(pid, WHOSE, clock.now()).is_none());
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for_and_one_that_comes_back_again_and_again_is_one() {
        let (recovery, (clock, hand)) = (Recovery::default(), Clock::manual());
        let begin = || recovery.begin(record(1), SPAN, &clock);
        let first = begin();
        let pid = first.pid();
        drop(first);
        hand.advance(Duration::from_millis(1));
        let other = begin().pid();
        for _ in 0..2 * KEPT {
            drop(recovery.claim(other, WHOSE, SPAN, &clock));
        }
        assert!(recovery.find(pid, WHOSE, clock.now()).is_some());
        (0..KEPT).for_each(|_| drop(begin()));
        assert!(recovery.find(pid, WHOSE, clock.now()).is_none());
        assert_eq!(recovery.table().all.len(), KEPT);
    }
}
