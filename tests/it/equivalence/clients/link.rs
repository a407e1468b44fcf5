//! A client's socket: it takes a counted number of bytes, and what is not whole by then never was.

use std::time::Duration;

use super::super::record::{Raw, Transport};
use super::super::run::Taken;
use super::carrier::Carrier;
use super::http::Response;
use super::sse::Blocks;
use super::websocket::{Frames, Message, frame};
use crate::support::patiently;

/// How long a read waits for more, in real time. What comes later is read later.
const MOMENT: Duration = Duration::from_millis(2);

/// One connection.
pub(in super::super) struct Link {
    carrier: Carrier,
    transport: Transport,
    response: Response,
    blocks: Blocks,
    frames: Frames,
    /// What it says once it may: the CONNECT of Socket.IO.
    greeting: Option<String>,
    over: bool,
}

impl Link {
    /// A stream whose request was sent.
    pub(in super::super) fn new(
        carrier: Carrier,
        transport: Transport,
        greeting: Option<String>,
    ) -> Self {
        Self {
            carrier,
            transport,
            response: Response::new(),
            blocks: Blocks::default(),
            frames: Frames::default(),
            greeting,
            over: false,
        }
    }

    /// Takes at most `most` bytes of what is there.
    pub(in super::super) async fn read(&mut self, most: usize) -> Taken {
        let mut left = most;
        let mut frames = Vec::new();
        while left > 0 && !self.over {
            match patiently(MOMENT, self.carrier.read(left, &mut self.response)).await {
                None => break,
                Some(Err(_)) => self.over = true,
                Some(Ok(count)) => left -= count,
            }
            self.decode(&mut frames).await;
        }
        Taken {
            frames,
            over: self.over,
        }
    }

    async fn decode(&mut self, out: &mut Vec<Raw>) {
        match (self.response.status, self.transport) {
            (0, _) => {}
            (101, Transport::WebSocket | Transport::SocketIo) => {
                let body = std::mem::take(&mut self.response.body);
                for message in self.frames.feed(&body) {
                    self.message(message, out).await;
                }
            }
            (200, Transport::Sse) => {
                let body = std::mem::take(&mut self.response.body);
                out.extend(self.blocks.feed(&body).into_iter().map(Raw::Sse));
                self.over = self.over || self.response.whole();
            }
            (status, transport) if self.response.whole() => {
                let text = String::from_utf8(std::mem::take(&mut self.response.body)).unwrap();
                let polled = matches!(transport, Transport::LongPoll | Transport::History);
                out.push(if status == 200 && polled {
                    Raw::Body(text)
                } else {
                    Raw::Refused(status, text)
                });
                self.over = true;
            }
            _ => {}
        }
    }

    async fn message(&mut self, message: Message, out: &mut Vec<Raw>) {
        match message {
            Message::Text(packet) if self.transport == Transport::SocketIo => {
                self.packet(packet, out).await;
            }
            Message::Text(text) => out.push(Raw::WebSocket(text)),
            Message::Ping(payload) => self.write(10, &payload).await,
            Message::Close(code) => {
                out.push(Raw::Close(code));
                self.over = true;
            }
            Message::Broken(what) => out.push(Raw::Broken(what)),
        }
    }

    /// A packet of Engine.IO: its handshake is answered by the greeting, and each of its pings by a pong.
    async fn packet(&mut self, packet: String, out: &mut Vec<Raw>) {
        if packet == "2" {
            return self.say("3").await;
        }
        match self.greeting.take() {
            Some(greeting) if packet.starts_with("0{") => self.say(&greeting).await,
            Some(_) => out.push(Raw::Broken(format!("no handshake: {packet}"))),
            None => out.push(Raw::SocketIo(packet)),
        }
    }

    /// Sends a text message.
    pub(in super::super) async fn say(&mut self, text: &str) {
        self.write(1, text.as_bytes()).await;
    }

    async fn write(&mut self, opcode: u8, payload: &[u8]) {
        self.carrier.write(&frame(opcode, payload)).await;
    }
}
