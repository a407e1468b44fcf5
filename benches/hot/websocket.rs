//! The frames of a WebSocket: what the gateway writes, and what a client's browser makes of a message.

use std::hint::black_box;

use gatecast::wire::encoded::Encoded;
use gatecast::wire::websocket::decoder::{Decoder, Terms};
use gatecast::wire::websocket::deflate::{deflate, inflate};
use gatecast::wire::websocket::encoder;

use crate::event::held;
use crate::{Job, Work, job};

pub(crate) const JOBS: &[Job] = &[
    job("websocket/frame of an event", 1, frame),
    job("websocket/decode", 100, decode),
    job("websocket/deflate", 1, compress),
    job("websocket/inflate", 1, decompress),
];

fn envelope() -> Vec<u8> {
    let (event, room) = held();
    Encoded::default().envelope(&event, &room).to_vec()
}

fn frame() -> Work {
    let envelope = envelope();
    let mut out = Vec::with_capacity(1024);
    Box::new(move || {
        out.clear();
        encoder::text(&mut out, black_box(&envelope));
        black_box(&out);
    })
}

/// A hundred messages of a client in one piece, masked (RFC 6455 §5.3).
fn decode() -> Work {
    let key = [0x12, 0x34, 0x56, 0x78];
    let message = br#"{"type":"publish","ref":1,"room":"org:acme:unit:7","event":"reading","data":{"unit":7,"value":21.5}}"#;
    let mut one = vec![0x81, 0x80 | u8::try_from(message.len()).unwrap()];
    one.extend(key);
    one.extend(message.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    let stream = one.repeat(100);
    let mut decoder = Decoder::new(Terms {
        message: 1 << 16,
        deflate: false,
    });
    Box::new(move || {
        let mut rest = black_box(&*stream);
        let mut messages = 0;
        while let Some(message) = decoder.next(&mut rest).unwrap() {
            black_box(message);
            messages += 1;
        }
        assert_eq!(messages, 100);
    })
}

fn compress() -> Work {
    let envelope = envelope();
    Box::new(move || {
        black_box(deflate(black_box(&envelope))).unwrap();
    })
}

fn decompress() -> Work {
    let envelope = envelope();
    let compressed = deflate(&envelope).unwrap();
    Box::new(move || {
        let message = inflate(black_box(&compressed), 1 << 16).unwrap();
        assert_eq!(message.len(), envelope.len());
    })
}
