//! The script is quiet: whoever is behind must come to the head.

use std::time::Duration;

use super::super::message::{self, Item};
use super::super::record::{Happening, Raw, Transport};
use super::super::script::{Draft, First, Op, Source, has_windows};
use super::{PATIENCE, Play, Post, World};

/// As often is the clock moved at the end, to let heartbeats say where everybody is.
const ROUNDS: usize = 60;
/// Rounds in all, those included in which the client came closer.
const MOST_ROUNDS: usize = 2000;

impl<W: World> Play<'_, W> {
    /// An event for each room of an open stream must come without the clock being moved: no room is asleep.
    pub(super) async fn wake(&mut self, at: usize) {
        self.get_acquainted(at).await;
        for room in self.clients[at].rooms.clone() {
            if !self.clients[at].can_ask() {
                return;
            }
            self.calls += 1;
            if has_windows(&room) {
                continue; // Its events come when the clock goes on.
            }
            let post = Post::one(Draft::call(self.calls, &room));
            self.publish(&post).await;
            if !self.comes(at).await {
                let fault = format!("an event of {room} did not come by itself");
                self.note(at, Happening::Saw(Raw::Broken(fault)));
            }
        }
    }

    /// Reads until the newest event is there; false if the stream goes on without it.
    pub(super) async fn comes(&mut self, at: usize) -> bool {
        for attempt in 0..PATIENCE {
            let said = self.read(at, 1 << 20).await;
            let came = |item: &Item| {
                !message::envelopes(item).is_empty() && message::position(item) == self.head
            };
            if said.iter().any(came) || !self.clients[at].can_ask() {
                return true;
            }
            self.world.linger(attempt / 8).await;
        }
        false
    }

    /// The script is quiet: reads on until the client stands at the head.
    pub(super) async fn settle(&mut self, at: usize, seed: u64) {
        if !self.clients[at].opened {
            return;
        }
        let all = [
            Transport::WebSocket,
            Transport::Sse,
            Transport::LongPoll,
            Transport::History,
            Transport::SocketIo,
        ];
        let choice = all[(seed as usize + at) % all.len()];
        let (mut round, mut choice) = (0, choice);
        for _ in 0..MOST_ROUNDS {
            if round == ROUNDS {
                return;
            }
            let before = self.clients[at].cursor.clone();
            if self.clients[at].link.is_none() {
                let op = reopens(at, choice, seed);
                self.open(at, &op).await;
            }
            for _ in 0..PATIENCE {
                let said = self.read(at, 1 << 20).await;
                if self.arrived(at) {
                    return;
                }
                if said.iter().any(|item| matches!(item, Item::Malformed(_))) {
                    return;
                }
                if said.is_empty() || self.clients[at].link.is_none() {
                    break;
                }
            }
            round = if self.clients[at].cursor == before {
                round + 1
            } else {
                0
            };
            self.world.linger(round).await;
            if round > self.quiet_after(at) && self.moves_on(at) {
                choice = Transport::WebSocket;
                continue;
            }
            if round > 0 && self.clients[at].link.is_some() {
                self.advance(Duration::from_millis(16_003)).await;
            }
        }
    }

    pub(super) fn arrived(&self, at: usize) -> bool {
        let client = &self.clients[at];
        match &self.head {
            Some(head) => client.cursor.as_ref() == Some(head),
            None => client.fresh,
        }
    }
}

/// How a client comes back when the script is quiet.
fn reopens(at: usize, choice: Transport, seed: u64) -> Op {
    let sources = [
        Source::Header,
        Source::Since,
        Source::Underscored,
        Source::CamelCase,
    ];
    Op::Open {
        client: at,
        transport: choice,
        rooms: vec!["r:busy", "r:small"],
        secret: false,
        first: First::Now,
        source: sources[(seed / 4) as usize % 4],
        decoy: false,
        wait: 0,
        snapshot: false,
        origin: None,
        back: false,
        cut: None,
    }
}
