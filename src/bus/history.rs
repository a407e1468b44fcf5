//! One room's history, a page at a time.

use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;

use super::log::Log;
use super::reader::{Credit, evicted, opening_gap};
use super::rooms::Delivery;

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The room; one that was never seen is empty.
    pub room: Room,
    /// After this; without it, from the oldest that is held, and no gap is told.
    pub since: Option<Start>,
    /// Up to this, inclusive.
    pub until: Option<Position>,
    /// How much at most; one event is given whatever its size.
    pub credit: Credit,
    /// Newest first.
    pub reverse: bool,
}

/// A page of history.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events, in the order asked for.
    pub events: Vec<Delivery>,
    /// What is missing between `since` and `until`.
    pub gaps: Vec<Gap>,
    /// Where the next page begins: as `since`, or in reverse as `until`.
    pub cursor: Position,
    /// Whether there is a next page.
    pub more: bool,
}

impl Log {
    /// Where a join begins that wants the newest events of `room` up to `end`; `start` itself, where it wants others.
    pub(super) fn before_newest(&self, room: &Room, start: Start, end: u64) -> Start {
        let Start::Newest(count) = start else {
            return start;
        };
        let before = self.room(room).map(|held| held.before_newest(count));
        Start::At(self.position(before.map_or(end, |before| before.min(end))))
    }

    /// Reads one page.
    #[must_use]
    pub fn page(&self, query: &Query) -> Page {
        let after = match query.since {
            Some(Start::At(since)) if since.epoch == self.epoch() => since.seq,
            _ => 0,
        };
        let until = match query.until {
            Some(until) if until.epoch == self.epoch() => until.seq.min(self.visible()),
            Some(_) => 0,
            None => self.visible(),
        };
        let mut page = Page {
            events: Vec::new(),
            gaps: self.page_gaps(query, after, until),
            cursor: self.position(if query.reverse {
                after
            } else {
                until.max(after.min(self.visible()))
            }),
            more: false,
        };
        let Some(room) = self.room(&query.room) else {
            return page;
        };
        let mut places = room.after(after)..room.after(until).max(room.after(after));
        let mut bytes = 0;
        while let Some(place) = if query.reverse {
            places.next_back()
        } else {
            places.next()
        } {
            let Some(entry) = room.get(place) else { break };
            bytes += entry.weight();
            let full = page.events.len() >= query.credit.events || bytes > query.credit.bytes;
            if full && let Some(last) = page.events.last() {
                let last = last.event().position.seq;
                page.cursor = self.position(if query.reverse { last - 1 } else { last });
                page.more = true;
                break;
            }
            page.events
                .extend(Delivery::through(entry.clone(), &query.room));
        }
        page
    }

    fn page_gaps(&self, query: &Query, after: u64, until: u64) -> Vec<Gap> {
        let Some(start) = query.since else {
            return Vec::new();
        };
        if let Some(gap) = opening_gap(self, &query.room, start) {
            return vec![gap];
        }
        let floor = self.floor(&query.room).min(until);
        match start {
            Start::At(_) if floor > after => vec![evicted(self, &query.room, after, floor)],
            Start::At(_) | Start::Now | Start::Unreadable | Start::Earliest | Start::Newest(_) => {
                Vec::new()
            }
        }
    }
}
