//! Retained values in the naive gateway's streams.

use serde_json::{Value, json};

use super::super::record::{Raw, Transport};
use super::Fault;
use super::log::Log;
use super::stream::Stream;

impl Stream {
    /// The values of a room as messages.
    pub(super) fn values(&self, log: &Log, room: &str) -> Vec<(String, &'static str)> {
        let mut told = vec![(
            json!({"type": "state_begin", "room": room}).to_string(),
            "state_begin",
        )];
        for ((have, key), value) in &log.values {
            let skipped = match self.fault {
                Some(Fault::SnapshotLacksValues) => *key == "b",
                Some(Fault::StateOfOlderPosition) => value.seq == log.head,
                _ => false,
            };
            if have != room || skipped {
                continue;
            }
            let (key, event, data, ts) = (json!(key), &value.event, &value.data, value.ts);
            let text = format!(
                r#"{{"type":"state","room":"{room}","key":{key},"event":"{event}","data":{data},"ts":{ts}}}"#
            );
            told.push((text, "state"));
        }
        let cursor = log.cursor(log.head);
        let end = json!({"type": "state_end", "room": room, "cursor": cursor});
        told.push((end.to_string(), "state_end"));
        told
    }

    /// Writes the values of a room out; whether a browser is to come back from there.
    pub(super) fn tell_values(&mut self, log: &Log, room: &str, is_position: bool) {
        if self.is(Fault::SnapshotNever) {
            return;
        }
        for (text, kind) in self.values(log, room) {
            let frame = match self.transport {
                Transport::Sse => {
                    let id = match kind {
                        "state_end" if is_position => format!("\nid: {}", log.cursor(log.head)),
                        _ => String::new(),
                    };
                    Raw::Sse(format!("event: {kind}\ndata: {text}{id}"))
                }
                _ => self.framed(text),
            };
            self.out.push_back(frame);
        }
    }

    /// The same in an answer.
    pub(super) fn control(&self, log: &Log, rooms: &[String]) -> Vec<String> {
        if self.is(Fault::SnapshotNever) {
            return Vec::new();
        }
        rooms
            .iter()
            .flat_map(|room| self.values(log, room))
            .map(|(text, _)| text)
            .collect()
    }

    /// The rooms whose values are told now: those that are wanted, once the stream has all that is due.
    pub(super) fn told_now(&mut self, log: &Log) -> Vec<String> {
        if self.cursor < log.head && !self.is(Fault::StateBeforeDue) {
            return Vec::new();
        }
        let wanted = std::mem::take(&mut self.snapshot);
        let joined = |room: &String| self.rooms.iter().any(|(have, _)| have == room);
        wanted.into_iter().filter(joined).collect()
    }

    /// The rooms of gaps that are told now, where the client wants values.
    pub(super) fn wants_values(&mut self, gaps: &[Value]) {
        if !self.asked || self.is(Fault::NoStateAfterGap) {
            return;
        }
        let rooms = gaps.iter().filter(|gap| gap["reason"] != "unauthorized");
        let rooms = rooms.filter_map(|gap| gap["room"].as_str());
        for room in rooms {
            if !self.snapshot.iter().any(|have| have == room) {
                self.snapshot.push(room.to_owned());
            }
        }
    }
}
