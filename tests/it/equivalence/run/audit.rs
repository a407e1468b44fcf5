//! A client that is always there: by its stream the script knows what nobody published, and when it has come.

use std::time::Duration;

use super::super::message::{Envelope, Item};
use super::super::record::{Entry, Opening, Start, Transport};
use super::super::script::{Source, is_watched};
use super::super::windows::Made;
use super::{Get, PATIENCE, Play, World, principal};

/// Longer than any window and any `ttl`.
const ALL_OVER: Duration = Duration::from_millis(26_007);

impl<W: World> Play<'_, W> {
    /// Reads until all that the clock has made is there, or nobody believes in it any more: that it is missing is the
    /// checker's to say.
    pub(super) async fn audit(&mut self, made: &[Made]) {
        let Some(at) = self.auditor else {
            return;
        };
        let mut wanted: Vec<&Made> = made.iter().collect();
        for attempt in 0..PATIENCE / 2 {
            if self.clients[at].link.is_none() {
                self.send_auditor(at).await;
            }
            self.world.linger(attempt / 8).await;
            for item in self.read(at, 1 << 20).await {
                let Item::Event(text) = item else {
                    continue;
                };
                let Ok(envelope) = Envelope::parse(&text) else {
                    continue;
                };
                let before = wanted.len();
                if !self.is_published(envelope.id.as_deref()) {
                    wanted.retain(|made| !made.is(&envelope));
                }
                if wanted.len() < before {
                    self.head = envelope.id;
                }
            }
            if wanted.is_empty() && self.clients[at].cursor.is_some() {
                return;
            }
        }
        self.auditor = None;
    }

    /// Whether a publish was answered with this id; true too of what has none.
    fn is_published(&self, id: Option<&str>) -> bool {
        let same =
            |entry: &Entry| matches!(entry, Entry::Published(event) if Some(&*event.id) == id);
        id.is_none() || self.record.log.iter().any(same)
    }

    async fn send_auditor(&mut self, at: usize) {
        let rules = self.record.rules.iter().map(|rule| rule.room);
        let rooms: Vec<_> = rules
            .filter(|room| is_watched(room))
            .map(str::to_owned)
            .collect();
        self.clients[at].rooms.clone_from(&rooms);
        let cursor = self.clients[at].cursor.clone();
        let opening = Opening {
            transport: Transport::WebSocket,
            rooms,
            start: cursor.map_or(Start::Now, Start::At),
            snapshot: false,
            principal: principal(at),
            origin: None,
            pid: None,
        };
        let get = Get {
            opening,
            source: Source::Since,
            decoy: None,
            wait: 0,
        };
        self.connect(at, &get).await;
    }

    /// The script is over: no window is open any more, and no value has an end.
    pub(super) async fn close_windows(&mut self) {
        if self.auditor.is_some() {
            self.advance(ALL_OVER).await;
        }
    }
}
