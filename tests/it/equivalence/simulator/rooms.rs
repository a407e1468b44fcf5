//! Rooms joined and left in the naive gateway.

use serde_json::{Value, json};

use super::super::record::{Raw, Transport};
use super::log::Log;
use super::socketio;
use super::stream::Stream;
use super::{Fault, granted};

impl Stream {
    /// A client message; what it gives is the answer.
    pub(super) fn ask(&mut self, log: &Log, text: &str) -> Option<String> {
        let message: Value = match self.transport {
            Transport::SocketIo => socketio::asked(text)?,
            _ => serde_json::from_str(text).ok()?,
        };
        let (room, reference) = (message["room"].as_str()?.to_owned(), message["ref"].clone());
        if !granted(&room) && !self.is(Fault::UngrantedRoom) {
            let error =
                json!({"type": "error", "ref": reference, "code": "forbidden", "message": "no"});
            return Some(error.to_string());
        }
        let ack = json!({"type": "ack", "ref": reference, "room": room}).to_string();
        if message["type"] == "unsubscribe" {
            if !self.is(Fault::EventAfterLeave) {
                self.rooms.retain(|(have, _)| *have != room);
                self.gaps
                    .retain(|gap| gap["reason"] != "evicted" || gap["room"] != room.as_str());
            }
            return Some(ack);
        }
        let mut past = Past::default();
        match message["since"].as_str().and_then(|since| log.parse(since)) {
            Some(since) => past = self.past(log, &room, since),
            None if self.is(Fault::EventBeforeJoin) => self.joins(&room, 0),
            None if self.is(Fault::JoinFromCursor) => self.joins(&room, self.cursor),
            None => self.joins(&room, log.head),
        }
        if message["snapshot"] == true && !self.is(Fault::JoinWithoutState) {
            self.snapshot.push(room.clone());
        }
        if self.transport == Transport::Sse {
            return Some(past.in_the_answer(&reference, &room));
        }
        let early = match self.transport {
            Transport::SocketIo => Fault::AckBeforePast,
            _ => Fault::AckBeforeBackfill,
        };
        if self.is(early) {
            let ack = self.framed(ack);
            self.out.push_back(ack);
            past.on_the_stream(self, &room);
            return None;
        }
        past.on_the_stream(self, &room);
        Some(ack)
    }

    /// What is missing and what is held of `room` since then; from now on it is part of the stream.
    fn past(&mut self, log: &Log, room: &str, (life, since): (usize, usize)) -> Past {
        let floor = log.floor(room);
        let other = life != log.life;
        let low = if other { floor } else { since.max(floor) };
        let (from, to) = (log.cursor_in(life, since), log.cursor(floor));
        let reason = if other { "epoch" } else { "evicted" };
        let missing = match other {
            true => !self.is(Fault::JoinOverLivesInSilence),
            false => floor > since && !self.is(Fault::BackfillWithoutGap),
        };
        let gap = missing.then(
            || json!({"type": "gap", "room": room, "from": from, "to": to, "reason": reason}),
        );
        let shared = |rooms: &[String]| self.rooms.iter().any(|(have, _)| rooms.contains(have));
        let events = log.held(room).filter(|event| {
            event.seq > low
                && !self.is_excepted(event)
                && !(self.is(Fault::BackfillWithoutShared) && shared(&event.rooms))
        });
        let at = if self.is(Fault::OffsetAtHead) {
            log.head
        } else {
            self.cursor
        };
        let offset = log.cursor(at);
        let events = events.map(|event| self.envelope(log, event, room));
        let events = match self.transport {
            Transport::SocketIo => {
                let told = |text: String| socketio::told(&text, Some(&offset));
                events.map(told).collect()
            }
            _ => events.collect(),
        };
        let again = self.is(Fault::BackfillTwice);
        let joined = if again { low } else { log.head };
        self.joins(room, joined);
        Past { gap, events }
    }
}

/// The past of a room that is joined.
#[derive(Default)]
struct Past {
    gap: Option<Value>,
    events: Vec<String>,
}

impl Past {
    fn on_the_stream(self, stream: &mut Stream, room: &str) {
        if let Some(gap) = &self.gap {
            stream.say(gap, None);
        }
        if stream.transport == Transport::SocketIo {
            let events = self.events.into_iter().map(Raw::SocketIo);
            return stream.out.extend(events);
        }
        for pair in self.events.chunks(2) {
            let events = pair.join(",");
            let text = format!(r#"{{"type":"backfill","room":"{room}","events":[{events}]}}"#);
            stream.out.push_back(Raw::WebSocket(text));
        }
    }

    fn in_the_answer(self, reference: &Value, room: &str) -> String {
        let (gaps, events) = (Vec::from_iter(self.gap), self.events.join(","));
        let gaps = Value::from(gaps);
        format!(
            r#"{{"type":"ack","ref":{reference},"room":"{room}","gaps":{gaps},"events":[{events}]}}"#
        )
    }
}
