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
    /// By which name Socket.IO lets it go on as who it was; nothing once it has been elsewhere.
    pub(super) pid: Option<String>,
    /// The stream that this name belongs to.
    pub(super) was: Option<String>,
    /// How far it is on this stream, as the library knows it: what its last event said.
    pub(super) offset: Option<String>,
    /// Rooms that it is still to join one by one, each with the position up to which it has all of that room.
    pub(super) behind: Vec<(String, Option<String>)>,
    /// Rooms of which it does not know whether its stream has them: it asked, and had no answer.
    pub(super) doubtful: Vec<String>,
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
            pid: None,
            was: None,
            offset: None,
            behind: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    pub(super) fn connected(&mut self, opening: &Opening, link: L) {
        self.transport = opening.transport;
        self.stream = None;
        self.ending = false;
        self.opened = true;
        self.link = Some(link);
        if opening.transport != Transport::SocketIo {
            (self.pid, self.was, self.offset) = (None, None, None);
            self.doubtful.clear();
            self.behind.clear();
        }
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
            Item::Told { .. } if position.is_some() => self.offset.clone_from(&position),
            Item::Connected { stream, pid } => self.is_let_in(stream, pid.as_deref()),
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

    /// A namespace was joined: as who it was, with all its rooms, or as somebody new, who has none.
    fn is_let_in(&mut self, stream: &str, pid: Option<&str>) {
        if self.was.as_deref() != Some(stream) {
            self.offset = None;
            self.doubtful.clear();
            for room in &self.rooms {
                if self.behind.iter().all(|(have, _)| have != room) {
                    self.behind.push((room.clone(), self.cursor.clone()));
                }
            }
        }
        self.stream = Some(stream.to_owned());
        self.was.clone_from(&self.stream);
        self.pid = pid.map(str::to_owned);
    }

    /// Whether it lacks something of a room that the one position of a stream elsewhere would pass over.
    pub(super) fn is_behind(&self) -> bool {
        let lacks = |since: &Option<String>| since.is_some() && *since != self.cursor;
        self.behind.iter().any(|(_, since)| lacks(since))
    }

    /// Whether this room is to be joined before anything of it is due.
    pub(super) fn is_behind_in(&self, room: &str) -> bool {
        self.behind.iter().any(|(have, _)| have == room)
    }

    /// Whether it may go on as who it was.
    pub(super) const fn may_recover(&self) -> bool {
        self.pid.is_some()
    }

    /// A stream is open that has not said its name yet: nothing can be asked of it.
    pub(super) const fn unknown(&self) -> bool {
        let stream = !matches!(self.transport, Transport::LongPoll | Transport::History);
        stream && self.link.is_some() && self.stream.is_none() && !self.ending
    }

    pub(super) const fn can_ask(&self) -> bool {
        match self.transport {
            Transport::WebSocket | Transport::SocketIo | Transport::Sse => {
                self.link.is_some() && !self.ending
            }
            Transport::LongPoll | Transport::History => false,
        }
    }
}
