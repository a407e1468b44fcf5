//! WebSocket (RFC 6455) and its compression (RFC 7692): the opening handshake of both sides, and the frames of a server.

pub mod decoder;
pub mod deflate;
pub mod encoder;
mod extensions;
pub mod fault;
mod frame;
mod handshake;
mod mask;

pub use handshake::{Handshake, Offer, SUBPROTOCOL, handshake};
