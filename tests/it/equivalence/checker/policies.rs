//! What policies of rooms and wishes of publishers excuse, and what they forbid (SEMANTICS 5, 16, 18).

use super::super::record::Transport;
use super::super::script::Except;
use super::Kind;
use super::connection::{Connection, Duty};
use super::oracle::{Fact, Origin};
use super::reader::Reader;

impl Reader<'_> {
    /// The room through which this event is due and has neither come nor lies in a gap.
    pub(super) fn owes(&self, step: usize, number: usize) -> Option<&str> {
        if self.streamed.contains(&number) || self.got.contains(&number) || self.excepted(number) {
            return None;
        }
        let connection = self.connection.as_ref()?;
        let due = |room: &&String| {
            let started_later = connection.lenient.is_some_and(|(head, first)| {
                number <= head && self.oracle.dropped(number, room, first)
            });
            connection.duty(room, number) == Duty::Required
                && !started_later
                && !self.is_gone(step, number, room)
                && !connection.covered(room, number)
        };
        let rooms = &self.oracle.fact(number).rooms;
        rooms.iter().find(due).map(String::as_str)
    }

    /// Whether the publisher wanted this client not to have it.
    pub(super) fn excepted(&self, number: usize) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| is_excepted(connection, self.oracle.fact(number)))
    }

    /// Whether nobody misses this event in `room` by now: its own time is over, or only the newest matters there.
    pub(super) fn is_gone(&self, step: usize, number: usize, room: &str) -> bool {
        self.oracle.outlived(number, step)
            || self.oracle.replaced(number, room, step)
            || self.newer(number, room, step).is_some()
    }

    /// A newer event in a room of the newest: for whomever it is, since policies belong to the log.
    fn newer(&self, number: usize, room: &str, step: usize) -> Option<usize> {
        if !self.oracle.is_latest(room) {
            return None;
        }
        let reach = self.oracle.reach(step);
        self.oracle.events(room, number, reach).next()
    }

    /// An event came through `room`: it was for this client, its time was not over, and no newer one was in reach.
    pub(super) fn allowed(&mut self, step: usize, number: usize, room: &str) {
        let Some(connection) = &self.connection else {
            return;
        };
        let opened = connection.opened;
        if self.excepted(number) {
            self.complain(
                Kind::Excepted,
                format!("event {number} came, which was not for this client"),
            );
        } else if self.oracle.outlived(number, opened) {
            self.complain(
                Kind::Outlived,
                format!("event {number} came through {room}, and its time was over"),
            );
        } else if let Some(newer) = self.superseded(step, number) {
            self.complain(
                Kind::Superseded,
                format!("event {number} came through {room}, and {newer} was there"),
            );
        }
    }

    /// The newer event that was there to be read instead when the connection was opened, and still was when this one
    /// was seen; none if a room of another kind made it due.
    fn superseded(&self, step: usize, number: usize) -> Option<usize> {
        let connection = self.connection.as_ref()?;
        // A page of history is a look at what is held.
        if connection.opening.transport == Transport::History {
            return None;
        }
        let joined = |room: &&String| connection.duty(room, number) != Duty::Forbidden;
        let mut found = None;
        for room in self.oracle.fact(number).rooms.iter().filter(joined) {
            if !self.oracle.is_latest(room) {
                return None;
            }
            let then = self.oracle.head(connection.opened);
            let mut newer = self.oracle.events(room, number, then);
            found = newer.find(|&newer| {
                let held = !self.oracle.dropped(newer, room, step)
                    && !self.oracle.outlived(newer, step)
                    && connection.duty(room, newer) == Duty::Required;
                held && !self.excepted(newer)
            });
            found?;
        }
        found
    }

    /// The same of an event that came as the past of a room.
    pub(super) fn allowed_in_backfill(&mut self, _step: usize, number: usize, room: &str) {
        let asked = self.connection.as_ref().and_then(|connection| {
            let mut asks = connection.asks.iter();
            asks.find(|(_, ask)| ask.room == room)
                .map(|(step, _)| *step)
        });
        if self.excepted(number) {
            self.complain(
                Kind::Excepted,
                format!("event {number} came as the past of {room}, and was not for this client"),
            );
        } else if asked.is_some_and(|asked| self.oracle.outlived(number, asked)) {
            self.complain(
                Kind::Outlived,
                format!("event {number} came as the past of {room}, and its time was over"),
            );
        }
    }

    /// A gap was told: in a room that sends its readers away, only of what was there before the stream began.
    pub(super) fn overflowed(&mut self, step: usize, room: &str, high: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        let live = matches!(
            connection.opening.transport,
            Transport::WebSocket | Transport::SocketIo | Transport::Sse
        );
        let begun = connection.begun.unwrap_or(step);
        let asked = connection.asked_since(room).is_some();
        let was_there = live && !asked && high > self.oracle.head(begun);
        if was_there && self.oracle.disconnects(room) {
            self.complain(
                Kind::Overflow,
                format!("a gap of {room} to {high} was told on a live stream"),
            );
        }
    }

    /// The gateway says that it ends the stream.
    pub(super) fn sent_away(&mut self, step: usize, code: &str) {
        let just = match code {
            "draining" => self.oracle.ends(step),
            "slow" => self.is_behind(step),
            _ => false,
        };
        if !just {
            self.complain(Kind::Overflow, format!("a stream was ended as {code}"));
        }
    }

    /// A WebSocket was closed.
    pub(super) fn closed(&mut self, step: usize, code: Option<u16>) {
        match code {
            Some(3001) => self.sent_away(step, "draining"),
            Some(3005) => self.sent_away(step, "slow"),
            // The error before it has the reason; and whoever says nothing for long while the clock goes on is not there.
            Some(3501 | 1001) => {}
            other => self.sent_away(step, &format!("{other:?}")),
        }
    }

    /// Whether something is lost to it of a room that sends its readers away.
    pub(super) fn is_behind(&self, step: usize) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let base = connection
            .base
            .unwrap_or_else(|| self.oracle.head(connection.opened));
        (base + 1..=self.oracle.reach(step)).any(|number| {
            self.oracle.fact(number).rooms.iter().any(|room| {
                self.oracle.disconnects(room)
                    && self.oracle.dropped(number, room, step)
                    && (connection.duty(room, number) != Duty::Forbidden
                        || connection.owed_epoch.contains(room))
                    && !self.streamed.contains(&number)
            })
        })
    }
}

/// Whether a publisher's wish names the principal of a connection, or the name that it gave itself.
fn is_excepted(connection: &Connection, fact: &Fact) -> bool {
    match &fact.origin {
        // A convenience, and no access control: history shows what is held.
        _ if connection.opening.transport == Transport::History => false,
        Origin::Published(published) => excepts(connection, published.options.except),
        Origin::Made(_) => false,
    }
}

/// The same for a wish.
pub(super) fn excepts(connection: &Connection, wish: Option<Except>) -> bool {
    match wish {
        Some(Except::Principal(name)) => name == connection.opening.principal,
        Some(Except::Origin(name)) => Some(name) == connection.opening.origin,
        None => false,
    }
}
