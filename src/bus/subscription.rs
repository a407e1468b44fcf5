//! A reader that waits: cursor, bell, and the rooms it is registered for.

use std::sync::Arc;

use crate::model::gap::Gap;
use crate::model::id::{Principal, StreamId};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::sync::lock;

use super::Deliver;
use super::history::{Page, Query};
use super::log::Log;
use super::memory::Shared;
use super::moves::Who;
use super::presence::Attendance;
use super::reader::{Batch, Credit, Place, Reader};
use super::rooms::Delivery;
use super::state::Told;
use super::wake::Bell;

/// One stream's place in the log.
pub struct Subscription {
    shared: Arc<Shared>,
    reader: Reader,
    bell: Bell,
    /// What is known of it where it is looked at who is there.
    attendance: Option<Box<Attendance>>,
}

/// A subscription that was just opened.
pub struct Opened {
    /// Reads on from here.
    pub subscription: Subscription,
    /// What its start tells to be missing.
    pub gaps: Vec<Gap>,
    /// The cursor to tell the client: where reading starts. A client that brought a cursor keeps it until it
    /// has been told what is missing since, so it is its own; nothing if that could not even be read.
    pub cursor: Option<Position>,
    /// Where a cursor was brought: whether everything after it is still held.
    pub recovered: Option<bool>,
    /// The state of its rooms where it starts, if that is wanted of one that starts now.
    pub told: Option<Told>,
}

/// One step of joining a room from a position in the past.
#[derive(Debug, Default)]
pub struct Joining {
    /// What is missing before the events.
    pub gaps: Vec<Gap>,
    /// The next events of the room's past.
    pub events: Vec<Delivery>,
    /// Where the next step goes on; nothing when the room has been joined.
    pub next: Option<Past>,
}

/// The part of a room's past that is still to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// From where.
    pub since: Start,
    /// Up to where, once that is settled.
    pub until: Option<Position>,
    /// Whether the room was joined when that was settled.
    is_joined: bool,
}

impl From<Start> for Past {
    fn from(since: Start) -> Self {
        Self {
            since,
            until: None,
            is_joined: false,
        }
    }
}

impl Subscription {
    /// Begins to read `rooms`, under the log's lock: an append that this does not see comes after it, and rings.
    pub(super) fn open(
        shared: Arc<Shared>,
        bell: Bell,
        (rooms, start): (&[Room], Start),
        with_state: bool,
    ) -> Opened {
        let mut log = shared.log();
        let watched = rooms.iter().map(|room| log.watch(room)).collect();
        let (reader, gaps) = Reader::open(&log, watched, start);
        let told = (with_state && start == Start::Now).then(|| log.state(rooms));
        // Before it is registered: nobody shall take it for one that has read nothing.
        bell.has_read(reader.cursor());
        for room in reader.rooms() {
            shared.readers.add(room, &bell);
        }
        let cursor = match start {
            Start::At(own) => Some(own),
            Start::Unreadable => None,
            Start::Now | Start::Earliest | Start::Newest(_) => Some(log.position(reader.cursor())),
        };
        let recovered = match start {
            Start::At(_) | Start::Unreadable => Some(
                gaps.is_empty()
                    && reader
                        .rooms()
                        .all(|room| log.floor(room) <= reader.cursor()),
            ),
            Start::Now | Start::Earliest | Start::Newest(_) => None,
        };
        drop(log);
        Opened {
            subscription: Self {
                shared,
                reader,
                bell,
                attendance: None,
            },
            gaps,
            cursor,
            recovered,
            told,
        }
    }

    /// It is somebody else's from now on, who was anonymous. What moved the streams of that name before was not meant for
    /// this one, so it begins to be judged here; unless something that concerns it as it was is still to be read.
    pub fn is_renamed(&mut self, stream: StreamId) {
        let log = lock(&self.shared.log);
        let before = Who {
            stream: Some(stream),
            principal: Principal::Anonymous.name(),
        };
        self.reader.judge_from_now(&log, before);
    }

    /// It was in these rooms before, of each of which nothing is due up to this number; says whether all is held that is.
    pub fn goes_on(&mut self, rooms: &[(Room, u64)]) -> bool {
        let log = lock(&self.shared.log);
        rooms
            .iter()
            .for_each(|(room, from)| self.reader.skip(room, *from));
        self.reader.is_whole(&log)
    }

    /// From which number on `room` is read, if it is joined.
    #[must_use]
    pub fn joined_from(&self, room: &Room) -> Option<u64> {
        self.reader.joined_from(room)
    }

    /// Whoever looks who is there finds `who` in its rooms, from now on.
    pub fn attend(&mut self, who: &Principal) {
        Attendance::note(&mut self.attendance, &self.shared, who, self.reader.rooms());
    }

    /// Waits until there is something to tell, and reads it. Dropping the future loses nothing.
    pub async fn next_batch(&mut self, credit: Credit) -> Batch {
        self.next_batch_as(credit, None).await
    }

    /// The same for `who`, whom the backend may move: it stops there.
    pub async fn next_batch_as(&mut self, credit: Credit, who: Option<Who<'_>>) -> Batch {
        loop {
            let batch = self.read_as(credit, who);
            if !batch.is_empty() {
                return batch;
            }
            self.bell.rung().await;
        }
    }

    /// Reads now; the batch may be empty but for its cursor.
    pub fn read(&mut self, credit: Credit) -> Batch {
        self.read_as(credit, None)
    }

    /// The same for `who`, whom the backend may move: it stops there.
    pub fn read_as(&mut self, credit: Credit, who: Option<Who<'_>>) -> Batch {
        let log = self.shared.log();
        let batch = self.reader.read_as(&log, credit, who);
        self.bell.has_read(self.reader.cursor());
        batch
    }

    /// The same; and the state of `rooms` at the batch's cursor, if that is all there is.
    pub fn read_to_state(
        &mut self,
        credit: Credit,
        who: Option<Who<'_>>,
        rooms: &[Room],
    ) -> (Batch, Option<Told>) {
        let log = self.shared.log();
        let batch = self.reader.read_as(&log, credit, who);
        self.bell.has_read(self.reader.cursor());
        let told = (!batch.more).then(|| log.state(rooms));
        (batch, told)
    }

    /// Whether it has read everything up to `seq`.
    #[must_use]
    pub const fn has_read(&self, seq: u64) -> bool {
        self.reader.cursor() >= seq
    }

    /// Whether it was open when the log was at `seq`, and has read everything up to there.
    #[must_use]
    pub const fn has_followed(&self, seq: u64) -> bool {
        self.reader.opened() <= seq && self.has_read(seq)
    }

    /// What was visible when it was opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.reader.opened()
    }

    /// Its place, if whoever is there reads the same.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.reader.place()
    }

    /// Whether it would read what a reader at `place` reads.
    #[must_use]
    pub fn is_at(&self, place: &Place) -> bool {
        self.reader.is_at(place)
    }

    /// Goes on behind what was read at its place, up to `cursor`, by somebody else.
    pub fn follow(&mut self, cursor: Position) {
        self.reader.follow(cursor.seq);
        self.bell.has_read(cursor.seq);
    }

    /// Everything due up to here has been read.
    #[must_use]
    pub fn cursor(&self) -> Position {
        lock(&self.shared.log).position(self.reader.cursor())
    }

    /// How many events wait for it, one of several of its rooms counted in each.
    #[must_use]
    pub fn lag(&self) -> usize {
        self.reader.left(&lock(&self.shared.log))
    }

    /// Whether `room` is joined.
    #[must_use]
    pub fn has(&self, room: &Room) -> bool {
        self.reader.has(room)
    }

    /// The rooms joined.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.reader.rooms()
    }

    /// Joins `room` from now on, or takes the next step through its `past`, up to the stream's cursor; what lies
    /// beyond the cursor comes live. As long as the past is longer than `credit` the room is not part of the stream,
    /// so a client that is cut has not joined it.
    ///
    /// A room that is joined already stays so, and its past is told all the same: who asks again may not have got
    /// the first answer. What came through another joined room is left out.
    ///
    /// It is `who` that joins, for those who look who is there.
    pub fn join(
        &mut self,
        room: &Room,
        past: impl Into<Past>,
        credit: Credit,
        who: &Principal,
    ) -> Joining {
        let joining = self.step_into(room, past.into(), credit);
        if self.reader.has(room) {
            let rooms = std::iter::once(room);
            Attendance::note(&mut self.attendance, &self.shared, who, rooms);
        }
        joining
    }

    fn step_into(&mut self, room: &Room, past: Past, credit: Credit) -> Joining {
        let Past {
            since,
            until,
            is_joined,
        } = past;
        // As in `open`: what this step does not see rings.
        let shared = self.shared.clone();
        let mut log = shared.log();
        let visible = log.visible();
        // What was dropped beyond the cursor is told here, as a gap up to its true end.
        let end = self.reader.cursor().max(log.floor(room));
        let from = match since {
            Start::Now => visible,
            Start::At(since) if since.epoch == log.epoch() => since.seq.clamp(end, visible),
            Start::At(_) | Start::Unreadable | Start::Earliest | Start::Newest(_) => end,
        };
        let since = log.before_newest(room, since, end);
        let joined = self.reader.joined_from(room);
        let until = match (until, joined) {
            // The room's own events pass the cursor once it is joined: its past ends where it did at the first step.
            (Some(until), Some(_)) if is_joined => until,
            // Somebody else has made the stream join it meanwhile: from there on it has been live.
            (Some(_), Some(from)) => log.position(from),
            (Some(_) | None, _) => log.position(end),
        };
        let joined = joined.is_some();
        let page = (since != Start::Now).then(|| {
            let since = (since != Start::Earliest).then_some(since);
            log.page(&Query {
                room: room.clone(),
                since,
                until: Some(until),
                credit,
                reverse: false,
            })
        });
        if !joined && page.as_ref().is_none_or(|page| !page.more) {
            self.add(&mut log, room, from);
        }
        let Some(Page {
            gaps,
            mut events,
            cursor,
            more,
        }) = page
        else {
            return Joining::default();
        };
        events.retain(|event| !self.reader.gave(&log, event.event(), room));
        if log.policy(room).deliver == Deliver::Latest {
            // Of the whole past there is the newest, which is the last of its last page.
            let newest = events.pop().filter(|_| !more);
            events = newest.into_iter().collect();
        }
        let next = more.then_some(Past {
            since: Start::At(cursor),
            until: Some(until),
            is_joined: joined,
        });
        Joining { gaps, events, next }
    }

    /// Joins `room` at its cursor, where it stopped at the decree that says so: all that comes after it is due. It is `who`
    /// that joins, for those who look who is there.
    pub fn enter(&mut self, room: &Room, who: &Principal) {
        if !self.reader.has(room) {
            let shared = self.shared.clone();
            self.add(&mut shared.log(), room, self.reader.cursor());
            let rooms = std::iter::once(room);
            Attendance::note(&mut self.attendance, &self.shared, who, rooms);
        }
    }

    /// What comes to `room` after `from` is due. To be called under the log's lock: what it does not see rings.
    fn add(&mut self, log: &mut Log, room: &Room, from: u64) {
        let room = log.watch(room);
        self.shared.readers.add(&room, &self.bell);
        self.reader.join(room, from);
    }

    /// Leaves `room`; says whether it was joined.
    pub fn leave(&mut self, room: &Room) -> bool {
        let joined = self.reader.leave(room);
        if joined {
            self.shared.readers.remove(room, &self.bell);
            self.shared.log().unwatch(room);
            if let Some(attendance) = &mut self.attendance {
                attendance.leave(room);
            }
        }
        joined
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut log = lock(&self.shared.log);
        for room in self.reader.rooms() {
            self.shared.readers.remove(room, &self.bell);
            log.unwatch(room);
        }
    }
}
