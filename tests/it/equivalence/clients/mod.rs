//! Raw clients: bytes from a socket become whole frames, by the standards and by no code of the gateway's.

pub(super) mod carrier;
pub(super) mod http;
pub(super) mod link;
mod sse;
mod websocket;
