//! Who is in which rooms, as plain data. Locks and the log are outside.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::bus::Settings;
use crate::bus::reader::Credit;
use crate::model::event::{EventName, NewEvent};
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};
use crate::wire::presence::{Member, Page, Shown};

use super::away::Away;
use super::who::Who;

/// Principals of one room that are away and may still come back. Beyond them the one that has been away for longest has
/// left.
pub(super) const AWAY: usize = 10_000;
/// The same of all rooms: some 30 MB. Beyond them the one that is to leave first has left.
pub(super) const AWAY_IN_ALL: usize = 100_000;
/// Rooms that one principal may be away from. What it leaves beyond them it has left at once: a single one that goes
/// through rooms must not take the grace of all others.
pub(super) const AWAY_OF_ONE: usize = 10_000;
/// Leaves of one step; the rest waits for the next, so that nobody waits for a herd to be gone.
pub(super) const STEP: usize = 256;
/// What a member takes on the wire besides its name, in bytes.
const MEMBER: usize = 80;

/// The time, on both of its scales.
#[derive(Clone, Copy, Debug)]
pub(in crate::bus) struct At {
    /// For the grace.
    pub(in crate::bus) moment: Moment,
    /// For people.
    pub(in crate::bus) unix: UnixMillis,
}

/// Who is in the rooms where that is looked at.
#[derive(Debug, Default)]
pub(in crate::bus) struct Registry {
    settings: Settings,
    /// Those with somebody in them.
    rooms: HashMap<Room, Here>,
    /// When the next one leaves, for each room where somebody is away.
    due: BTreeSet<(Moment, Room)>,
    away: Away,
    lives: u64,
    /// When the keeper of the time looks next.
    armed: Option<Moment>,
    /// What has happened and was not appended yet.
    news: Vec<NewEvent>,
}

#[derive(Debug)]
struct Here {
    companion: Room,
    grace: Duration,
    /// Who came in another life of the room is not counted in this one.
    life: Life,
    members: BTreeMap<Who, Present>,
    away: BTreeSet<(Moment, Who)>,
    due: Option<Moment>,
}

#[derive(Debug)]
struct Present {
    streams: usize,
    since: UnixMillis,
    /// While it has no stream: when it will have left.
    until: Option<Moment>,
}

/// One life of a room, from its first member on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bus) struct Life(u64);

impl Registry {
    /// From now on these settings hold. The members of a room that is tracked no more are forgotten: that is no leave.
    pub(super) fn configure(&mut self, settings: Settings) {
        self.settings = settings;
        let Self {
            settings,
            rooms,
            due,
            away,
            ..
        } = self;
        rooms.retain(|room, here| match settings.policy(room).presence {
            Some(grace) => {
                here.grace = grace;
                true
            }
            None => {
                here.away.iter().for_each(|(_, who)| away.remove(&who.0));
                if let Some(at) = here.due {
                    due.remove(&(at, room.clone()));
                }
                false
            }
        });
    }

    /// What has happened and is to be appended, in this order.
    pub(super) fn take_news(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.news)
    }

    /// Principals that are in a room, one of several rooms counted in each.
    pub(super) fn members(&self) -> usize {
        self.rooms.values().map(|here| here.members.len()).sum()
    }

    /// Whether `life` is the one that `room` has now.
    pub(in crate::bus) fn is_current(&self, room: &Room, life: Life) -> bool {
        self.rooms.get(room).is_some_and(|here| here.life == life)
    }

    /// One stream more of `who` is in `room`. Nothing where that is not looked at.
    pub(in crate::bus) fn arrive(&mut self, room: &Room, who: &Principal, at: At) -> Option<Life> {
        let who = Who(who.clone());
        self.leave_if_due(room, &who, at.moment);
        let here = match self.rooms.get_mut(room) {
            Some(here) => here,
            None => {
                let (companion, grace) = tracked(&self.settings, room)?;
                self.lives += 1;
                let here = Here::new(companion, grace, Life(self.lives));
                self.rooms.entry(room.clone()).or_insert(here)
            }
        };
        let Some(present) = here.members.get_mut(&who) else {
            self.news
                .push(here.event(EventName::presence_join(), &who.0));
            here.members.insert(who, Present::new(at.unix));
            return Some(here.life);
        };
        present.streams += 1;
        if let Some(until) = present.until.take() {
            self.away.remove(&who.0);
            here.away.remove(&(until, who));
            here.reschedule(room, &mut self.due);
        }
        Some(here.life)
    }

    /// One stream fewer of `who` is in `room`, where it came in this `life`. The last one begins the grace.
    pub(in crate::bus) fn depart(&mut self, room: &Room, life: Life, who: &Principal, at: At) {
        let Some(here) = self.rooms.get_mut(room).filter(|here| here.life == life) else {
            return;
        };
        let who = Who(who.clone());
        let Some(present) = here.members.get_mut(&who) else {
            return;
        };
        present.streams = present.streams.saturating_sub(1);
        if present.streams > 0 {
            return;
        }
        let until = at.moment + here.grace;
        present.until = Some(until);
        self.away.add(&who.0);
        let one = (until, who);
        here.away.insert(one.clone());
        here.reschedule(room, &mut self.due);
        self.keep_bounds(room, &one);
    }

    /// Lets leave who is away beyond the bounds, now that `one` is away from `room`.
    fn keep_bounds(&mut self, room: &Room, one: &(Moment, Who)) {
        let here = self.rooms.get(room);
        if self.away.of(&one.1.0) > AWAY_OF_ONE {
            self.leave(room, one);
        } else if here.is_some_and(|here| here.grace.is_zero() || here.away.len() > AWAY) {
            self.leave_first(room);
        } else if self.away.all() > AWAY_IN_ALL
            && let Some((_, room)) = self.due.first().cloned()
        {
            self.leave_first(&room);
        }
    }

    /// Lets leave who is due, a step of them. Returns whether more are.
    pub(super) fn expire(&mut self, now: Moment) -> bool {
        for _ in 0..STEP {
            match self.due.first() {
                Some((due, room)) if *due <= now => {
                    let room = room.clone();
                    self.leave_first(&room);
                }
                Some(_) | None => return false,
            }
        }
        true
    }

    /// When the next one leaves: that is when the keeper of the time looks next.
    pub(super) fn arm(&mut self) -> Option<Moment> {
        self.armed = self.next_due();
        self.armed
    }

    /// Whether somebody leaves before the keeper of the time looks; says so once.
    pub(super) fn is_armed_too_late(&mut self) -> bool {
        let due = self.next_due();
        let is_late = due.is_some_and(|due| self.armed.is_none_or(|armed| due < armed));
        if is_late {
            self.armed = due;
        }
        is_late
    }

    fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Who is in `room`, behind all of the name `after`, at most so many and those of the last one's name. Nothing where
    /// it is not looked at.
    pub(super) fn page(
        &mut self,
        room: &Room,
        after: Option<&str>,
        credit: Credit,
        now: Moment,
    ) -> Option<Page> {
        tracked(&self.settings, room)?;
        for _ in 0..STEP {
            if self.is_due(room, now) {
                self.leave_first(room);
            }
        }
        let here = self.rooms.get(room);
        let page = here.map(|here| here.page(after, credit, now));
        Some(page.unwrap_or_default())
    }

    fn is_due(&self, room: &Room, now: Moment) -> bool {
        let due = self.rooms.get(room).and_then(|here| here.due);
        due.is_some_and(|due| due <= now)
    }

    /// Whoever comes back too late has left before, whoever else was to leave before it.
    fn leave_if_due(&mut self, room: &Room, who: &Who, now: Moment) {
        let until = |here: &Here| here.members.get(who)?.until;
        let until = self.rooms.get(room).and_then(until);
        if let Some(until) = until.filter(|until| *until <= now) {
            self.leave(room, &(until, who.clone()));
        }
    }

    /// The one leaves that is the first to: it is away.
    fn leave_first(&mut self, room: &Room) {
        let first = self.rooms.get(room).and_then(|here| here.away.first());
        if let Some(first) = first.cloned() {
            self.leave(room, &first);
        }
    }

    /// One that is away leaves.
    fn leave(&mut self, room: &Room, one: &(Moment, Who)) {
        let Some(here) = self.rooms.get_mut(room) else {
            return;
        };
        if !here.away.remove(one) {
            return;
        }
        here.members.remove(&one.1);
        self.away.remove(&one.1.0);
        self.news
            .push(here.event(EventName::presence_leave(), &one.1.0));
        here.reschedule(room, &mut self.due);
        if here.members.is_empty() {
            self.rooms.remove(room);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.due.is_empty() && self.away.is_empty()
    }
}

/// Where it is told who comes and goes in `room`, and how long somebody may be away, if it is looked at.
fn tracked(settings: &Settings, room: &Room) -> Option<(Room, Duration)> {
    let grace = settings.policy(room).presence?;
    Some((room.companion()?, grace))
}

impl Present {
    const fn new(since: UnixMillis) -> Self {
        Self {
            streams: 1,
            since,
            until: None,
        }
    }
}

impl Here {
    const fn new(companion: Room, grace: Duration, life: Life) -> Self {
        Self {
            companion,
            grace,
            life,
            members: BTreeMap::new(),
            away: BTreeSet::new(),
            due: None,
        }
    }

    fn event(&self, name: EventName, who: &Principal) -> NewEvent {
        let data = Shown::of(who).to_data();
        NewEvent::new(vec![self.companion.clone()], name, data)
    }

    /// Keeps the room's place in the queue at who leaves first.
    fn reschedule(&mut self, room: &Room, queue: &mut BTreeSet<(Moment, Room)>) {
        let next = self.away.first().map(|(until, _)| *until);
        if next == self.due {
            return;
        }
        if let Some(due) = std::mem::replace(&mut self.due, next) {
            queue.remove(&(due, room.clone()));
        }
        if let Some(next) = next {
            queue.insert((next, room.clone()));
        }
    }

    /// Who is due to leave and was not let leave yet is not there any more.
    fn page(&self, after: Option<&str>, credit: Credit, now: Moment) -> Page {
        let gone = self.away.iter().take_while(|(until, _)| *until <= now);
        let mut page = Page {
            count: self.members.len() - gone.count(),
            ..Page::default()
        };
        let mut bytes = 0;
        let behind = match after {
            Some(name) => self.members.range(Who::behind(name)..),
            None => self.members.range::<Who, _>(..),
        };
        let is_there = |present: &Present| present.until.is_none_or(|until| until > now);
        for (who, present) in behind.filter(|(_, present)| is_there(present)) {
            let full = page.members.len() >= credit.events || bytes >= credit.bytes;
            let last = page.members.last();
            if full && last.is_some_and(|last| last.who.principal != who.0.name()) {
                page.more = true;
                break;
            }
            bytes += MEMBER + who.0.name().len() + who.0.issuer().map_or(0, str::len);
            page.members.push(Member {
                who: Shown::of(&who.0),
                streams: present.streams,
                since: present.since,
            });
        }
        page
    }
}
