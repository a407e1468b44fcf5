//! Rooms joined and left in the naive gateway.

use serde_json::{Value, json};

use super::super::record::{Raw, Transport};
use super::log::Log;
use super::stream::Stream;
use super::{Fault, granted};

impl Stream {
    /// A client message; what it gives is the answer.
    pub(super) fn ask(&mut self, log: &Log, text: &str) -> Option<String> {
        let message: Value = serde_json::from_str(text).ok()?;
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
            }
            return Some(ack);
        }
        let since = message["since"].as_str().and_then(|since| log.parse(since));
        if self.is(Fault::AckBeforeBackfill) && self.transport == Transport::WebSocket {
            self.out.push_back(Raw::WebSocket(ack.clone()));
        }
        match since {
            Some((_, since)) => self.backfill(log, &room, since),
            None if self.is(Fault::EventBeforeJoin) => self.rooms.push((room, 0)),
            None if self.is(Fault::JoinFromCursor) => self.rooms.push((room, self.cursor)),
            None => self.rooms.push((room, log.head)),
        }
        let already = self.is(Fault::AckBeforeBackfill) && self.transport == Transport::WebSocket;
        Some(ack).filter(|_| !already)
    }

    pub(super) fn backfill(&mut self, log: &Log, room: &str, since: usize) {
        let floor = log.floor(room);
        let (low, high) = (since.max(floor), log.head);
        if floor > since && !self.is(Fault::BackfillWithoutGap) {
            let (from, to) = (log.cursor(since), log.cursor(floor));
            let gap =
                json!({"type": "gap", "room": room, "from": from, "to": to, "reason": "evicted"});
            self.say(&gap, None);
        }
        let events: Vec<_> = log.held(room).filter(|event| event.seq > low).collect();
        for pair in events.chunks(2) {
            let texts: Vec<_> = pair
                .iter()
                .map(|event| self.envelope(log, event, room))
                .collect();
            let text = format!(
                r#"{{"type":"backfill","room":"{room}","events":[{}]}}"#,
                texts.join(",")
            );
            self.out.push_back(match self.transport {
                Transport::Sse => Raw::Sse(format!("event: backfill\ndata: {text}")),
                _ => Raw::WebSocket(text),
            });
        }
        let from = if self.is(Fault::BackfillTwice) {
            low
        } else {
            high
        };
        self.rooms.push((room.to_owned(), from));
    }
}
