//! Socket.IO 5: the conversations that one connection carries, each a stream of its own.

pub(crate) mod admission;
pub(crate) mod conversation;
pub mod origin;
mod past;
pub mod recovery;
pub(crate) mod returning;
mod said;
pub mod settings;
pub mod style;

pub use settings::Settings;

use crate::wire::engineio;

/// What the gateway calls the transport that Engine.IO calls so.
#[must_use]
pub const fn transport(carrier: engineio::Transport) -> crate::model::transport::Transport {
    match carrier {
        engineio::Transport::Polling => crate::model::transport::Transport::LongPoll,
        engineio::Transport::WebSocket => crate::model::transport::Transport::WebSocket,
    }
}
