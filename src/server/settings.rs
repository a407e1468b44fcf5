//! A whole gateway, as the configuration gives it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::{auth, bus, service, session, telemetry};

/// How long each step of a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accept, or from the last answer, to a whole request head.
    pub header: Duration,
    /// From the head to the whole body.
    pub body: Duration,
    /// For a TLS or WebSocket handshake.
    pub handshake: Duration,
    /// How long a client may take nothing of what is written to it.
    pub write_stall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            handshake: Duration::from_secs(5),
            write_stall: Duration::from_secs(30),
        }
    }
}

/// A whole gateway, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// Open connections in all.
    pub connections: usize,
    /// The steps of a connection.
    pub timeouts: Timeouts,
    /// How long a drain may take.
    pub drain: Duration,
    /// Keys, tokens, roles.
    pub auth: auth::Settings,
    /// What the log keeps.
    pub bus: bus::Settings,
    /// The times of a stream.
    pub session: session::Settings,
    /// What concerns each request.
    pub service: service::Settings,
    /// Logs.
    pub telemetry: telemetry::Settings,
}

impl Default for Settings {
    /// The embedded default: 127.0.0.1:8080, memory log, nobody admitted.
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            connections: 20_000,
            timeouts: Timeouts::default(),
            drain: Duration::from_secs(10),
            auth: auth::Settings::default(),
            bus: bus::Settings::default(),
            session: session::Settings::default(),
            service: service::Settings::default(),
            telemetry: telemetry::Settings::default(),
        }
    }
}
