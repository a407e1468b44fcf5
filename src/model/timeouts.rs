//! How long each step of a connection may take.

use std::time::Duration;

/// How long each step of a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accept, or from the last answer, to a whole request head.
    pub header: Duration,
    /// From the head to the whole body.
    pub body: Duration,
    /// From accept through the TLS handshake to the first byte of HTTP; and for a WebSocket handshake.
    pub handshake: Duration,
    /// How long a client may take nothing of what is written to it.
    pub write_stall: Duration,
    /// How long an HTTP/2 connection is kept on which nothing is under way.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            handshake: Duration::from_secs(5),
            write_stall: Duration::from_secs(30),
            idle: Duration::from_secs(75),
        }
    }
}
