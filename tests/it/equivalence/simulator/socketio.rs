//! The naive gateway speaks Socket.IO: packets of what it says elsewhere, and streams that come back as who they were.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::record::{Opening, Raw, Start, Transport};
use super::super::run::Get;
use super::log::Log;
use super::stream::Stream;
use super::{Fault, Simulator};

/// What is kept of a stream whose client may come back.
pub(super) struct Before {
    pid: String,
    name: usize,
    rooms: Vec<(String, usize)>,
    began: usize,
}

/// An envelope, as its members stand in it.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    room: &'a RawValue,
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    ts: &'a RawValue,
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    of: Option<&'a RawValue>,
}

impl Simulator {
    /// The stream that may go on under this name; it is nobody else's from now on.
    pub(super) fn takes_over(&mut self, opening: &Opening) -> Option<Before> {
        let pid = opening.pid.clone()?;
        let is_it = |stream: &&mut Stream| stream.pid.as_ref() == Some(&pid);
        let stream = self.streams.iter_mut().find(is_it)?;
        stream.pid = None;
        let from = |room: &String| stream.joined.get(room).copied();
        let joined = |(room, _): &(String, usize)| (room.clone(), from(room).unwrap_or_default());
        Some(Before {
            pid,
            name: stream.name,
            rooms: stream.rooms.iter().map(joined).collect(),
            began: stream.began,
        })
    }

    /// Nobody comes back to a gateway that has forgotten all.
    pub(super) fn forget_who_was_there(&mut self) {
        for stream in &mut self.streams {
            stream.pid = None;
        }
    }
}

impl Stream {
    /// Lets a client in: as who it was if it was somebody, and nothing that it lacks is gone; else it is told the gaps.
    pub(super) fn join_namespace(
        log: &Log,
        get: &Get,
        name: usize,
        before: Option<Before>,
        now: Duration,
    ) -> Self {
        let mut stream = Self::new(log, get, name, log.fault, now);
        let new = format!("pid-{}-{name}", log.life);
        let Some(before) = before.filter(|_| !stream.is(Fault::RecoverNobody)) else {
            return stream.let_in(new);
        };
        let another = stream.is(Fault::RecoverAsAnother);
        stream.name = if another { name } else { before.name };
        stream.began = before.began;
        let offset = match &get.opening.start {
            Start::At(offset) => log.parse(offset),
            _ => None,
        };
        let at = offset.map_or(before.began, |(_, seq)| seq);
        stream.cursor = match log.fault {
            Some(Fault::RecoverAtHead) => log.head,
            Some(Fault::RecoverTwice) => at.saturating_sub(1),
            _ => at,
        };
        stream.joined = before.rooms.iter().cloned().collect();
        stream.rooms = before.rooms;
        if stream.is(Fault::RecoverBeforeJoin) {
            stream.rooms.iter_mut().for_each(|(_, from)| *from = 0);
        }
        if stream.is(Fault::RecoverWithoutRoom) {
            stream.rooms.truncate(1);
        }
        stream.gaps = stream.missing(log);
        let whole = stream.gaps.is_empty() || stream.is(Fault::RecoverInSpite);
        stream.let_in(if whole { before.pid } else { new })
    }

    fn let_in(mut self, pid: String) -> Self {
        self.live = true;
        let told = json!({"sid": self.name.to_string(), "pid": pid});
        self.out.push_back(Raw::SocketIo(format!("40{told}")));
        self.pid = Some(pid);
        self
    }

    /// The frame of a message.
    pub(super) fn framed(&self, text: String) -> Raw {
        match self.transport {
            Transport::SocketIo => Raw::SocketIo(packet(&text)),
            _ => Raw::WebSocket(text),
        }
    }
}

/// The packet of an event that is written so elsewhere, and where its client is then, unless that is left open.
pub(super) fn told(envelope: &str, offset: Option<&str>) -> String {
    let Members {
        id,
        room,
        event,
        data,
        ts,
        from,
        key,
        of,
    } = serde_json::from_str(envelope).unwrap();
    let members = [
        ("room", Some(room)),
        ("id", id),
        ("ts", Some(ts)),
        ("from", from),
        ("key", key),
        ("of", of),
    ];
    let members = members.iter();
    let members = members.filter_map(|(name, value)| Some(format!(r#""{name}":{}"#, (*value)?)));
    let meta = members.collect::<Vec<_>>().join(",");
    let offset = offset.map(|offset| format!(r#","{offset}""#));
    let offset = offset.unwrap_or_default();
    format!(r#"42[{event},{data},{{{meta}}}{offset}]"#)
}

/// The packet of a control message, or of an answer, which bears the number of what was asked.
fn packet(text: &str) -> String {
    let mut message: Value = serde_json::from_str(text).unwrap();
    let fields = message.as_object_mut().unwrap();
    let kind = fields.remove("type").unwrap();
    let reference = fields.remove("ref");
    let number = reference.as_ref().and_then(Value::as_u64);
    match (kind.as_str(), number) {
        (Some("ack"), Some(number)) => format!("43{number}[{message}]"),
        (_, Some(number)) => format!("43{number}[{}]", json!({ "error": message })),
        // The tokens of a value are its publisher's.
        _ => match text.strip_prefix(r#"{"type":"state","#) {
            Some(rest) => format!(r#"42["state",{{{rest}]"#),
            None => format!("42[{kind},{message}]"),
        },
    }
}

/// The client message that an emitted event means.
pub(super) fn asked(packet: &str) -> Option<Value> {
    let (number, arguments) = packet.strip_prefix("42")?.split_once('[')?;
    let said: Value = serde_json::from_str(&format!("[{arguments}")).ok()?;
    let mut message = said[1].clone();
    message["type"] = said[0].clone();
    message["ref"] = number.parse::<u64>().ok()?.into();
    Some(message)
}
