//! A WebSocket on trial: it is to carry a session that requests carry, once it has shown that it can.

use std::io;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;

use crate::model::time::Moment;
use crate::transport::engineio::door::Offered;
use crate::transport::engineio::item::Item;
use crate::transport::engineio::writer::Writer;
use crate::transport::socketio::Settings;
use crate::wire::engineio::{Kind, Transport};
use crate::wire::websocket::decoder::Incoming;
use crate::wire::websocket::encoder;

use super::carrier::{Heard, Socket};

/// What shows that it can.
const PROBE: &str = "probe";
/// How long a GET waits at most while a WebSocket is on trial, as with the original.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Control frames that it takes: a client has no reason to send more until it is through.
const FRAMES: u8 = 8;

/// A WebSocket on trial.
pub(super) struct Trial {
    pub(super) socket: Socket,
    unwritten: Bytes,
    /// When it has taken too long.
    until: Moment,
    /// When a GET that waits is told to wait no more; nothing before it was probed.
    pub(super) tick: Option<Moment>,
    /// Control frames that came.
    frames: u8,
}

/// What has come of it.
pub(super) enum Outcome {
    /// Nothing yet.
    Goes,
    /// It has shown that it can be written to and read from.
    Probed,
    /// It carries the session from now on.
    Upgrades,
    /// It does not.
    Fails,
}

impl Trial {
    /// Begins with what is offered.
    pub(super) fn new(offered: Offered, message: usize, now: Moment) -> Self {
        Self {
            socket: Socket::new(offered.io, message),
            unwritten: offered.head.into(),
            until: now + Settings::UPGRADE,
            tick: None,
            frames: 0,
        }
    }

    /// When it wants a turn, at the latest.
    pub(super) fn deadline(&self) -> Moment {
        self.tick.map_or(self.until, |tick| tick.min(self.until))
    }

    /// Goes on with it.
    pub(super) fn step(&mut self, waker: &Waker, scratch: &mut [u8], now: Moment) -> Outcome {
        if now >= self.until || self.frames > FRAMES {
            return Outcome::Fails;
        }
        match self.try_step(waker, scratch) {
            Ok(Outcome::Probed) => {
                self.tick.get_or_insert(now + TICK);
                Outcome::Probed
            }
            Ok(outcome) => outcome,
            Err(_) => Outcome::Fails,
        }
    }

    fn try_step(&mut self, waker: &Waker, scratch: &mut [u8]) -> io::Result<Outcome> {
        if self.socket.write(waker, &mut self.unwritten)? {
            return Ok(Outcome::Goes);
        }
        let text = match self.socket.hear(waker, scratch)? {
            None => return Ok(Outcome::Goes),
            Some(Heard::More) => {
                waker.wake_by_ref();
                return Ok(Outcome::Goes);
            }
            Some(Heard::Incoming(Incoming::Text(text))) => text,
            Some(Heard::Incoming(Incoming::Ping(payload))) => {
                self.frames += 1;
                let mut out = Vec::new();
                encoder::pong(&mut out, &payload);
                return self.say(waker, out, Outcome::Goes);
            }
            Some(Heard::Incoming(Incoming::Pong(_))) => {
                self.frames += 1;
                waker.wake_by_ref();
                return Ok(Outcome::Goes);
            }
            Some(Heard::Incoming(Incoming::Binary(_) | Incoming::Close(_)) | Heard::Broken(_)) => {
                return Ok(Outcome::Fails);
            }
        };
        match Item::of_text(&text) {
            Ok(Item::Text(Kind::Ping, data)) if data == PROBE && self.tick.is_none() => {
                let mut out = Vec::new();
                let pong = Kind::Pong.packet(data.as_bytes());
                Writer::new(Transport::WebSocket, &mut out).packet(&pong);
                self.say(waker, out, Outcome::Probed)
            }
            Ok(Item::Text(Kind::Upgrade, _)) if self.tick.is_some() => Ok(Outcome::Upgrades),
            Ok(Item::Text(..) | Item::Binary(_)) | Err(_) => Ok(Outcome::Fails),
        }
    }

    fn say(&mut self, waker: &Waker, out: Vec<u8>, outcome: Outcome) -> io::Result<Outcome> {
        self.unwritten = out.into();
        self.socket.write(waker, &mut self.unwritten)?;
        // There may be more in what has come.
        waker.wake_by_ref();
        Ok(outcome)
    }

    /// It carries the session: its socket, and what was not written to it yet.
    pub(super) fn into_socket(self) -> (Socket, Bytes) {
        (self.socket, self.unwritten)
    }
}
