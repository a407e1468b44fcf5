//! One client's delivery in the naive gateway.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::record::{Raw, Start, Transport};
use super::super::run::Get;
use super::super::script::LATEST;
use super::log::{Log, Stored};
use super::{Fault, granted, single};

/// A cursor, the rooms with the seq that each was joined from, and what was written and not yet taken.
pub(super) struct Stream {
    pub(super) transport: Transport,
    pub(super) name: usize,
    pub(super) rooms: Vec<(String, usize)>,
    /// From where each was joined, whatever was told since.
    pub(super) joined: HashMap<String, usize>,
    pub(super) cursor: usize,
    pub(super) out: VecDeque<Raw>,
    pub(super) over: bool,
    pub(super) last_write: Duration,
    deadline: Option<Duration>,
    pub(super) gaps: Vec<Value>,
    pub(super) principal: &'static str,
    pub(super) origin: Option<&'static str>,
    /// Whether it wants retained values.
    pub(super) asked: bool,
    /// The rooms whose values are to be told next.
    pub(super) snapshot: Vec<String>,
    /// Whether what it loses from now on sends it away.
    pub(super) live: bool,
    /// By which name it may come back, and from where if its client has nothing yet.
    pub(super) pid: Option<String>,
    pub(super) began: usize,
    pub(super) fault: Option<Fault>,
}

struct Batch {
    gaps: Vec<Value>,
    /// Each with the room that it came through.
    events: Vec<(Stored, String)>,
}

impl Stream {
    pub(super) fn open(
        log: &Log,
        get: &Get,
        name: usize,
        fault: Option<Fault>,
        now: Duration,
    ) -> Self {
        let opening = &get.opening;
        let mut stream = Self::new(log, get, name, fault, now);
        let resumed = opening.resumes();
        let refused = opening.rooms.iter().find(|room| !granted(room));
        if refused.is_some() && !resumed {
            stream.refuse();
            return stream;
        }
        let rooms: Vec<_> = opening
            .rooms
            .iter()
            .filter(|room| granted(room) || stream.is(Fault::UngrantedRoom))
            .collect();
        let told = stream.start(log, &rooms, &opening.start);
        if let Some(room) = refused.filter(|_| !stream.is(Fault::SilentRefusal)) {
            stream
                .gaps
                .push(json!({"type": "gap", "room": room, "reason": "unauthorized"}));
        }
        let lost = stream.missing(log);
        stream.gaps.extend(lost);
        stream.live = !stream.single();
        stream.deadline = Some(now + Duration::from_secs(get.wait));
        if stream.single() {
            let at_once = get.wait == 0 || !resumed || stream.transport == Transport::History;
            stream.deadline = stream.deadline.filter(|_| !at_once);
        } else {
            let rooms: Vec<_> = rooms
                .into_iter()
                .filter(|room| granted(room))
                .cloned()
                .collect();
            stream.welcome(told, &rooms);
        }
        let first = opening.start == Start::Now && stream.asked;
        if first && stream.single() {
            stream
                .snapshot
                .extend(stream.rooms.iter().map(|(room, _)| room.clone()));
            stream.read(log, 1, now);
        } else if first {
            let rooms: Vec<_> = stream.rooms.iter().map(|(room, _)| room.clone()).collect();
            for (place, room) in rooms.iter().enumerate() {
                stream.tell_values(log, room, place + 1 == rooms.len());
            }
        }
        stream
    }

    pub(super) fn new(
        log: &Log,
        get: &Get,
        name: usize,
        fault: Option<Fault>,
        now: Duration,
    ) -> Self {
        let opening = &get.opening;
        Self {
            transport: opening.transport,
            name,
            rooms: Vec::new(),
            joined: HashMap::new(),
            cursor: log.head,
            out: VecDeque::new(),
            over: false,
            last_write: now,
            deadline: None,
            gaps: Vec::new(),
            principal: opening.principal,
            origin: opening.origin,
            asked: opening.snapshot,
            snapshot: Vec::new(),
            live: false,
            pid: None,
            began: log.head,
            fault,
        }
    }

    /// Whether it gives one answer to one request.
    pub(super) const fn single(&self) -> bool {
        single(self.transport)
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn refuse(&mut self) {
        let code = r#"{"code":"forbidden"}"#.to_owned();
        match self.transport {
            Transport::WebSocket => {
                let error = json!({"type": "error", "code": "forbidden", "message": "no"});
                self.out.push_back(Raw::WebSocket(error.to_string()));
                self.out.push_back(Raw::Close(Some(3501)));
            }
            _ => self.out.push_back(Raw::Refused(403, code)),
        }
        self.over = true;
    }

    /// Finds where reading starts, and gives the cursor to tell.
    fn start(&mut self, log: &Log, rooms: &[&String], start: &Start) -> Option<String> {
        let from = |seq: &dyn Fn(&str) -> usize| {
            rooms
                .iter()
                .map(|&room| (room.clone(), seq(room)))
                .collect::<Vec<_>>()
        };
        let own = match start {
            Start::At(cursor) | Start::Unreadable(cursor) => log.parse(cursor),
            _ => None,
        };
        match start {
            Start::Now => {
                self.rooms = from(&|_| 0);
                return self.start_now(log);
            }
            Start::Earliest => {
                self.rooms = from(&|room| log.floor(room));
                self.cursor = 0;
            }
            Start::Rewind(count) => {
                self.rooms = from(&|room| {
                    let held: Vec<_> = log.held(room).map(|event| event.seq).collect();
                    held.len()
                        .checked_sub(count + 1)
                        .map_or(log.floor(room), |at| held[at])
                });
                self.cursor = self.rooms.iter().map(|(_, from)| *from).min().unwrap_or(0);
            }
            Start::At(_) | Start::Unreadable(_)
                if own.is_some_and(|(life, seq)| life == log.life && seq <= log.head) =>
            {
                self.rooms = from(&|_| 0);
                self.cursor = own.unwrap_or_default().1;
                if self.is(Fault::DoubleAfterResume) {
                    self.cursor = self.cursor.saturating_sub(1);
                }
            }
            Start::At(cursor) => return self.begin_life(log, rooms, Some(cursor)),
            Start::Unreadable(_) => return self.begin_life(log, rooms, None),
        }
        let told = if self.is(Fault::WelcomeAtHead) {
            log.head
        } else {
            self.cursor
        };
        Some(log.cursor(told))
    }

    /// Nothing is claimed before the values that the client wants.
    fn start_now(&mut self, log: &Log) -> Option<String> {
        let told = log.cursor(self.cursor);
        match self.fault.filter(|_| self.asked) {
            Some(Fault::SeamLost) => {
                let rooms = self.rooms.iter_mut();
                rooms.for_each(|(_, from)| *from = log.head + 1);
            }
            Some(Fault::SeamDoubled) => self.cursor = self.cursor.saturating_sub(1),
            _ => {}
        }
        (!self.asked || self.is(Fault::WelcomeBeforeState)).then_some(told)
    }

    /// The client comes from another life of the log.
    fn begin_life(&mut self, log: &Log, rooms: &[&String], own: Option<&String>) -> Option<String> {
        self.rooms = rooms
            .iter()
            .map(|&room| (room.clone(), log.floor(room)))
            .collect();
        self.cursor = 0;
        let silent = self.is(Fault::SilentEpoch);
        for room in rooms.iter().filter(|_| !silent) {
            let to = if self.is(Fault::EpochGapToHead) {
                log.head
            } else {
                log.floor(room)
            };
            let gap = json!({"type": "gap", "room": room, "from": own, "to": log.cursor(to), "reason": "epoch"});
            self.gaps.push(gap);
        }
        match self.fault {
            Some(Fault::WelcomeBeforeEpochGap) => Some(log.cursor(0)),
            _ => own.cloned(),
        }
    }

    fn welcome(&mut self, cursor: Option<String>, rooms: &[String]) {
        let welcome = json!({
            "type": "welcome", "stream": self.name.to_string(), "cursor": cursor, "rooms": rooms,
            "principal": "viewer", "role": "viewer", "heartbeat_ms": 15_000, "ts": 1,
        });
        self.say(&welcome, cursor);
    }

    pub(super) fn say(&mut self, message: &Value, cursor: Option<String>) {
        let text = message.to_string();
        let frame = match self.transport {
            Transport::Sse => {
                let kind = message["type"].as_str().unwrap_or_default();
                let id = cursor.map_or_else(String::new, |cursor| format!("\nid: {cursor}"));
                Raw::Sse(format!("event: {kind}\ndata: {text}{id}"))
            }
            _ => self.framed(text),
        };
        self.out.push_back(frame);
    }

    /// One read of the log, written out.
    pub(super) fn read(&mut self, log: &Log, credit: usize, now: Duration) {
        if self.over {
            return;
        }
        let mut batch = self.batch(log, credit);
        if self.over {
            return;
        }
        batch.gaps.splice(0..0, std::mem::take(&mut self.gaps));
        self.wants_values(&batch.gaps);
        let told = self.told_now(log);
        let nothing = batch.gaps.is_empty() && batch.events.is_empty() && told.is_empty();
        if self.single() {
            if nothing && self.deadline.is_some_and(|deadline| now < deadline) {
                return;
            }
            return self.answer(log, &batch, &told);
        }
        if nothing {
            return;
        }
        self.last_write = now;
        let early = self.is(Fault::DeliverBeforeGap);
        let gaps = std::mem::take(&mut batch.gaps);
        if !early {
            gaps.iter().for_each(|gap| self.say(gap, None));
        }
        let first = self.is(Fault::StateBeforeDue);
        if first {
            told.iter()
                .for_each(|room| self.tell_values(log, room, false));
        }
        for (event, room) in &batch.events {
            self.write(log, event, room);
        }
        if !first {
            told.iter()
                .for_each(|room| self.tell_values(log, room, false));
        }
        if early {
            gaps.iter().for_each(|gap| self.say(gap, None));
        }
    }

    fn batch(&mut self, log: &Log, credit: usize) -> Batch {
        // What an answer says of values is of where it ends.
        let credit = if self.asked && self.single() {
            usize::MAX
        } else {
            credit
        };
        let gaps = self.missing(log);
        let mut due = Vec::new();
        for event in log.events.iter().filter(|event| !self.is_excepted(event)) {
            let mut rooms = self.through(log, event);
            if !self.is(Fault::TwiceThroughTwoRooms) {
                rooms.truncate(1);
            }
            due.extend(rooms.into_iter().map(|room| (event.clone(), room)));
        }
        if self.is(Fault::LoseFlushOverSocketIo) && self.transport == Transport::SocketIo {
            due.retain(|(event, _)| event.of.is_empty());
        }
        if self.is(Fault::SleepThrough) {
            due.retain(|(_, room)| room != "r:late");
        }
        let more = due.len() > credit;
        due.truncate(credit);
        let next = if more {
            due[credit - 1].0.seq
        } else {
            log.head
        };
        if self.is(Fault::OutOfOrder) {
            due.sort_by(|one, other| one.1.cmp(&other.1));
        }
        if self.is(Fault::LatestDisorder) && due.iter().any(|(_, room)| room == LATEST) {
            due.reverse();
        }
        if self.is(Fault::DropLastOfBatch) && due.len() > 2 {
            due.pop();
        }
        if self.is(Fault::SleepThrough) && due.is_empty() {
            return Batch { gaps, events: due };
        }
        self.cursor = next;
        Batch { gaps, events: due }
    }

    /// Joins a room.
    pub(super) fn joins(&mut self, room: &str, from: usize) {
        self.rooms.push((room.to_owned(), from));
        self.joined.insert(room.to_owned(), from);
    }

    /// The rooms whose floor is beyond both the cursor and their join.
    pub(super) fn missing(&mut self, log: &Log) -> Vec<Value> {
        let (fault, cursor) = (self.fault, self.cursor);
        let lost = |(room, from): &(String, usize)| {
            log.rule(room).disconnects && log.floor(room) > cursor.max(*from)
        };
        let away = self.live && self.rooms.iter().any(lost) && !self.is(Fault::NoDisconnect);
        let busy = self.is(Fault::DisconnectForNothing) && self.live && cursor % 5 == 4;
        if away || busy {
            self.send_away();
            return Vec::new();
        }
        let mut gaps = Vec::new();
        for (room, from) in &mut self.rooms {
            let (low, floor) = (cursor.max(*from), log.floor(room));
            let floor = match fault {
                Some(Fault::GapOfQuietRoom) => log.highest_floor(),
                Some(Fault::SkipFloorCheck) => 0,
                _ => floor,
            };
            if floor <= low {
                continue;
            }
            let to = match fault {
                Some(Fault::GapTooLarge) => log.head,
                Some(Fault::GapTooSmall) => floor - 1,
                _ => floor,
            };
            if fault != Some(Fault::GapAgainAndAgain) {
                *from = floor;
            }
            let (from, to) = (log.cursor(low), log.cursor(to));
            gaps.push(
                json!({"type": "gap", "room": room, "from": from, "to": to, "reason": "evicted"}),
            );
        }
        gaps
    }

    fn answer(&mut self, log: &Log, batch: &Batch, told: &[String]) {
        let events: Vec<_> = batch
            .events
            .iter()
            .map(|(event, room)| self.envelope(log, event, room))
            .collect();
        let at = if self.is(Fault::CursorAtHead) {
            log.head
        } else {
            self.cursor
        };
        let (cursor, gaps, events) = (
            log.cursor(at),
            Value::from(batch.gaps.clone()),
            events.join(","),
        );
        let control = match self.transport {
            Transport::History => String::new(),
            _ => {
                let control = self.control(log, told).join(",");
                format!(r#""control":[{control}],"#)
            }
        };
        let body = format!(
            r#"{{"cursor":"{cursor}","events":[{events}],"gaps":{gaps},{control}"more":false}}"#
        );
        self.out.push_back(Raw::Body(body));
        self.over = true;
    }
}
