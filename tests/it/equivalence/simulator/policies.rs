//! What policies and publishers make of one client's delivery in the naive gateway.

use serde_json::json;

use super::super::record::{Raw, Transport};
use super::super::script::{Deliver, Except};
use super::Fault;
use super::log::{Log, Stored};
use super::stream::Stream;

impl Stream {
    /// The rooms through which an event is due.
    pub(super) fn through(&self, log: &Log, event: &Stored) -> Vec<String> {
        let due = |(room, from): &&(String, usize)| {
            let beyond = event.seq > self.cursor.max(*from);
            event.held.contains(room) && beyond && !self.is_superseded(log, event, room)
        };
        let rooms = self.rooms.iter().filter(due);
        rooms.map(|(room, _)| room.clone()).collect()
    }

    /// Whether a newer event is to be read instead.
    fn is_superseded(&self, log: &Log, event: &Stored, room: &str) -> bool {
        if log.rule(room).deliver != Deliver::Latest {
            return false;
        }
        let mut newer = log.held(room).filter(|newer| newer.seq > event.seq);
        match self.fault {
            Some(Fault::LatestGivesAll | Fault::LatestDisorder) => false,
            Some(Fault::LatestForgetsNewest) => {
                event.seq.is_multiple_of(3) || newer.next().is_some()
            }
            _ => newer.next().is_some(),
        }
    }

    /// Whether the publisher did not want it to come here.
    pub(super) fn is_excepted(&self, event: &Stored) -> bool {
        match (event.except, self.fault) {
            _ if self.transport == Transport::History => false,
            (None, _) | (_, Some(Fault::ExceptIgnored)) => false,
            (Some(_), Some(Fault::ExceptFromAll)) => true,
            (Some(Except::Principal(name)), _) => name == self.principal,
            (Some(Except::Origin(_)), Some(Fault::ExceptByNameAlone)) => false,
            (Some(Except::Origin(name)), _) => Some(name) == self.origin,
        }
    }

    /// An event that is in no log, unless something is pending.
    pub(super) fn flash(&mut self, log: &Log, event: &Stored) {
        if self.over || self.single() {
            return;
        }
        let behind = self.rooms.iter().any(|(room, from)| {
            let low = self.cursor.max(*from);
            log.floor(room) > low || log.held(room).any(|event| event.seq > low)
        });
        let pending = behind || !self.gaps.is_empty() || !self.snapshot.is_empty();
        if pending && !self.is(Fault::VolatileOvertakes) {
            return;
        }
        let excepted = self.is_excepted(event) && !self.is(Fault::VolatileToAll);
        let room = self
            .rooms
            .iter()
            .find(|(room, _)| event.rooms.contains(room));
        let Some((room, _)) = room.filter(|_| !excepted).cloned() else {
            return;
        };
        self.write(log, event, &room);
        if self.is(Fault::VolatileTwice) {
            self.write(log, event, &room);
        }
    }

    /// It lost something of a room whose readers must keep up.
    pub(super) fn send_away(&mut self) {
        let bye = json!({"type": "bye", "code": "slow", "reconnect": true});
        self.say(&bye, None);
        if matches!(self.transport, Transport::WebSocket | Transport::SocketIo) {
            self.out.push_back(Raw::Close(Some(3005)));
        }
        self.over = true;
    }
}
