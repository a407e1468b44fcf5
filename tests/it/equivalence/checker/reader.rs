//! One client's walk through what it saw, frame by frame.

use std::collections::{HashMap, HashSet};

use super::super::message::{self, Item};
use super::super::record::{Happening, Opening, Start, Transport};
use super::super::script::SECRET;
use super::connection::{Connection, Duty};
use super::oracle::Oracle;
use super::state::Known;
use super::{Complaint, Kind, Place, Shared};

/// What was seen so far.
pub(super) struct Reader<'a> {
    pub(super) oracle: &'a Oracle,
    pub(super) shared: &'a mut Shared,
    pub(super) client: usize,
    pub(super) place: Option<Place>,
    pub(super) connection: Option<Connection>,
    /// The last namespace of Socket.IO that it joined, unless it has been elsewhere since.
    pub(super) before: Option<Connection>,
    /// Events that came in a stream, over all connections.
    pub(super) streamed: HashSet<usize>,
    /// … or as backfill.
    pub(super) got: HashSet<usize>,
    /// The events in no log that came.
    pub(super) flashes: HashSet<usize>,
    /// What it knows of retained values, by their room.
    pub(super) known: HashMap<String, Known>,
    pub(super) opened: bool,
    pub(super) complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(oracle: &'a Oracle, shared: &'a mut Shared, client: usize) -> Self {
        Self {
            oracle,
            shared,
            client,
            place: None,
            connection: None,
            before: None,
            streamed: HashSet::new(),
            got: HashSet::new(),
            flashes: HashSet::new(),
            known: HashMap::new(),
            opened: false,
            complaints: Vec::new(),
        }
    }

    /// What was wrong; the client must have come to the head.
    pub(super) fn finish(mut self) -> Vec<Complaint> {
        if self.opened && self.place != Some(self.oracle.end()) {
            let text = format!(
                "ended at {:?}, and the head is {:?}",
                self.place,
                self.oracle.end()
            );
            self.complain(Kind::Silent, text);
        }
        self.last_values();
        self.complaints
    }

    pub(super) fn complain(&mut self, kind: Kind, text: impl AsRef<str>) {
        let text = format!("client {}: {}", self.client, text.as_ref());
        self.complaints.push(Complaint { kind, text });
    }

    pub(super) fn take(&mut self, step: usize, what: &Happening) {
        match what {
            Happening::Opened(opening) => self.open(step, opening),
            Happening::Saw(raw) => message::items(raw)
                .iter()
                .for_each(|item| self.item(step, item)),
            Happening::Asked(ask) => self.asked(step, ask),
            Happening::Answered(status, body) => {
                message::response(*status, body)
                    .iter()
                    .for_each(|item| self.item(step, item));
            }
            Happening::Quiet => self.quiet(step),
            Happening::Over => {
                self.values_are_cut();
                self.leaves_namespace();
            }
        }
    }

    fn open(&mut self, step: usize, opening: &Opening) {
        self.opened = true;
        let life = self.oracle.life(step);
        let mut connection = Connection::new(opening.clone(), life, step);
        let start = self.oracle.start(life);
        self.values_wanted(&mut connection);
        let granted = || opening.rooms.iter().filter(|room| *room != SECRET);
        let refused = opening.rooms.iter().any(|room| room == SECRET);
        match &opening.start {
            // Where it goes on is settled when it is let in.
            _ if opening.transport == Transport::SocketIo => {}
            Start::At(cursor) => {
                connection.owed_refusal = refused;
                match self.shared.place(self.oracle, cursor, life) {
                    Some(place) if place.life == life => {
                        connection.base = Some(place.at);
                        granted().for_each(|room| connection.from(room, place.at, Duty::Required));
                    }
                    _ => {
                        connection.base = Some(start);
                        connection.owed_epoch = granted().cloned().collect();
                    }
                }
            }
            Start::Unreadable(_) => {
                connection.owed_refusal = refused;
                connection.base = Some(start);
                connection.owed_epoch = granted().cloned().collect();
            }
            Start::Now => {
                let head = self.oracle.head(step);
                granted().for_each(|room| connection.from(room, head, Duty::Optional));
            }
            Start::Earliest => {
                connection.base = Some(start);
                granted().for_each(|room| connection.from(room, start, Duty::Required));
            }
            Start::Rewind(_) => connection.base = Some(start),
        }
        self.connection = Some(connection);
    }

    /// The gateway has begun to answer: by now it has taken the request.
    fn begin(&mut self, step: usize) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.begun.is_some() {
            return;
        }
        connection.begun = Some(step);
        let (then, head) = (self.oracle.head(connection.opened), self.oracle.head(step));
        match connection.opening.start {
            Start::Earliest => connection.lenient = Some((head, step)),
            Start::Rewind(count) => {
                connection.lenient = Some((head, step));
                self.rewound(step, count, (then, head));
            }
            Start::Now
                if matches!(
                    connection.opening.transport,
                    Transport::LongPoll | Transport::History
                ) =>
            {
                connection.base = Some(then);
            }
            Start::Now | Start::At(_) | Start::Unreadable(_) => {}
        }
    }

    /// The newest of each room are certain by the head that was seen first, and possible by the one before. What was
    /// over by its own time, or is not for this client, may count or not.
    fn rewound(&mut self, step: usize, count: usize, (then, head): (usize, usize)) {
        let Some(connection) = &self.connection else {
            return;
        };
        let (life, rooms) = (connection.life, connection.opening.rooms.clone());
        for room in rooms {
            let counts = |number| !self.oracle.outlived(number, step) && !self.excepted(number);
            let most = self
                .oracle
                .before_newest(&room, count, (life, then), counts);
            let least = self
                .oracle
                .before_newest(&room, count, (life, head), |_| true);
            if let Some(connection) = &mut self.connection {
                connection.from(&room, most, Duty::Optional);
                connection.from(&room, least, Duty::Required);
            }
        }
    }

    fn item(&mut self, step: usize, item: &Item) {
        if self.connection.is_none() {
            return;
        }
        self.begin(step);
        match item {
            Item::Welcome { cursor, rooms, .. } => self.welcome(step, cursor.as_deref(), rooms),
            Item::Heartbeat { cursor } => {
                self.refusal_was_told();
                self.beats_before_values();
                self.advance(step, cursor, true);
            }
            Item::Cursor(cursor) => {
                self.refusal_was_told();
                self.values_were_told();
                self.advance(step, cursor, true);
            }
            Item::Gap {
                room,
                from,
                to,
                reason,
            } => self.gap(step, room, from.as_deref(), to.as_deref(), reason),
            Item::Event(text) => {
                self.refusal_was_told();
                self.event(step, text);
            }
            Item::Connected { stream, pid } => self.let_in(step, stream, pid.as_deref()),
            Item::Told { text, offset } => self.told(step, text, offset),
            Item::Backfill { room, events } => events
                .iter()
                .for_each(|event| self.backfill(step, room, event)),
            Item::Ack { reference } => self.ack(step, reference),
            Item::Error { reference, code } => self.error(step, reference.as_deref(), code),
            Item::Refused { status, code } => {
                self.refused(step, &format!("{status} {code}"), *status == 403);
            }
            Item::Malformed(fault) => self.complain(Kind::Malformed, fault),
            Item::StateBegin { room } => self.state_begins(room),
            Item::State(value) => self.state(value),
            Item::StateEnd {
                room,
                cursor,
                is_position,
            } => {
                self.state_ends(step, room, cursor);
                if *is_position {
                    self.values_were_told();
                }
            }
            Item::Bye(code) => self.sent_away(step, code),
            Item::Close(code) => self.closed(step, *code),
        }
    }

    fn welcome(&mut self, step: usize, cursor: Option<&str>, rooms: &[String]) {
        let Some(connection) = &self.connection else {
            return;
        };
        let opening = &connection.opening;
        let wanted: HashSet<_> = opening
            .rooms
            .iter()
            .filter(|room| *room != SECRET)
            .collect();
        let (same, named) = (
            rooms.iter().collect::<HashSet<_>>() == wanted,
            opening.rooms.len() > wanted.len(),
        );
        if !same {
            self.complain(
                Kind::Malformed,
                format!("welcome to {rooms:?} instead of {wanted:?}"),
            );
        } else if named && !opening.resumes() {
            self.complain(
                Kind::Unauthorized,
                "a first connection got in although a room was refused",
            );
        }
        if let Some(cursor) = cursor {
            self.advance(step, cursor, true);
        }
    }

    fn refusal_was_told(&mut self) {
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.owed_refusal)
        {
            self.complain(
                Kind::Unauthorized,
                "a refused room was not named before what follows",
            );
        }
    }

    /// A position was told: everything due up to it must have come.
    pub(super) fn advance(&mut self, step: usize, cursor: &str, inclusive: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let life = connection.life;
        self.shared.drained(self.oracle, cursor, step);
        let Some(place) = self.shared.place(self.oracle, cursor, life) else {
            return self.complain(Kind::Position, format!("{cursor} is no position"));
        };
        if place.life < life
            && !connection.owed_epoch.is_empty()
            && connection.opening.start == Start::At(cursor.into())
        {
            return; // The welcome repeats the old cursor: nothing is claimed yet.
        }
        if place.life != life || place.at > self.oracle.reach(step) {
            return self.complain(
                Kind::Position,
                format!("{cursor} is {place:?}, which this life does not have yet"),
            );
        }
        if !connection.owed_epoch.is_empty() {
            let text = format!(
                "{cursor}: a position of the new life before the gaps of {:?}",
                connection.owed_epoch
            );
            self.complain(Kind::EpochGap, text);
        }
        match self
            .connection
            .as_ref()
            .and_then(|connection| connection.base)
        {
            None => self.start_now(step, place.at),
            Some(base) if place.at < base => {
                self.complain(
                    Kind::Order,
                    format!("{cursor} is {}, after {base}", place.at),
                );
            }
            Some(base) => {
                let last = if inclusive { place.at } else { place.at - 1 };
                (base + 1..=last).for_each(|number| self.accounted(step, number));
            }
        }
        if let Some(connection) = &mut self.connection {
            connection.base = Some(connection.base.map_or(place.at, |base| base.max(place.at)));
        }
        self.place = Some(place);
    }

    fn start_now(&mut self, step: usize, at: usize) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let (first, last) = (self.oracle.head(connection.opened), self.oracle.reach(step));
        for room in connection.opening.rooms.clone() {
            if room != SECRET {
                connection.forget(&room);
                connection.from(&room, at, Duty::Required);
            }
        }
        if !(first..=last).contains(&at) {
            self.complain(
                Kind::Position,
                format!("a stream without cursor started at {at}, not in {first}..={last}"),
            );
        }
    }

    /// A position beyond this event was told.
    pub(super) fn accounted(&mut self, step: usize, number: usize) {
        if let Some(room) = self.owes(step, number) {
            let text = format!("event {number} of {room} was passed over in silence");
            self.complain(Kind::Missing, text);
        }
    }

    pub(super) fn event(&mut self, step: usize, text: &str) {
        let Some((number, room)) = self.genuine(step, text) else {
            return;
        };
        let Some(connection) = &self.connection else {
            return;
        };
        let Some(base) = connection.base else {
            return self.complain(Kind::Malformed, "an event before any welcome");
        };
        let duty = connection.duty(&room, number);
        let still_coming =
            connection.opening.transport == Transport::Sse && connection.left.contains(&room);
        let again = !still_coming
            && connection
                .backfilled
                .get(&room)
                .is_some_and(|have| have.contains(&number));
        if connection.covered(&room, number) {
            self.complain(
                Kind::GapAgain,
                format!("event {number} came although a gap of {room} covers it"),
            );
        }
        if self.streamed.contains(&number) || again {
            self.complain(Kind::Twice, format!("event {number} came twice"));
        } else if !connection_waits(self.connection.as_ref()) && duty == Duty::Forbidden {
            self.complain(
                Kind::NotJoined,
                format!("event {number} came through {room}, which was not joined then"),
            );
        } else if number <= base {
            self.complain(
                Kind::Order,
                format!("event {number} came after position {base}"),
            );
        }
        self.allowed(step, number, &room);
        if let Some(id) = self.oracle.fact(number).id.clone() {
            self.advance(step, &id, false);
        }
        self.streamed.insert(number);
        self.learn(number);
        if let Some(connection) = &mut self.connection
            && duty == Duty::Optional
            && connection.asks.iter().all(|(_, ask)| ask.room != room)
        {
            connection.settle(&room, number);
        }
    }
}

/// Whether the gap between two lives is still owed, which is the complaint that matters then.
fn connection_waits(connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| !connection.owed_epoch.is_empty())
}
