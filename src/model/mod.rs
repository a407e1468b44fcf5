//! L0: the values that everything else speaks in. Each is valid by construction and imports nothing.

pub mod code;
pub mod decree;
pub mod dialect;
pub mod event;
pub mod gap;
pub mod hook;
pub mod host;
pub mod id;
pub mod json;
pub mod limits;
pub mod network;
pub mod peer;
pub mod position;
pub mod room;
pub mod secret;
pub mod span;
pub mod start;
pub mod time;
pub mod timeouts;
pub mod trace;
pub mod transport;
