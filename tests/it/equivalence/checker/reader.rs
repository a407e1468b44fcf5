//! One client's walk through what it saw, frame by frame.

use std::collections::HashSet;

use super::super::message::{self, Envelope, Item};
use super::super::record::{Ask, Happening, Opening, Start, Transport};
use super::super::script::SECRET;
use super::connection::{Connection, Duty};
use super::oracle::{Fact, Oracle};
use super::{Complaint, Kind, Place, Shared};

/// What was seen so far.
pub(super) struct Reader<'a> {
    oracle: &'a Oracle,
    shared: &'a mut Shared,
    client: usize,
    place: Option<Place>,
    connection: Option<Connection>,
    /// Events that came in a stream, over all connections.
    streamed: HashSet<usize>,
    /// … or as backfill.
    got: HashSet<usize>,
    opened: bool,
    complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(oracle: &'a Oracle, shared: &'a mut Shared, client: usize) -> Self {
        Self {
            oracle,
            shared,
            client,
            place: None,
            connection: None,
            streamed: HashSet::new(),
            got: HashSet::new(),
            opened: false,
            complaints: Vec::new(),
        }
    }

    /// What was wrong; the client must have come to the head.
    pub(super) fn finish(mut self) -> Vec<Complaint> {
        self.backfills_before(usize::MAX);
        if self.opened && self.place != Some(self.oracle.end()) {
            let text = format!(
                "ended at {:?}, and the head is {:?}",
                self.place,
                self.oracle.end()
            );
            self.complain(Kind::Silent, text);
        }
        self.complaints
    }

    fn complain(&mut self, kind: Kind, text: impl AsRef<str>) {
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
            Happening::Over => self.connection = None,
        }
    }

    fn open(&mut self, step: usize, opening: &Opening) {
        self.opened = true;
        let life = self.oracle.life(step);
        let mut connection = Connection::new(opening.clone(), life, step);
        let start = self.oracle.start(life);
        let granted = || opening.rooms.iter().filter(|room| *room != SECRET);
        let refused = opening.rooms.iter().any(|room| room == SECRET);
        match &opening.start {
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
        if std::mem::replace(&mut connection.begun, true) {
            return;
        }
        let (then, head) = (self.oracle.head(connection.opened), self.oracle.head(step));
        match connection.opening.start {
            Start::Earliest => connection.lenient = Some((head, step)),
            Start::Rewind(count) => {
                connection.lenient = Some((head, step));
                for room in connection.opening.rooms.clone() {
                    let life = connection.life;
                    let before = |head| self.oracle.before_newest(&room, count, life, head);
                    connection.from(&room, before(then), Duty::Optional);
                    connection.from(&room, before(head), Duty::Required);
                }
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

    fn asked(&mut self, step: usize, ask: &Ask) {
        let head = self.oracle.head(step);
        let Some(connection) = &mut self.connection else {
            return;
        };
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
    }

    fn item(&mut self, step: usize, item: &Item) {
        if self.connection.is_none() {
            return;
        }
        self.begin(step);
        match item {
            Item::Welcome { cursor, rooms, .. } => self.welcome(step, cursor.as_deref(), rooms),
            Item::Heartbeat { cursor } | Item::Cursor(cursor) => {
                self.refusal_was_told();
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
            Item::Backfill { room, events } => events
                .iter()
                .for_each(|event| self.backfill(step, room, event)),
            Item::Ack { reference } => self.ack(step, reference),
            Item::Error { reference, code } => self.error(step, reference.as_deref(), code),
            Item::Refused { status, code } => {
                self.refused(step, &format!("{status} {code}"), *status == 403);
            }
            Item::Malformed(fault) => self.complain(Kind::Malformed, fault),
            Item::Bye | Item::Close => {}
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
    fn advance(&mut self, step: usize, cursor: &str, inclusive: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let life = connection.life;
        let Some(place) = self.shared.place(self.oracle, cursor, life) else {
            return self.complain(Kind::Position, format!("{cursor} is no position"));
        };
        if place.life < life
            && !connection.owed_epoch.is_empty()
            && connection.opening.start == Start::At(cursor.into())
        {
            return; // The welcome repeats the old cursor: nothing is claimed yet.
        }
        if place.life != life || place.at > self.oracle.head(step) {
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
                self.backfills_before(place.at);
                let last = if inclusive { place.at } else { place.at - 1 };
                (base + 1..=last).for_each(|number| self.accounted(number));
            }
        }
        if let Some(connection) = &mut self.connection {
            connection.base = Some(connection.base.map_or(place.at, |base| base.max(place.at)));
        }
        self.place = Some(place);
    }

    /// A position that is younger than a join stands behind its backfill.
    fn backfills_before(&mut self, at: usize) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let due = connection
            .backfills
            .extract_if(.., |(_, _, head)| *head < at)
            .collect::<Vec<_>>();
        due.iter()
            .for_each(|(room, since, head)| self.backfilled(room, *since, *head));
    }

    fn start_now(&mut self, step: usize, at: usize) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let (first, last) = (self.oracle.head(connection.opened), self.oracle.head(step));
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
    fn accounted(&mut self, number: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        if self.streamed.contains(&number) || self.got.contains(&number) {
            return;
        }
        let due = |room: &&String| {
            connection.requires(self.oracle, room, number) && !connection.covered(room, number)
        };
        if let Some(room) = self.oracle.fact(number).published.rooms.iter().find(due) {
            let text = format!("event {number} of {room} was passed over in silence");
            self.complain(Kind::Missing, text);
        }
    }

    fn event(&mut self, step: usize, text: &str) {
        let Some((number, room)) = self.genuine(text) else {
            return;
        };
        let Some(connection) = &self.connection else {
            return;
        };
        let Some(base) = connection.base else {
            return self.complain(Kind::Malformed, "an event before any welcome");
        };
        let duty = connection.duty(&room, number);
        let again = connection
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
        let id = self.oracle.fact(number).published.id.clone();
        self.advance(step, &id, false);
        self.streamed.insert(number);
        if let Some(connection) = &mut self.connection
            && duty == Duty::Optional
            && connection.asks.iter().all(|(_, ask)| ask.room != room)
        {
            connection.settle(&room, number);
        }
    }

    /// The number and room of an envelope that is byte for byte what was published.
    fn genuine(&mut self, text: &str) -> Option<(usize, String)> {
        let envelope = match Envelope::parse(text) {
            Ok(envelope) => envelope,
            Err(fault) => {
                self.complain(Kind::Malformed, fault);
                return None;
            }
        };
        let life = self.connection.as_ref()?.life;
        let Some(place) = self
            .oracle
            .place(&envelope.id)
            .filter(|place| place.life == life)
        else {
            self.complain(
                Kind::Unpublished,
                format!("nothing was published as {text}"),
            );
            return None;
        };
        let fact = self.oracle.fact(place.at);
        let stamp = *self.shared.stamps.entry(place.at).or_insert(envelope.ts);
        let expected = expected(fact, &envelope.room, stamp);
        if !fact.published.rooms.contains(&envelope.room) || expected != text {
            self.complain(Kind::Bytes, format!("{text} instead of {expected}"));
        }
        Some((place.at, envelope.room))
    }

    fn gap(&mut self, step: usize, room: &str, from: Option<&str>, to: Option<&str>, reason: &str) {
        match reason {
            "unauthorized" => {
                let owed = self.connection.as_mut().is_some_and(|connection| {
                    room == SECRET && std::mem::replace(&mut connection.owed_refusal, false)
                });
                if !owed {
                    self.complain(
                        Kind::FalseGap,
                        format!("{room} was refused, or refused again"),
                    );
                }
            }
            "epoch" => self.epoch(step, room, from, to),
            "evicted" => self.evicted(step, room, from, to),
            other => self.complain(
                Kind::FalseGap,
                format!("a gap of {room} for reason {other}"),
            ),
        }
    }

    /// A gap between two lives excuses only what the new one does not hold.
    fn epoch(&mut self, step: usize, room: &str, from: Option<&str>, to: Option<&str>) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let life = connection.life;
        let came_from = match &connection.opening.start {
            Start::At(cursor) => from == Some(cursor),
            _ => from.is_none(),
        };
        if connection.left_early.remove(room) {
            return; // It was under way when the room was left.
        }
        let owed = connection.owed_epoch.remove(room);
        if !owed || !came_from {
            return self.complain(
                Kind::FalseGap,
                format!("an epoch gap of {room} from {from:?}"),
            );
        }
        let place = to.and_then(|to| self.shared.place(self.oracle, to, life));
        let Some(place) = place.filter(|place| place.life == life) else {
            return self.complain(Kind::Position, format!("an epoch gap of {room} to {to:?}"));
        };
        if let Some(connection) = &mut self.connection {
            connection.from(room, place.at, Duty::Required);
        }
        let held = |number: &usize| !self.oracle.dropped(*number, room, step);
        if let Some(number) = self
            .oracle
            .events(room, self.oracle.start(life), place.at)
            .find(held)
        {
            self.complain(
                Kind::FalseGap,
                format!("an epoch gap of {room} excuses event {number}, which is held"),
            );
        }
    }

    /// A gap of what was evicted: true, not larger than what was dropped, and told once.
    fn evicted(&mut self, step: usize, room: &str, from: Option<&str>, to: Option<&str>) {
        let Some(connection) = &self.connection else {
            return;
        };
        let life = connection.life;
        let mut resolve = |cursor: Option<&str>| {
            let place = self.shared.place(self.oracle, cursor?, life)?;
            (place.life == life).then_some(place.at)
        };
        let since = connection.asked_since(room).map(str::to_owned);
        let (Some(low), Some(high)) = (resolve(from), resolve(to)) else {
            return self.complain(
                Kind::Position,
                format!("a gap of {room} from {from:?} to {to:?}"),
            );
        };
        let since = since.and_then(|since| resolve(Some(&since)));
        let under_way = || {
            connection
                .backfills
                .iter()
                .find(|(have, ..)| have == room)
                .map(|(_, since, _)| *since)
        };
        let since = since.or_else(under_way);
        let lowest = since.or(connection.base);
        let told = connection.gaps(room).iter().any(|(_, have)| *have >= high);
        if let Some(fault) = self.untrue(step, room, (low, high), lowest, since.is_some()) {
            self.complain(
                Kind::FalseGap,
                format!("a gap of {room} from {low} to {high}: {fault}"),
            );
        } else if told {
            self.complain(
                Kind::GapAgain,
                format!("a gap of {room} to {high} was told already"),
            );
        }
        if let Some(connection) = &mut self.connection {
            connection.tell(room, low, high);
        }
    }

    fn untrue(
        &self,
        step: usize,
        room: &str,
        (low, high): (usize, usize),
        lowest: Option<usize>,
        backfilling: bool,
    ) -> Option<String> {
        let connection = self.connection.as_ref()?;
        let held_then = matches!(connection.opening.start, Start::Earliest | Start::Rewind(_));
        let gone_before = |number| self.oracle.dropped(number, room, connection.opened);
        let mut events = self.oracle.events(room, low, high).peekable();
        if self.oracle.calm {
            Some("nothing was ever evicted".into())
        } else if !backfilling && !connection.joined(room) {
            Some("the room was not joined".into())
        } else if lowest.is_none_or(|lowest| low < lowest) {
            Some(format!("the client was at {lowest:?} already"))
        } else if events.peek().is_none()
            || !self
                .oracle
                .events(room, high - 1, high)
                .any(|number| number == high)
        {
            Some("its end is no event of this room".into())
        } else if held_then && !backfilling && gone_before(high) {
            Some("the client asked for what is held".into())
        } else {
            let wrong = |number: &usize| {
                let due = backfilling || connection.duty(room, *number) != Duty::Forbidden;
                !due || !self.oracle.dropped(*number, room, step)
            };
            events
                .find(wrong)
                .map(|number| format!("event {number} was not evicted, or not due"))
        }
    }

    fn backfill(&mut self, _step: usize, room: &str, text: &str) {
        let Some((number, named)) = self.genuine(text) else {
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
        let since = since.or_else(|| {
            connection
                .backfills
                .iter()
                .find(|(have, ..)| have == room)
                .map(|(_, since, _)| *since)
        });
        let have = connection.backfilled.entry(room.to_owned()).or_default();
        let (twice, disorder) = (
            have.contains(&number),
            have.last().is_some_and(|last| *last > number),
        );
        have.insert(number);
        let covered = connection.covered(room, number);
        self.got.insert(number);
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

    fn ack(&mut self, step: usize, reference: &str) {
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
        let (head, life, room) = (self.oracle.head(step), connection.life, ask.room.as_str());
        match &ask.join {
            // The answer and the stream are one connection on WebSocket, and two elsewhere: there, what was
            // written before the room was left may still be under way.
            None if connection.opening.transport == Transport::WebSocket => connection.forget(room),
            None => connection.from(room, head, Duty::Forbidden),
            Some(_) if room == SECRET => {
                self.complain(Kind::Unauthorized, "a room was joined that is not granted")
            }
            Some(None) => connection.from(room, head, Duty::Required),
            Some(Some(since)) => {
                let Some(since) = self.shared.place(self.oracle, since, life) else {
                    return;
                };
                if connection.opening.transport != Transport::WebSocket {
                    connection.from(room, since.at, Duty::Optional);
                    connection.from(room, head, Duty::Required);
                    return connection.backfills.push((ask.room, since.at, head));
                }
                connection.forget(room);
                connection.from(room, since.at, Duty::Required);
                let base = connection.base.unwrap_or(since.at);
                self.backfilled(room, since.at, base);
            }
        }
    }

    /// What a join from the past was to bring has come, or lies in a gap.
    fn backfilled(&mut self, room: &str, since: usize, to: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        let came = |number: &usize| self.streamed.contains(number) || self.got.contains(number);
        let missing = |number: &usize| !came(number) && !connection.covered(room, *number);
        if let Some(number) = self.oracle.events(room, since, to).find(missing) {
            self.complain(
                Kind::Missing,
                format!("event {number} is missing from the backfill of {room}"),
            );
        }
    }

    fn error(&mut self, step: usize, reference: Option<&str>, code: &str) {
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
            None => self.refused(step, code, code == "forbidden"),
        }
    }

    /// Only a first connection that names a room which is not granted is refused.
    fn refused(&mut self, step: usize, answer: &str, forbidden: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let opening = &connection.opening;
        let first = !opening.resumes();
        let just = first && forbidden && opening.rooms.iter().any(|room| room == SECRET);
        let draining = answer.ends_with("draining") && self.oracle.ends(step);
        if !just && !draining {
            let text = format!("{answer} for {opening:?}");
            self.complain(Kind::Refused, text);
        }
    }
}

/// Whether the gap between two lives is still owed, which is the complaint that matters then.
fn connection_waits(connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| !connection.owed_epoch.is_empty())
}

/// The one envelope that an event has in a room.
fn expected(fact: &Fact, room: &str, stamp: u64) -> String {
    let published = &fact.published;
    let from = published
        .from
        .as_ref()
        .map_or_else(String::new, |from| format!(r#","from":"{from}""#));
    let (id, event, data) = (&published.id, &published.event, &published.data);
    format!(r#"{{"id":"{id}","room":"{room}","event":"{event}","data":{data},"ts":{stamp}{from}}}"#)
}
