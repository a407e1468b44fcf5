//! The times of a stream.

use std::time::Duration;

use crate::model::limits::{Limits, Rate};

/// The times of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A heartbeat goes out after this long without a write.
    pub heartbeat: Duration,
    /// A WebSocket client that is silent for this long is closed.
    pub silence: Duration,
    /// This long before its credential ends a client is told so.
    pub expiry_notice: Duration,
    /// How long a WebSocket without credential may wait with its `auth`.
    pub auth: Duration,
    /// The messages of a WebSocket until it has said who it is; then its role says how many.
    pub messages: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            silence: Duration::from_secs(70),
            expiry_notice: Duration::from_secs(30),
            auth: Duration::from_secs(10),
            messages: Limits::DEFAULT.messages,
        }
    }
}
