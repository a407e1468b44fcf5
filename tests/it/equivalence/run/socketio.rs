//! A client of Socket.IO: it joins its rooms one by one, each from where it is in that room, or comes back as who it was
//! and has them all.
//!
//! It begins with now: `earliest`, `rewind`, unreadable cursors, and retained values at the beginning are parameters of
//! requests, for which a CONNECT has no place. A name that excepts it cannot be given either.

use super::super::message::Item;
use super::super::record::{Entry, Happening, Opening, Start, Transport};
use super::super::script::{Source, has_windows};
use super::client::Client;
use super::{Get, Play, World, principal};

/// Rounds that a stream is given to say what it has.
const QUIET: usize = 8;

impl<L> Client<L> {
    /// It wants this room too, from where it is, and can ask for it only when it is back as who it was.
    pub(super) fn names_later(&mut self, room: &str) {
        if self.may_recover() {
            self.behind.push((room.to_owned(), self.cursor.clone()));
        }
    }

    /// It does not want this room any more.
    pub(super) fn gives_up(&mut self, room: &str) {
        self.rooms.retain(|have| have != room);
        self.behind.retain(|(have, _)| have != room);
        if self.may_recover() && self.link.is_none() {
            self.was_answered(room, false);
        }
    }

    /// Whether it knows now if its stream has this room.
    pub(super) fn was_answered(&mut self, room: &str, answered: bool) {
        self.doubtful.retain(|have| have != room);
        if !answered && self.transport == Transport::SocketIo {
            self.doubtful.push(room.to_owned());
        }
    }
}

impl<W: World> Play<'_, W> {
    /// Joins the namespace, as who it was where it may, and then the rooms that it does not have.
    pub(super) async fn connect_by_socketio(&mut self, at: usize, cut: Option<usize>) {
        let client = &self.clients[at];
        let rooms = client.rooms.iter();
        let own = rooms.filter(|room| client.may_recover() && !client.is_behind_in(room));
        let opening = Opening {
            transport: Transport::SocketIo,
            rooms: own.cloned().collect(),
            start: client.offset.clone().map_or(Start::Now, Start::At),
            snapshot: false,
            principal: principal(at),
            origin: None,
            pid: client.pid.clone(),
        };
        let get = Get {
            opening,
            source: Source::Since,
            decoy: None,
            wait: 0,
        };
        self.connect(at, &get).await;
        self.get_acquainted(at).await;
        let behind = self.clients[at].behind.clone();
        for (place, (room, since)) in behind.iter().enumerate() {
            self.resolve_doubt(at, room).await;
            let client = &self.clients[at];
            if client.unknown() || !client.can_ask() {
                return;
            }
            let cut = cut.filter(|bytes| bytes % behind.len() == place);
            let join = Some(since.clone());
            let answered = self.ask(at, room, join, false, None, cut).await;
            if matches!(answered, Some(Item::Ack { .. })) {
                self.clients[at].behind.retain(|(have, _)| have != room);
            }
        }
    }

    /// Who does not know whether it has a room leaves it before it joins it, so that what comes then is the room's past.
    pub(super) async fn resolve_doubt(&mut self, at: usize, room: &str) {
        let client = &self.clients[at];
        if client.doubtful.iter().any(|have| have == room) && client.can_ask() {
            self.ask(at, room, None, false, None, None).await;
        }
    }

    /// After so many rounds without anything new, a stream that never says where it is has said all: many, if what was
    /// published last in its rooms has not come.
    pub(super) fn quiet_after(&self, at: usize) -> usize {
        let client = &self.clients[at];
        let last = self.record.log.iter().rev().find_map(|entry| match entry {
            Entry::Published(event) => {
                let mut rooms = event.rooms.iter().filter(|room| !has_windows(room));
                let due = rooms.any(|room| client.rooms.contains(room));
                (due && event.options.except.is_none()).then_some(&event.id)
            }
            _ => None,
        });
        match last.is_none_or(|last| client.seen.contains(last)) {
            true => QUIET,
            false => 2 * QUIET,
        }
    }

    /// Where no heartbeat says how far a stream is, its client asks elsewhere, with the position that it has.
    pub(super) fn moves_on(&mut self, at: usize) -> bool {
        let client = &self.clients[at];
        let quiet = client.transport == Transport::SocketIo && !client.is_behind();
        if quiet && client.link.is_some() {
            self.note(at, Happening::Quiet);
            self.over(at);
        }
        quiet
    }
}

/// What a client emits to join or leave a room, with the number under which it waits for the ack.
pub(super) fn asking(
    number: usize,
    room: &str,
    join: Option<&Option<String>>,
    snapshot: bool,
) -> String {
    let name = match join {
        Some(_) => "subscribe",
        None => "unsubscribe",
    };
    let since = match join {
        Some(Some(cursor)) => format!(r#","since":"{cursor}""#),
        _ => String::new(),
    };
    let snapshot = if snapshot { r#","snapshot":true"# } else { "" };
    format!(r#"42{number}["{name}",{{"room":"{room}"{since}{snapshot}}}]"#)
}
