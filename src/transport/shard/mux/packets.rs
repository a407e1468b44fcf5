//! What a session's client says.

use std::time::Duration;

use bytes::Bytes;

use crate::model::code::{Code, Refusal};
use crate::transport::context::come_back;
use crate::transport::engineio::item::Item;
use crate::wire::engineio::Kind;
use crate::wire::socketio::{Body, Fault, Packet, Reassembler};
use crate::wire::websocket::decoder::Incoming;
use crate::wire::websocket::encoder as frames;

use super::carrier::{Carrier, Heard};
use super::{ANSWERS, Found, Mux, Round, Turn};
use crate::session::Now;

impl Mux {
    /// The next that the client says. Nothing is heard from it while an answer is due; nor while something waits to be
    /// written to it, but for who polls, which brings its next request only once it is heard: its answers cannot pile up
    /// beyond a bound.
    pub(super) fn hear(&mut self, round: &mut Round<'_>) -> Found {
        let has_room = match &self.carrier {
            Carrier::WebSocket(_) => self.is_writable(),
            Carrier::Polling(_) => self.unwritten.len() <= ANSWERS,
        };
        if !has_room || self.is_busy() {
            return Found::Nothing;
        }
        if let Some(item) = self.more.early() {
            return self.item(item, round.now).into();
        }
        let waker = self.waker();
        let heard = match &mut self.carrier {
            Carrier::Polling(polled) => {
                if polled.items.is_empty() {
                    polled.items = polled.door.items();
                }
                return match polled.items.pop_front() {
                    Some(item) => self.item(item, round.now).into(),
                    None => Found::Nothing,
                };
            }
            Carrier::WebSocket(socket) => socket.hear(&waker, round.scratch),
        };
        match heard {
            Ok(None) => Found::Nothing,
            Ok(Some(Heard::More)) => Found::Ends(Turn::Continues),
            Ok(Some(Heard::Incoming(incoming))) => self.frame(incoming, round.now).into(),
            Ok(Some(Heard::Broken(fault))) => {
                let message = format!("this is no WebSocket: {fault:?}");
                self.broken(Refusal::new(Code::ProtocolError, message))
                    .into()
            }
            Err(_) => Found::Ends(Turn::Gone),
        }
    }

    fn frame(&mut self, incoming: Incoming, now: Now) -> Option<Turn> {
        match incoming {
            Incoming::Text(text) => match Item::of_text(&text) {
                Ok(item) => self.item(item, now),
                Err(fault) => self.broken(fault.into()),
            },
            Incoming::Binary(bytes) => self.item(Item::Binary(bytes.into()), now),
            Incoming::Ping(payload) => {
                self.raw(|out| frames::pong(out, &payload));
                self.charge(now)
            }
            Incoming::Pong(_) => self.charge(now),
            Incoming::Close(frame) => {
                let code = frame.map(|(code, _)| code);
                self.raw(|out| frames::close(out, code.map(|code| (code, ""))));
                Some(Self::closed(true))
            }
        }
    }

    fn item(&mut self, item: Item, now: Now) -> Option<Turn> {
        if self.origin.echo && self.echoes(&item) {
            return None;
        }
        match item {
            // One that nobody asked for costs what any packet does.
            Item::Text(Kind::Pong, _) if !self.heart.is_asked() => return self.charge(now),
            Item::Text(Kind::Pong, _) => self.heart.hear(now.moment),
            Item::Text(Kind::Close, _) => return self.client_closes(),
            Item::Text(Kind::Message, text) => {
                let deadline = now.moment + self.context.rules().timeouts.body;
                let packet = self.assemble(|one| one.text(&text, deadline));
                return self.packet(packet, now);
            }
            Item::Binary(bytes) => {
                let packet = self.assemble(|one| one.binary(bytes));
                return self.packet(packet, now);
            }
            Item::Text(Kind::Ping, _) => {
                let message = "in this revision it is the server that asks";
                return self.broken(Refusal::new(Code::ProtocolError, message));
            }
            // The original takes them, and does nothing.
            Item::Text(Kind::Open | Kind::Upgrade | Kind::Noop, _) => return self.charge(now),
        }
        None
    }

    /// A packet that is no conversation's costs what a message does.
    pub(super) fn charge(&mut self, now: Now) -> Option<Turn> {
        let rate = self.context.rules().session.messages;
        self.packets.take(rate, now.moment).err()?;
        let refusal = Refusal::new(Code::RateLimited, "too many packets").limit("messages");
        self.broken(refusal.retry_after(come_back()))
    }

    /// A message becomes a packet, or a part of one. What is kept meanwhile is kept only as long as something is missing.
    fn assemble(
        &mut self,
        take: impl FnOnce(&mut Reassembler) -> Result<Option<Packet>, Fault>,
    ) -> Result<Option<Packet>, Fault> {
        let longest = || Reassembler::new(self.context.rules().socketio.max_payload);
        let begun = self
            .more
            .0
            .as_mut()
            .and_then(|rare| rare.reassembler.take());
        let mut reassembler = begun.unwrap_or_else(longest);
        let packet = take(&mut reassembler);
        if reassembler.deadline().is_some() {
            self.more.0.get_or_insert_default().reassembler = Some(reassembler);
        }
        self.more.tidy();
        packet
    }

    /// What conformance suites talk to; says whether it was such a packet.
    fn echoes(&mut self, item: &Item) -> bool {
        match item {
            Item::Text(Kind::Message, text) => {
                self.say(|writer| writer.message(|out| out.extend_from_slice(text.as_bytes())));
                true
            }
            Item::Binary(bytes) => {
                self.say(|writer| writer.binary(bytes));
                true
            }
            Item::Text(..) => false,
        }
    }

    fn packet(&mut self, packet: Result<Option<Packet>, Fault>, now: Now) -> Option<Turn> {
        let Packet { namespace, body } = match packet {
            Ok(packet) => packet?,
            Err(fault) => return self.broken(fault.into()),
        };
        let place = (0..self.places()).find(|&place| {
            let conversation = self.conversation(place);
            conversation.is_some_and(|one| one.space().name == namespace)
        });
        match (place, body) {
            (None, Body::Connect(auth)) => self.connect(&namespace, auth, now),
            (Some(place), Body::Event(event)) => {
                let input = self.conversation(place)?.said(&event)?;
                self.run(place, input, now)
            }
            (Some(place), Body::Ack { id, .. }) => {
                let input = self.conversation(place)?.acknowledged(id)?;
                self.run(place, input, now)
            }
            (Some(place), Body::Disconnect) => {
                if let Some(mut left) = self.remove(place) {
                    left.is_over();
                }
                None
            }
            (Some(_), Body::Connect(_)) => self.misplaced("this namespace was joined already"),
            (_, Body::ConnectError(_)) => self.misplaced("clients refuse nobody"),
            // It may have left before it was let in.
            (None, Body::Disconnect) if self.is_joining(&namespace) => {
                self.forget(&namespace);
                None
            }
            (None, Body::Event(_) | Body::Ack { .. } | Body::Disconnect) => {
                self.misplaced("this namespace was not joined")
            }
        }
    }

    pub(super) fn misplaced(&mut self, message: &str) -> Option<Turn> {
        self.broken(Refusal::new(Code::ProtocolError, message))
    }

    /// Adds bytes to what is to be written.
    pub(super) fn raw(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::from(std::mem::take(&mut self.unwritten));
        write(&mut out);
        self.unwritten = Bytes::from(out);
    }

    /// How long what is said last may take.
    pub(super) fn goodbye(&self) -> Duration {
        self.context.goodbye
    }
}
