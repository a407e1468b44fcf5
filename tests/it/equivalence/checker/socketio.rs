//! What Socket.IO adds: who comes back as who it was, and the past of a room among the events of the stream.

use std::time::Duration;

use super::super::message::Envelope;
use super::super::record::{Start, Transport};
use super::connection::{Connection, Duty};
use super::reader::Reader;
use super::{Kind, Place};

/// How long a client may come back, as the configuration of every script says.
const RECOVERY: Duration = Duration::from_mins(2);

impl Reader<'_> {
    /// A namespace was joined: as the stream of before, which goes on in all its rooms from where its client says it is,
    /// or as a new one, which has none.
    pub(super) fn let_in(&mut self, step: usize, stream: &str, pid: Option<&str>) {
        let before = self.before.take();
        self.may_go_on(step, before.as_ref(), pid);
        let Some(connection) = &mut self.connection else {
            return;
        };
        let opening = &connection.opening;
        let is_whole = opening.pid.is_some() && opening.pid.as_deref() == pid;
        let same = before.filter(|before| {
            let have = before.joined_as.as_ref();
            opening.pid.is_some() && have.is_some_and(|(name, _)| name == stream)
        });
        let again = connection.joined_as.is_some();
        connection.joined_as = Some((stream.to_owned(), is_whole));
        connection.began = self.oracle.head(connection.opened);
        connection.base = Some(connection.began);
        if again || pid.is_none() {
            self.complain(Kind::Malformed, format!("let in as {stream} and {pid:?}"));
        }
        match same {
            Some(before) => self.goes_on(step, &before),
            None if is_whole => {
                let text = format!("recovered, but as the stream {stream}, which nobody was");
                self.complain(Kind::Recovered, text);
            }
            None => {}
        }
    }

    /// Whoever comes back in time, and lacks nothing that is gone, is let in as who it was.
    fn may_go_on(&mut self, step: usize, before: Option<&Connection>, pid: Option<&str>) {
        let (Some(connection), Some(before)) = (&self.connection, before) else {
            return;
        };
        let opening = &connection.opening;
        let in_time = self.oracle.between(before.opened, step) < RECOVERY;
        let differs = opening.pid.is_some() && opening.pid.as_deref() != pid;
        if !differs || !in_time || before.life != connection.life || before.is_unheard {
            return;
        }
        let at = match &opening.start {
            Start::At(offset) => self.shared.place(self.oracle, offset, before.life),
            _ => None,
        };
        let (from, to) = (at.map_or(before.began, |at| at.at), self.oracle.reach(step));
        let rooms = before.rooms();
        let gone = |(room, _): &(String, Duty)| {
            let mut lost = self.oracle.events(room, from, to);
            lost.any(|number| self.oracle.dropped(number, room, step))
        };
        let has_rooms = rooms.iter().any(|(_, duty)| *duty == Duty::Required);
        if has_rooms && !rooms.iter().any(gone) {
            let text = format!("not recovered, although nothing of {rooms:?} was gone");
            self.complain(Kind::Recovered, text);
        }
    }

    /// From its offset, or from where it began if no event has come yet; in each of its rooms, not from before its join.
    fn goes_on(&mut self, step: usize, before: &Connection) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let life = connection.life;
        connection.began = before.began;
        connection.goes_on(before);
        // Whether it was joined from the past its client has not heard.
        for (_, ask) in &before.asks {
            let Some(Some(since)) = &ask.join else {
                continue;
            };
            let place = self.shared.place(self.oracle, since, life);
            let place = place.filter(|place| place.life == life);
            let from = place.map_or_else(|| self.oracle.start(life), |place| place.at);
            if before.rooms().iter().any(|(room, _)| *room == ask.room) {
                connection.from(&ask.room, from, Duty::Optional);
            }
        }
        let Start::At(offset) = connection.opening.start.clone() else {
            // That values were told moves no offset.
            connection.base = Some(before.began);
            return;
        };
        let place = self.shared.place(self.oracle, &offset, life);
        let Some(place) = place.filter(|place| place.life == life) else {
            let text = format!("{offset} of another life is no place to go on from");
            return self.complain(Kind::Recovered, text);
        };
        connection.base = Some(place.at);
        self.advance(step, &offset, true);
    }

    /// The connection is over; who was in a namespace may come back, as long as it has not been elsewhere.
    pub(super) fn leaves_namespace(&mut self) {
        match self.connection.take() {
            Some(over) if over.joined_as.is_some() => self.before = Some(over),
            Some(over) if over.opening.transport != Transport::SocketIo => self.before = None,
            // It was not let in, as far as it knows: it comes back as who it was before.
            _ => {
                if let Some(before) = &mut self.before {
                    before.is_unheard = true;
                }
            }
        }
    }

    /// An event, and how far its client is with it. The past of a room comes before the answer to its join, and leaves
    /// its client where it is.
    pub(super) fn told(&mut self, step: usize, text: &str, offset: &str) {
        let Ok(Envelope { id, room, .. }) = Envelope::parse(text) else {
            return self.complain(Kind::Malformed, format!("no envelope: {text}"));
        };
        let Some(id) = id else {
            let fault = format!("{text} is in no log, and claims the position {offset}");
            return self.complain(Kind::Position, fault);
        };
        if self.is_past(&room, &id, offset) {
            self.backfill(step, &room, text);
            return self.advance(step, offset, true);
        }
        if id != offset {
            let fault = format!("the event {id} of {room} claims the position {offset}");
            self.complain(Kind::Position, fault);
        }
        self.event(step, text);
    }

    /// The script is quiet, and this stream never says where it is: all that is due must have come.
    pub(super) fn quiet(&mut self, step: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        let (base, head) = (connection.base.unwrap_or_default(), self.oracle.head(step));
        let silent = |number: usize| Some((number, self.owes(step, number)?.to_owned()));
        if let Some((number, room)) = (base + 1..=head).find_map(silent) {
            let text = format!("event {number} of {room} never came, and the script is over");
            self.complain(Kind::Silent, text);
        }
    }

    /// Whether an event is of the past of a room that is being joined. Nothing else of that room comes before the answer,
    /// but for what is published meanwhile.
    fn is_past(&self, room: &str, id: &str, offset: &str) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let since = |join: &Option<Option<String>>| matches!(join, Some(Some(_)));
        let mut asks = connection.asks.iter();
        let Some((asked, _)) = asks.find(|(_, ask)| ask.room == room && since(&ask.join)) else {
            return false;
        };
        // What was told before may have claimed as much as this one: then it is no news, whenever it was published.
        let known = self
            .oracle
            .head(*asked)
            .max(connection.base.unwrap_or_default());
        let number = self.oracle.number(id);
        id != offset || number.is_some_and(|number| number <= known)
    }

    /// From where a room is joined with this position: one of another life has its gap first, and goes on behind that.
    pub(super) fn joined_from(&mut self, room: &str, since: &str) -> Option<usize> {
        let connection = self.connection.as_ref()?;
        let life = connection.life;
        match self.shared.place(self.oracle, since, life)? {
            Place { life: of, at } if of == life => Some(at),
            _ => {
                let told = connection.epochs.get(room).copied();
                if told.is_none() {
                    let text = format!("{room} was joined from {since}, and no gap was told");
                    self.complain(Kind::EpochGap, text);
                }
                Some(told.unwrap_or_else(|| self.oracle.start(life)))
            }
        }
    }

    /// Takes a gap between two lives, if it is that of a room which is joined from a position of another.
    pub(super) fn epoch_of_a_join(
        &mut self,
        step: usize,
        room: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let life = connection.life;
        let since = connection.asked_since(room).filter(|_| from.is_some());
        if since.is_none() || since != from || connection.epochs.contains_key(room) {
            return false;
        }
        let mut resolve = |cursor: &str| self.shared.place(self.oracle, cursor, life);
        let is_other = from
            .and_then(&mut resolve)
            .is_some_and(|at| at.life != life);
        let place = to.and_then(resolve).filter(|place| place.life == life);
        let Some(place) = place.filter(|_| is_other) else {
            return false;
        };
        if let Some(connection) = &mut self.connection {
            connection.epochs.insert(room.to_owned(), place.at);
        }
        self.values_are_missing(room, true);
        self.excuses_nothing_held(step, room, place.at);
        true
    }

    /// A gap was told: nothing of it may have been missing when its client was told that it has all.
    pub(super) fn was_missing(&mut self, room: &str, (low, high): (usize, usize), joins: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let is_whole = matches!(connection.joined_as, Some((_, true)));
        if joins || !is_whole {
            return;
        }
        let gone = |number: &usize| {
            self.oracle.dropped(*number, room, connection.opened)
                && connection.duty(room, *number) == Duty::Required
        };
        if let Some(number) = self.oracle.events(room, low, high).find(gone) {
            let text = format!("recovered, and event {number} of {room} was gone already");
            self.complain(Kind::Recovered, text);
        }
    }
}
