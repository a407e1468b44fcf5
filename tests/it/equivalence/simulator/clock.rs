//! What time does to one client's delivery in the naive gateway.

use std::time::Duration;

use serde_json::json;

use super::super::record::Transport;
use super::Fault;
use super::log::Log;
use super::stream::Stream;

impl Stream {
    /// Time has passed.
    pub(super) fn beat(&mut self, log: &Log, now: Duration) {
        if self.over || self.single() || now < self.last_write + Duration::from_secs(15) {
            return;
        }
        // Whatever carries Socket.IO has heartbeats of its own, which say nothing.
        if !self.is(Fault::HeartbeatOvertakes) || self.transport == Transport::SocketIo {
            let before = self.out.len();
            self.read(log, 3, now);
            if self.out.len() > before || self.transport == Transport::SocketIo {
                return;
            }
        }
        let at = if self.is(Fault::HeartbeatOvertakes) {
            log.head
        } else {
            self.cursor
        };
        self.heartbeat(log.cursor(at));
        self.last_write = now;
    }

    fn heartbeat(&mut self, cursor: String) {
        let message = json!({"type": "heartbeat", "cursor": cursor, "ts": 1});
        self.say(&message, Some(cursor));
    }

    /// The gateway stops.
    pub(super) fn end(&mut self) {
        if !self.over && !self.single() {
            let bye = json!({"type": "bye", "code": "draining", "reconnect": true});
            self.say(&bye, None);
        }
        self.over = true;
    }
}
