//! The times of a stream, and what it is limited by.

use std::sync::Arc;
use std::time::Duration;

use crate::limit::Limiter;
use crate::model::limits::{Limits, Rate};

/// The times of a stream, and what it is limited by.
#[derive(Clone, Debug)]
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
    /// Who has used how much: the gateway's own.
    pub limiter: Arc<Limiter>,
}

impl PartialEq for Settings {
    /// Whether the configuration says the same.
    fn eq(&self, other: &Self) -> bool {
        let said = |settings: &Self| {
            let Self {
                heartbeat,
                silence,
                expiry_notice,
                auth,
                messages,
                limiter: _,
            } = settings;
            (*heartbeat, *silence, *expiry_notice, *auth, *messages)
        };
        said(self) == said(other)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            silence: Duration::from_secs(70),
            expiry_notice: Duration::from_secs(30),
            auth: Duration::from_secs(10),
            messages: Limits::DEFAULT.messages,
            limiter: Arc::default(),
        }
    }
}
