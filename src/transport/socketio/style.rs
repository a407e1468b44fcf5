//! How the events of a namespace are written: clients of the same style share the bytes of what they are all given.

use bytes::Bytes;
use serde::Serialize;

use crate::bus::rooms::Delivery;
use crate::model::event::Event;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::transport::engineio::writer::Writer;
use crate::wire::engineio::Transport;
use crate::wire::socketio::{Namespace, arguments, encoder};

/// How events are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// What carries them.
    pub carrier: Transport,
    /// The namespace of the conversation.
    pub namespace: Namespace,
    /// Whether each has a last argument more, which the client comes back with: the position up to which it has all.
    pub offset: bool,
    /// Whether each has a second argument: what is known about it.
    pub meta: bool,
}

/// What is known about an event besides its payload.
#[derive(Serialize)]
struct Meta<'a> {
    room: &'a Room,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    ts: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    of: Vec<String>,
}

impl Style {
    /// The bytes of `events`, for one write.
    pub fn events(&self, events: &[Delivery]) -> Bytes {
        let mut out = Vec::new();
        events.iter().for_each(|event| self.event(event, &mut out));
        out.into()
    }

    /// Adds one event. It is to be acknowledged where it is to be confirmed: by its number in the log, which is below 2^53
    /// for longer than anybody publishes.
    pub fn event(&self, delivery: &Delivery, out: &mut Vec<u8>) {
        let event = delivery.event();
        let mut arguments = arguments::split(&event.data);
        if self.meta {
            arguments.push(meta(event, delivery.room()));
        }
        let confirms = event.more.as_ref().is_some_and(|more| more.confirm);
        let id = confirms.then_some(event.position.seq);
        let name = event.name.as_str();
        match event.id() {
            // The library looks for it behind all arguments, and finds the acknowledgement there where one is wanted.
            Some(position) if self.offset && id.is_none() => {
                arguments.push(Json::string(&position.to_cursor()));
                self.put(None, name, &arguments, out);
            }
            Some(_) => self.put(id, name, &arguments, out),
            // What is volatile says nothing of how far its client is: it may be given later than it was published.
            None => self.emit(name, arguments, out),
        }
    }

    /// Adds what is no event of the log. Where clients come back with the last text that they were told, it does not end
    /// with one: that would not say how far they are.
    pub fn emit(&self, name: &str, mut arguments: Vec<Json>, out: &mut Vec<u8>) {
        let is_text = |last: &Json| last.as_str().starts_with('"');
        if self.offset && arguments.last().is_some_and(is_text) {
            arguments.push(Json::null());
        }
        self.put(None, name, &arguments, out);
    }

    /// Adds an event of the past, whose arguments say how far its client is where they have to.
    pub fn past(&self, name: &str, arguments: &[Json], out: &mut Vec<u8>) {
        self.put(None, name, arguments, out);
    }

    fn put(&self, id: Option<u64>, name: &str, arguments: &[Json], out: &mut Vec<u8>) {
        let arguments: Vec<_> = arguments.iter().collect();
        let mut attachments = Vec::new();
        let mut writer = Writer::new(self.carrier, out);
        writer.message(|packet| {
            attachments = encoder::event(packet, &self.namespace, id, name, &arguments);
        });
        attachments.iter().for_each(|bytes| writer.binary(bytes));
    }

    /// Adds the answer to the event of this `id`.
    pub fn ack(&self, id: u64, arguments: &[Json], out: &mut Vec<u8>) {
        let arguments: Vec<_> = arguments.iter().collect();
        let mut attachments = Vec::new();
        let mut writer = Writer::new(self.carrier, out);
        writer.message(|packet| {
            attachments = encoder::ack(packet, &self.namespace, id, &arguments);
        });
        attachments.iter().for_each(|bytes| writer.binary(bytes));
    }
}

/// How many bytes an event is as a packet of the main namespace, without meta and offset.
pub fn size(delivery: &Delivery) -> usize {
    let event = delivery.event();
    r#"42["",]"#.len() + event.name.as_str().len() + event.data.as_bytes().len()
}

fn meta(event: &Event, room: &Room) -> Json {
    Json::around(&Meta {
        room,
        id: event.id().map(|id| id.to_cursor()),
        ts: event.ts,
        from: event.from.as_deref(),
        key: event
            .more
            .as_ref()
            .and_then(|more| more.key.as_ref())
            .map(|key| key.as_str()),
        of: event.more.as_ref().map_or_else(Vec::new, |more| {
            more.of.iter().map(|raw| raw.to_cursor()).collect()
        }),
    })
}
