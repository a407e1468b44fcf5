//! How the naive gateway writes events.

use std::fmt::Write as _;

use serde_json::json;

use super::super::record::{Raw, Transport};
use super::Fault;
use super::log::{Log, Stored};
use super::socketio;
use super::stream::Stream;

impl Stream {
    pub(super) fn write(&mut self, log: &Log, event: &Stored, room: &str) {
        let text = self.envelope(log, event, room);
        let frame = match (self.transport, self.id(log, event)) {
            (Transport::Sse, Some(id)) => {
                Raw::Sse(format!("event: {}\ndata: {text}\nid: {id}", event.event))
            }
            (Transport::Sse, None) => Raw::Sse(format!("event: {}\ndata: {text}", event.event)),
            (Transport::SocketIo, id) => {
                let claims = || log.cursor(self.cursor);
                let offset = id.or_else(|| self.is(Fault::FlashWithOffset).then(claims));
                Raw::SocketIo(socketio::told(&text, offset.as_deref()))
            }
            _ => Raw::WebSocket(text),
        };
        self.out.push_back(frame);
    }

    /// None of what is in no log.
    fn id(&self, log: &Log, event: &Stored) -> Option<String> {
        match self.fault {
            Some(Fault::VolatileWithId) if event.seq == 0 => Some(log.cursor(log.head + 1)),
            _ if event.seq == 0 => None,
            Some(Fault::CursorAtHead) => Some(log.cursor(log.head)),
            _ => Some(log.cursor(event.seq)),
        }
    }

    pub(super) fn envelope(&self, log: &Log, event: &Stored, room: &str) -> String {
        let room = if self.is(Fault::WrongRoom) {
            &event.rooms[0]
        } else {
            room
        };
        let data = match self.fault {
            Some(Fault::RoundNumbers) => event.data.replace("1.50e1", "15.0"),
            Some(Fault::OtherBytesOnLongPoll) if self.transport == Transport::LongPoll => {
                event.data.replace("\"v\":", "\"v\": ")
            }
            Some(Fault::RoundOverSocketIo) if self.transport == Transport::SocketIo => {
                event.data.replace("1.50e1", "15.0")
            }
            _ => event.data.clone(),
        };
        let mut text = String::from("{");
        if let Some(id) = self.id(log, event) {
            let _ = write!(text, r#""id":"{id}","#);
        }
        let (name, ts) = (&event.event, event.ts);
        let _ = write!(
            text,
            r#""room":"{room}","event":"{name}","data":{data},"ts":{ts}"#
        );
        let lost = self.is(Fault::LoseFromOverSocketIo) && self.transport == Transport::SocketIo;
        if let Some(from) = event.from.filter(|_| !lost) {
            let _ = write!(text, r#","from":"{from}""#);
        }
        if let Some(key) = event.key.filter(|_| !self.is(Fault::LoseKeys)) {
            let _ = write!(text, r#","key":{}"#, json!(key));
        }
        if !event.of.is_empty() {
            let _ = write!(text, r#","of":{}"#, json!(event.of));
        }
        text + "}"
    }
}
