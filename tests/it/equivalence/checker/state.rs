//! Retained values: what a client was told of them, and what it must know at the end (SEMANTICS 17).

use std::collections::{BTreeMap, HashSet};

use super::super::message::State;
use super::super::record::{Start, Transport};
use super::super::script::SECRET;
use super::connection::{Connection, Duty};
use super::reader::Reader;
use super::{Kind, Place};

/// What a connection asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Rooms whose values must come before the stream is quiet.
    owed: HashSet<String>,
    /// Rooms whose values may come.
    possible: HashSet<String>,
    /// Rooms that are about to be joined with their values.
    joining: HashSet<String>,
    /// Rooms that were left: values of them that are under way mean nothing any more.
    left: HashSet<String>,
    /// Whether they were owed already when it said last where it is.
    beaten: bool,
    /// The room that is being told, and what was told of it.
    telling: Option<(String, Vec<State>)>,
    /// The one position of all rooms that were told at the beginning.
    at: Option<usize>,
}

impl Asked {
    /// A room is to be joined with its values.
    pub(super) fn join(&mut self, room: &str) {
        self.joining.insert(room.to_owned());
        self.left.remove(room);
    }

    /// Whether a room is about to be joined, and its values have not come.
    pub(super) fn is_joining(&self, room: &str) -> bool {
        self.joining.contains(room)
    }

    /// A room is to be left: its values are owed no more, and may be under way.
    pub(super) fn leave(&mut self, room: &str) {
        self.owed.remove(room);
        self.joining.remove(room);
        self.possible.insert(room.to_owned());
        self.left.insert(room.to_owned());
    }
}

/// What a client knows of a room's values.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether it was told them all, and everything since.
    complete: bool,
    /// Whether it was told that something is missing.
    excused: bool,
    /// Whether they were asked for on an open stream.
    asked_late: bool,
    /// The event up to which it was told them all at once.
    at: usize,
    /// The payload of each key.
    values: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// A connection is opened: which values it wants first, and which it still knows.
    pub(super) fn values_wanted(&mut self, connection: &mut Connection) {
        let opening = &connection.opening;
        match opening.start {
            Start::At(_) => self.known.retain(|room, _| opening.rooms.contains(room)),
            _ => self.known.clear(),
        }
        if !opening.snapshot || opening.start != Start::Now {
            return;
        }
        for room in opening.rooms.iter().filter(|room| *room != SECRET) {
            connection.state.owed.insert(room.clone());
            self.known.insert(room.clone(), Known::default());
        }
    }

    /// A gap of this room was told: its values may have changed.
    pub(super) fn values_are_missing(&mut self, room: &str, at_first: bool) {
        if let Some(known) = self.known.get_mut(room) {
            (known.complete, known.excused) = (false, true);
        }
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        if !connection.opening.snapshot {
            return;
        }
        let rooms = match at_first && !connection.left.contains(room) {
            true => &mut connection.state.owed,
            false => &mut connection.state.possible,
        };
        rooms.insert(room.to_owned());
    }

    /// A room was joined with its values: if they have not come yet, they must come before the stream is quiet.
    pub(super) fn joined_with_values(&mut self, room: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if !connection.state.joining.remove(room) {
            return;
        }
        // What follows on a stream that was asked by another request may have been under way already.
        let rooms = match connection.opening.transport {
            Transport::WebSocket | Transport::SocketIo => &mut connection.state.owed,
            _ => &mut connection.state.possible,
        };
        rooms.insert(room.to_owned());
        let awaited = Known {
            asked_late: true,
            ..Known::default()
        };
        self.known.insert(room.to_owned(), awaited);
    }

    /// The connection is over: who joined a room and has not got its values knows that, and has to ask anew.
    pub(super) fn values_are_cut(&mut self) {
        self.known
            .retain(|_, known| known.complete || !known.asked_late);
    }

    /// The stream was quiet for so long that it says where it is. It may owe values for one beat, but not for two.
    pub(super) fn beats_before_values(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let state = &mut connection.state;
        let again = std::mem::replace(&mut state.beaten, !state.owed.is_empty());
        if again {
            self.values_were_told();
        }
    }

    /// The stream is quiet: whatever was asked for must have come.
    pub(super) fn values_were_told(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let owed: Vec<_> = connection.state.owed.drain().collect();
        if !owed.is_empty() {
            self.complain(Kind::State, format!("quiet before the values of {owed:?}"));
        }
    }

    pub(super) fn state_begins(&mut self, room: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let state = &mut connection.state;
        let lists = [&state.owed, &state.possible, &state.joining];
        let asked = lists.iter().any(|rooms| rooms.contains(room));
        let within = state.telling.replace((room.to_owned(), Vec::new()));
        if !asked {
            self.complain(
                Kind::State,
                format!("values of {room}, which nobody asked for"),
            );
        }
        if within.is_some() {
            self.complain(Kind::Malformed, format!("values of {room} among others"));
        }
    }

    pub(super) fn state(&mut self, value: &State) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match &mut connection.state.telling {
            Some((room, values)) if *room == value.room => values.push(value.clone()),
            _ => self.complain(
                Kind::Malformed,
                format!("{value:?} outside of its room's values"),
            ),
        }
    }

    pub(super) fn state_ends(&mut self, step: usize, room: &str, cursor: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let life = connection.life;
        let told = connection.state.telling.take();
        let Some((_, values)) = told.filter(|(have, _)| have == room) else {
            return self.complain(Kind::Malformed, format!("values of {room} only end"));
        };
        self.shared.drained(self.oracle, cursor, step);
        let place = self.shared.place(self.oracle, cursor, life);
        let reach = self.oracle.reach(step);
        let Some(place) = place.filter(|place| place.life == life && place.at <= reach) else {
            return self.complain(Kind::Position, format!("values of {room} at {cursor}"));
        };
        self.state_is_of(place, room, &values);
        let left = |connection: &Connection| connection.state.left.contains(room);
        if self.connection.as_ref().is_some_and(left) {
            return self.begins_at_values(place);
        }
        self.stands_at(step, cursor, place, room);
        // They were under way when it was left.
        let unwanted = |connection: &Connection| connection.unwanted.contains(room);
        if self.connection.as_ref().is_some_and(unwanted) {
            return;
        }
        let values = values.into_iter().map(|value| (value.key, value.data));
        let known = Known {
            complete: true,
            excused: false,
            asked_late: false,
            at: place.at,
            values: values.collect(),
        };
        self.known.insert(room.to_owned(), known);
    }

    /// They must be exactly those of this place.
    fn state_is_of(&mut self, place: Place, room: &str, told: &[State]) {
        let mut wanted = self.oracle.state(room, place);
        for value in told {
            let number = wanted.remove(value.key.as_str());
            if number.is_none_or(|number| !self.is_value(number, value)) {
                self.complain(
                    Kind::State,
                    format!("{value:?} is not the value at {place:?}"),
                );
            }
        }
        if !wanted.is_empty() {
            self.complain(
                Kind::State,
                format!("the values of {room} at {place:?} lack those of {wanted:?}"),
            );
        }
    }

    fn is_value(&mut self, number: usize, value: &State) -> bool {
        let Some(source) = self.oracle.fact(number).source() else {
            return false;
        };
        // The newest of a window keeps the time of what it stands for.
        let number = self.oracle.number(&source.id).unwrap_or(number);
        let stamp = *self.shared.stamps.entry(number).or_insert(value.ts);
        value.event == source.event && value.data == source.data && value.ts == stamp
    }

    /// The values are those of where the stream stands: all that was due before them has come, and it goes on from there.
    fn stands_at(&mut self, step: usize, cursor: &str, place: Place, room: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let state = &mut connection.state;
        (_, _, _) = (
            state.owed.remove(room),
            state.possible.remove(room),
            state.joining.remove(room),
        );
        let mut asks = connection.asks.iter();
        let asked = asks.find(|(_, ask)| ask.room == room && ask.snapshot);
        let asked = asked.map(|(asked, _)| self.oracle.head(*asked));
        if asked.is_some_and(|head| place.at < head) {
            let text = format!("values of {room} at {place:?}, asked for later");
            return self.complain(Kind::State, text);
        }
        if connection.base.is_none() {
            return self.first_values(place, room);
        }
        if asked.is_some() {
            connection.forget(room);
            connection.from(room, place.at, Duty::Required);
        }
        self.advance(step, cursor, true);
    }

    /// The values of a room before any position: all are of one, and the stream begins there.
    fn first_values(&mut self, place: Place, room: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let at = *connection.state.at.get_or_insert(place.at);
        connection.forget(room);
        connection.from(room, place.at, Duty::Required);
        if at != place.at || place.at < self.oracle.head(connection.opened) {
            let text = format!("values of {room} at {place:?}, of others at {at}");
            self.complain(Kind::State, text);
        }
        self.begins_at_values(place);
    }

    /// All values that were asked for at the beginning are there: the stream begins where they end.
    pub(super) fn begins_at_values(&mut self, place: Place) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let begins = connection.opening.snapshot && connection.opening.start == Start::Now;
        if begins && connection.state.owed.is_empty() && connection.base.is_none() {
            connection.base = Some(place.at);
            self.place = Some(place);
        }
    }

    /// A room is left before all values are there: those that are may be all.
    pub(super) fn left_among_values(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        if let Some(at) = connection.state.at {
            let life = connection.life;
            self.begins_at_values(Place { life, at });
        }
    }

    /// An event was taken, which may be a value.
    pub(super) fn learn(&mut self, number: usize) {
        let fact = self.oracle.fact(number);
        let Some((key, is_value)) = fact.retained() else {
            return;
        };
        let data = fact.source().filter(|_| is_value);
        let data = data.map(|source| source.data.clone());
        for room in &fact.rooms {
            let known = self.known.get_mut(room);
            // What was held before comes all the same, and is no news.
            let Some(known) = known.filter(|known| number > known.at) else {
                continue;
            };
            match &data {
                Some(data) => _ = known.values.insert(key.to_owned(), data.clone()),
                None => _ = known.values.remove(key),
            }
        }
    }

    /// The script is quiet: who asked for the values of a room knows them, or knows that something is missing.
    pub(super) fn last_values(&mut self) {
        let end = self.oracle.end();
        for (room, known) in std::mem::take(&mut self.known) {
            let wanted = self.oracle.state(&room, end).into_iter();
            let wanted: BTreeMap<_, _> = wanted
                .map(|(key, number)| (key.to_owned(), self.payload(number)))
                .collect();
            let fault = match (known.complete, known.excused) {
                (true, _) if known.values != wanted => "does not have the last",
                (false, false) => "asked for, and was never told, the",
                _ => continue,
            };
            let have = &known.values;
            self.complain(
                Kind::State,
                format!("{fault} values of {room}: {have:?} instead of {wanted:?}"),
            );
        }
    }

    fn payload(&self, number: usize) -> String {
        let source = self.oracle.fact(number).source();
        source.map_or_else(String::new, |source| source.data.clone())
    }
}
