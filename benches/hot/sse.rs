//! Blocks of an event stream, made and read, and the control messages, which all transports share.

use std::hint::black_box;
use std::time::Duration;

use gatecast::model::position::{Epoch, Position};
use gatecast::model::time::UnixMillis;
use gatecast::wire::control::{Control, Welcome};
use gatecast::wire::encoded::Encoded;
use gatecast::wire::sse::{control, decoder::Decoder};

use crate::event::{held, room};
use crate::{Job, Work, job};

pub(crate) const JOBS: &[Job] = &[
    job("sse/block of an event", 1, block),
    job("sse/block that is shared", 1, shared),
    job("sse/welcome", 1, welcome),
    job("sse/heartbeat", 1, heartbeat),
    job("sse/decode", 100, decode),
];

/// What the first reader of an event pays for all: the JSON envelope and the block around it.
fn block() -> Work {
    let (event, room) = held();
    Box::new(move || {
        black_box(Encoded::default().sse(black_box(&event), &room));
    })
}

/// What each further reader pays.
fn shared() -> Work {
    let (event, room) = held();
    let encoded = Encoded::default();
    Box::new(move || {
        black_box(encoded.sse(black_box(&event), &room));
    })
}

fn position() -> Position {
    Position {
        epoch: Epoch::from_random(0x1234_5678_9abc_def0),
        seq: 123_456,
    }
}

fn welcome() -> Work {
    let message = Control::Welcome(Welcome {
        stream: "0123456789abcdef01234567".to_owned(),
        cursor: Some(position()),
        rooms: vec![room(1), room(2)],
        principal: "lobby-tv".to_owned(),
        role: "display".to_owned(),
        heartbeat_ms: 15_000,
        expires_in_ms: None,
        recovered: Some(true),
        ts: UnixMillis(1_800_000_000_000),
    });
    Box::new(move || {
        black_box(control(black_box(&message), Some(Duration::from_secs(2))));
    })
}

fn heartbeat() -> Work {
    let message = Control::Heartbeat {
        cursor: position(),
        ts: UnixMillis(1_800_000_000_000),
    };
    Box::new(move || {
        black_box(control(black_box(&message), None));
    })
}

/// A hundred events in one piece, as a client that is behind gets them.
fn decode() -> Work {
    let (event, room) = held();
    let stream = Encoded::default().sse(&event, &room).repeat(100);
    let mut decoder = Decoder::new(1 << 16);
    let mut events = Vec::with_capacity(100);
    Box::new(move || {
        events.clear();
        decoder.push(black_box(&stream), &mut events).unwrap();
        assert_eq!(events.len(), 100);
    })
}
