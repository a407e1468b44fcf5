//! What a client remembers.

use super::super::message::{self, Item};
use super::super::record::{Opening, Start, Transport};

/// A client, and its connection if it has one.
pub(super) struct Client<L> {
    pub(super) link: Option<L>,
    pub(super) transport: Transport,
    pub(super) rooms: Vec<String>,
    pub(super) cursor: Option<String>,
    /// Every cursor that it had, of the present life of the log.
    pub(super) seen: Vec<String>,
    pub(super) stream: Option<String>,
    pub(super) opened: bool,
    /// Whether it was given a position since the log last changed.
    pub(super) fresh: bool,
    /// Whether the stream said that it ends; its connection may go on for a moment, until that was heard.
    pub(super) ending: bool,
    /// Rooms whose retained values it asked for when it came, and does not have yet.
    pub(super) awaits: Vec<String>,
}

impl<L> Client<L> {
    pub(super) const fn new() -> Self {
        Self {
            link: None,
            transport: Transport::Sse,
            rooms: Vec::new(),
            cursor: None,
            seen: Vec::new(),
            stream: None,
            opened: false,
            fresh: false,
            ending: false,
            awaits: Vec::new(),
        }
    }

    pub(super) fn connected(&mut self, opening: &Opening, link: L) {
        self.transport = opening.transport;
        self.stream = None;
        self.ending = false;
        self.opened = true;
        self.link = Some(link);
        match opening.start {
            Start::Now if opening.snapshot => self.awaits.clone_from(&opening.rooms),
            // Like a browser, it repeats what it wanted, and did not get.
            Start::At(_) => self.awaits.retain(|room| opening.rooms.contains(room)),
            _ => self.awaits.clear(),
        }
    }

    pub(super) fn take(&mut self, item: &Item) {
        let mut position = message::position(item);
        match item {
            Item::Welcome { stream, .. } => self.stream = Some(stream.clone()),
            Item::Error {
                reference: None, ..
            }
            | Item::Bye(_) => self.ending = true,
            // Whoever has no position yet is here, once all values are there that were asked for.
            Item::StateEnd { room, cursor, .. } if !self.awaits.is_empty() => {
                self.awaits.retain(|have| have != room);
                let begins = self.awaits.is_empty() && self.cursor.is_none();
                position = position.or_else(|| begins.then(|| cursor.clone()));
            }
            _ => {}
        }
        let Some(position) = position else {
            return;
        };
        self.fresh = self.fresh || self.cursor.as_ref() != Some(&position);
        if self.cursor.as_ref() != Some(&position) {
            self.seen.push(position.clone());
        }
        self.cursor = Some(position);
    }

    /// A stream is open that has not said its name yet: nothing can be asked of it.
    pub(super) const fn unknown(&self) -> bool {
        let stream = matches!(self.transport, Transport::WebSocket | Transport::Sse);
        stream && self.link.is_some() && self.stream.is_none() && !self.ending
    }

    pub(super) const fn can_ask(&self) -> bool {
        match self.transport {
            Transport::WebSocket | Transport::Sse => self.link.is_some() && !self.ending,
            Transport::LongPoll | Transport::History => false,
        }
    }
}
