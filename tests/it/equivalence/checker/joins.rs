//! Rooms joined and left while a stream is open, and what was refused.

use super::super::record::Ask;
use super::super::script::SECRET;
use super::Kind;
use super::connection::Duty;
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn asked(&mut self, step: usize, ask: &Ask) {
        let head = self.oracle.head(step);
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.unwanted.remove(&ask.room);
        if ask.join.is_none() {
            connection.left.insert(ask.room.clone());
            connection.unwanted.insert(ask.room.clone());
            if connection.opening.snapshot {
                connection.state.leave(&ask.room);
            }
        }
        self.known.remove(&ask.room);
        if ask.snapshot && ask.room != SECRET {
            connection.state.join(&ask.room);
        }
        match &ask.join {
            None if connection.owed_epoch.remove(&ask.room) => {
                connection.left_early.insert(ask.room.clone());
                connection.from(
                    &ask.room,
                    self.oracle.start(connection.life),
                    Duty::Optional,
                );
            }
            None => connection.relax(&ask.room),
            Some(_) if ask.room == SECRET => {}
            Some(Some(_)) => {
                connection.untell(&ask.room);
                connection.from(&ask.room, head, Duty::Optional);
            }
            Some(None) => connection.from(&ask.room, head, Duty::Optional),
        }
        connection.asks.push((step, ask.clone()));
        if ask.join.is_none() {
            self.left_among_values();
        }
    }

    pub(super) fn ack(&mut self, step: usize, reference: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let Some(place) = connection
            .asks
            .iter()
            .position(|(_, ask)| ask.reference == reference)
        else {
            return self.complain(
                Kind::Malformed,
                format!("an ack of {reference}, which was not asked"),
            );
        };
        let (_, ask) = connection.asks.remove(place);
        let (head, room) = (self.oracle.head(step), ask.room.as_str());
        match &ask.join {
            // The answer and the stream are one connection on a WebSocket, and two elsewhere: there, what was
            // written before the room was left may still be under way.
            None if connection.answers_in_line() => connection.forget(room),
            None => connection.from(room, head, Duty::Forbidden),
            Some(_) if room == SECRET => {
                self.complain(Kind::Unauthorized, "a room was joined that is not granted")
            }
            Some(None) => {
                // Where its values came before, it is joined from there.
                if !ask.snapshot || connection.state.is_joining(room) {
                    connection.from(room, head, Duty::Required);
                }
                self.joined_with_values(room);
            }
            Some(Some(since)) => {
                let Some(since) = self.joined_from(room, since) else {
                    return;
                };
                let Some(connection) = &mut self.connection else {
                    return;
                };
                connection.forget(room);
                connection.from(room, since, Duty::Required);
                let base = connection.base.unwrap_or(since);
                self.backfilled(step, room, since, base);
            }
        }
    }

    pub(super) fn backfill(&mut self, step: usize, room: &str, text: &str) {
        let Some((number, named)) = self.genuine(step, text) else {
            return;
        };
        let Some(connection) = &mut self.connection else {
            return;
        };
        let life = connection.life;
        let since = connection.asked_since(room).map(str::to_owned);
        let since = since.and_then(|since| {
            self.shared
                .place(self.oracle, &since, life)
                .map(|place| place.at)
        });
        let have = connection.backfilled.entry(room.to_owned()).or_default();
        let (twice, disorder) = (
            have.contains(&number),
            have.last().is_some_and(|last| *last > number),
        );
        have.insert(number);
        let covered = connection.covered(room, number);
        self.got.insert(number);
        self.learn(number);
        self.allowed_in_backfill(step, number, named.as_str());
        match since {
            _ if named != room => {
                self.complain(Kind::Bytes, format!("{named} in the backfill of {room}"))
            }
            None => self.complain(
                Kind::NotJoined,
                format!("a backfill of {room} that nobody asked for"),
            ),
            Some(since) if number <= since => {
                self.complain(
                    Kind::Order,
                    format!("event {number} in a backfill since {since}"),
                );
            }
            Some(_) if twice => {
                self.complain(Kind::Twice, format!("event {number} twice in a backfill"))
            }
            Some(_) if disorder => {
                self.complain(Kind::Order, format!("event {number} late in a backfill"))
            }
            Some(_) if covered => self.complain(
                Kind::GapAgain,
                format!("event {number} came, and a gap covers it"),
            ),
            Some(_) => {}
        }
    }

    /// What a join from the past was to bring has come, or lies in a gap.
    pub(super) fn backfilled(&mut self, step: usize, room: &str, since: usize, to: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        let came = |number: &usize| self.streamed.contains(number) || self.got.contains(number);
        let missing = |number: &usize| {
            let excused = self.excepted(*number) || self.is_gone(step, *number, room);
            !came(number) && !excused && !connection.covered(room, *number)
        };
        if let Some(number) = self.oracle.events(room, since, to).find(missing) {
            self.complain(
                Kind::Missing,
                format!("event {number} is missing from the backfill of {room}"),
            );
        }
    }

    pub(super) fn error(&mut self, step: usize, reference: Option<&str>, code: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let asked = connection
            .asks
            .iter()
            .position(|(_, ask)| Some(ask.reference.as_str()) == reference);
        match asked.map(|place| connection.asks.remove(place)) {
            Some((_, ask)) if ask.room == SECRET && ask.join.is_some() && code == "forbidden" => {}
            Some((_, ask)) => self.complain(Kind::Refused, format!("{ask:?} was answered {code}")),
            None if code == "slow" => self.sent_away(step, code),
            None => self.refused(step, code, code == "forbidden"),
        }
    }

    /// Only a first connection that names a room which is not granted is refused.
    pub(super) fn refused(&mut self, step: usize, answer: &str, forbidden: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let opening = &connection.opening;
        let first = !opening.resumes();
        let just = first && forbidden && opening.rooms.iter().any(|room| room == SECRET);
        let draining = answer.ends_with("draining") && self.oracle.ends(step);
        // Who was sent away may not have read so yet.
        let gone = answer == "404 unknown_stream" && self.is_behind(step);
        if !just && !draining && !gone {
            let text = format!("{answer} for {opening:?}");
            self.complain(Kind::Refused, text);
        }
    }
}
