//! A client of Socket.IO, whatever it sends: our packets are what a decoder written from the document finds, or we are
//! stricter by name.

mod document;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Value, json};

use super::assert_tells_why;
use crate::model::json::Json;
use crate::model::time::Moment;
use crate::wire::engineio::Packet as Message;
use crate::wire::engineio::payload::{PACKETS, Payload, Terms};
use crate::wire::socketio::{Body, Event, Fault, Packet, Reassembler, encoder};

/// The longest packet with its attachments, in bytes.
const LONGEST: usize = 1 << 12;

/// The messages of a client, as a body of polling that knows nothing but messages: its packets' kinds are not looked at.
pub fn socketio(data: &[u8]) {
    let terms = Terms {
        bytes: usize::MAX,
        packets: PACKETS,
    };
    let Ok(messages) = Payload::new(data, terms) else {
        return;
    };
    let mut client = Client {
        reassembler: Reassembler::new(LONGEST),
        announced: String::new(),
        attachments: Vec::new(),
    };
    for message in messages.flatten() {
        let Ok(packet) = client.takes(&message) else {
            return;
        };
        if let Some(packet) = packet {
            assert_can_be_sent(packet);
        }
    }
}

/// A client, and what it has sent since its last packet was whole.
struct Client {
    reassembler: Reassembler,
    announced: String,
    attachments: Vec<Bytes>,
}

impl Client {
    fn takes(&mut self, message: &Message<'_>) -> Result<Option<Packet>, Fault> {
        let is_waiting = self.reassembler.deadline().is_some();
        let taken = match message {
            Message::Text { data, .. } => {
                (*data).clone_into(&mut self.announced);
                self.attachments.clear();
                self.reassembler.text(data, Moment::default())
            }
            Message::Binary(bytes) => {
                self.attachments.push(bytes.clone());
                self.reassembler.binary(bytes.clone())
            }
        };
        match &taken {
            Ok(Some(packet)) => self.assert_is_meant(packet),
            Ok(None) => assert!(self.reassembler.deadline().is_some(), "it waits"),
            Err(fault) => {
                self.assert_is_a_mistake(
                    *fault,
                    matches!(message, Message::Text { .. }),
                    is_waiting,
                );
                assert_eq!(self.reassembler.text("0", Moment::default()), Ok(None));
                assert_eq!(self.reassembler.binary(Bytes::new()), Ok(None));
            }
        }
        taken
    }

    fn assert_is_meant(&self, packet: &Packet) {
        match document::read(&self.announced, &self.attachments) {
            document::Read::Packet(meant) => assert_eq!(meant, value(packet).unwrap()),
            document::Read::Nothing => panic!("{packet:?} from nothing"),
            // Half a character, or a number beyond what a float can be: JSON, and no value of Rust's.
            document::Read::Unreadable => {}
        }
    }

    fn assert_is_a_mistake(&self, fault: Fault, is_text: bool, is_waiting: bool) {
        assert_tells_why(&fault.into());
        match fault {
            Fault::Interrupted => assert!(is_text && is_waiting),
            Fault::Unannounced => assert!(!is_text && !is_waiting),
            Fault::TooLarge { .. } => {
                let attachments: usize = self.attachments.iter().map(Bytes::len).sum();
                assert!(self.announced.len() + attachments > LONGEST);
            }
            // What the document does not rule, or rules in general.
            Fault::Namespace
            | Fault::Id
            | Fault::Depth
            | Fault::TooManyArguments
            | Fault::TooManyAttachments
            | Fault::Placeholder => {}
            Fault::Type
            | Fault::Attachments
            | Fault::Syntax
            | Fault::NoObject
            | Fault::Disconnect
            | Fault::NoEvent
            | Fault::NoAck
            | Fault::NoError
            | Fault::Reserved => {
                let read = document::read(&self.announced, &self.attachments);
                assert!(!matches!(read, document::Read::Packet(_)), "{read:?}");
            }
            Fault::Late => panic!("nobody asked"),
        }
    }
}

/// A packet as the document's decoder gives it, unless it holds what only JSON can.
fn value(packet: &Packet) -> Option<Value> {
    let of = |json: &Json| serde_json::from_str::<Value>(json.as_str()).ok();
    let list = |items: &[Json]| items.iter().map(of).collect::<Option<Vec<_>>>();
    let (kind, id, payload) = match &packet.body {
        Body::Connect(None) => (0, None, Value::Null),
        Body::Connect(Some(auth)) => (0, None, of(auth.expose())?),
        Body::Disconnect => (1, None, Value::Null),
        Body::Event(Event {
            name,
            arguments,
            id,
        }) => {
            let mut items = vec![json!(name)];
            items.extend(list(arguments)?);
            (2, *id, items.into())
        }
        Body::Ack { id, arguments } => (3, Some(*id), list(arguments)?.into()),
        Body::ConnectError(error) => (4, None, of(error)?),
    };
    let namespace = packet.namespace.as_str();
    Some(json!([kind, namespace, id, payload]))
}

/// What came is told to others, and read by them as it came.
fn assert_can_be_sent(packet: Packet) {
    let mut out = Vec::new();
    let namespace = &packet.namespace;
    let attachments = match &packet.body {
        Body::Event(event) => {
            let arguments: Vec<_> = event.arguments.iter().collect();
            encoder::event(&mut out, namespace, event.id, &event.name, &arguments)
        }
        Body::Ack { id, arguments } => {
            let arguments: Vec<_> = arguments.iter().collect();
            encoder::ack(&mut out, namespace, *id, &arguments)
        }
        Body::Disconnect => {
            encoder::disconnect(&mut out, namespace);
            Vec::new()
        }
        Body::ConnectError(data) => {
            encoder::connect_error(&mut out, namespace, data.as_str(), Some(data));
            Vec::new()
        }
        Body::Connect(_) => {
            encoder::connect(&mut out, namespace, "a", None);
            Vec::new()
        }
    };
    let mut again = Client {
        reassembler: Reassembler::new(LONGEST * 8),
        announced: String::new(),
        attachments: Vec::new(),
    };
    let text = std::str::from_utf8(&out).unwrap();
    let message = Message::Text {
        kind: crate::wire::engineio::Kind::Message,
        data: text,
    };
    let mut read = again.takes(&message).unwrap();
    for bytes in attachments {
        assert_eq!(read, None, "attachments follow");
        read = again.takes(&Message::Binary(bytes)).unwrap();
    }
    let read = read.unwrap();
    match packet.body {
        Body::Event(_) | Body::Ack { .. } | Body::Disconnect => assert_eq!(read, packet),
        Body::Connect(_) => assert!(matches!(read.body, Body::Connect(Some(_)))),
        Body::ConnectError(_) => assert!(matches!(read.body, Body::ConnectError(_))),
    }
}
