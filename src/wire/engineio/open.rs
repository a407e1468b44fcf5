//! The answer to a handshake ("Handshake" of the document).

use std::time::Duration;

use serde::Serialize;

use super::packet::Kind;
use super::request::Transport;

/// What a client is told first. It has these keys, in this order, and no other: a test suite of the original counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The session's secret name: whoever knows it speaks for the session. It is not what clients know each other by.
    pub sid: &'a str,
    /// How the handshake came.
    pub transport: Transport,
    /// Whether who polls may go on by WebSocket.
    pub may_upgrade: bool,
    /// From a pong to the next ping. Whole milliseconds.
    pub ping_interval: Duration,
    /// From a ping to the end of a session that does not answer. Whole milliseconds.
    pub ping_timeout: Duration,
    /// What a body of polling may have, in bytes.
    pub max_payload: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys<'a> {
    sid: &'a str,
    upgrades: &'a [&'static str],
    ping_interval: u128,
    ping_timeout: u128,
    max_payload: usize,
}

impl Open<'_> {
    /// The packet: `0` and the JSON.
    #[must_use]
    pub fn to_packet(&self) -> Vec<u8> {
        let upgrades: &[&str] = match self.transport {
            Transport::Polling if self.may_upgrade => &[Transport::WebSocket.as_str()],
            Transport::Polling | Transport::WebSocket => &[],
        };
        let keys = Keys {
            sid: self.sid,
            upgrades,
            ping_interval: self.ping_interval.as_millis(),
            ping_timeout: self.ping_timeout.as_millis(),
            max_payload: self.max_payload,
        };
        // Texts and numbers: there is nothing in it that could fail.
        let json = serde_json::to_vec(&keys).unwrap_or_default();
        Kind::Open.packet(&json)
    }
}
