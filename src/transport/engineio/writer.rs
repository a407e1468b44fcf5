//! Packets of Engine.IO on their way out: each a message of a WebSocket, or an item of a body of polling.

use crate::wire::engineio::{Kind, Transport, payload};
use crate::wire::websocket::encoder;

/// Adds packets to bytes that are to be written.
pub struct Writer<'a> {
    carrier: Transport,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// One for what is reached by `carrier`.
    pub const fn new(carrier: Transport, out: &'a mut Vec<u8>) -> Self {
        Self { carrier, out }
    }

    /// Adds a packet of text: its first byte says of which kind.
    pub fn packet(&mut self, packet: &[u8]) {
        match self.carrier {
            Transport::WebSocket => encoder::text(self.out, packet),
            Transport::Polling => payload::push_text(self.out, packet),
        }
    }

    /// Adds a packet of `kind` that says nothing.
    pub fn bare(&mut self, kind: Kind) {
        self.packet(&[kind.digit()]);
    }

    /// Adds a message of text, which `write` writes.
    pub fn message(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut packet = vec![Kind::Message.digit()];
        write(&mut packet);
        self.packet(&packet);
    }

    /// Adds a message of bytes.
    pub fn binary(&mut self, bytes: &[u8]) {
        match self.carrier {
            Transport::WebSocket => encoder::binary(self.out, bytes),
            Transport::Polling => payload::push_binary(self.out, bytes),
        }
    }
}
