//! What a client of ours makes of a stream, whatever a gateway or something on the way puts into it.

use super::event_stream::decoder;
use crate::wire::message::{Message, Poll, Refusal};
use crate::wire::sse::decoder::{Decoder, Event};

/// The bytes of an event stream; as a whole also a message, the answer of a poll, and a problem.
pub fn client_stream(data: &[u8]) {
    let whole = read([data].into_iter());
    assert_eq!(whole, read(data.chunks(1)), "byte by byte");
    assert_eq!(whole, by_the_standard(data), "whole");
    for event in &whole.events {
        assert_keeps_what_counts(&event.data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert_keeps_what_counts(text);
    }
    // Whatever they are, they are read without a panic.
    let _ = (Poll::parse(data), Refusal::parse(data));
}

#[derive(Debug, PartialEq, Eq)]
struct Stream {
    events: Vec<Event>,
    /// In milliseconds.
    retry: Option<u128>,
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Stream {
    let mut decoder = Decoder::new(usize::MAX);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut events).unwrap();
    }
    let retry = decoder.retry().map(|retry| retry.as_millis());
    Stream { events, retry }
}

/// The same through the decoder that shares nothing with ours.
fn by_the_standard(data: &[u8]) -> Stream {
    let mut decoder = decoder::Decoder::default();
    let messages = decoder.feed(data).into_iter();
    let events = messages.map(|message| Event {
        name: message.event,
        data: message.data,
        id: message.id,
    });
    Stream {
        events: events.collect(),
        retry: decoder.retry.map(u128::from),
    }
}

/// An event keeps its bytes, and a gap is told again as it came.
fn assert_keeps_what_counts(text: &str) {
    let Ok(message) = Message::parse(text) else {
        return;
    };
    if let Message::Event(event) = &message {
        assert_eq!(event.envelope, text);
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&event.data).is_ok());
    }
    if let Message::Gap(gap) = &message {
        assert_eq!(Message::parse(&gap.to_json()), Ok(message.clone()));
    }
}
