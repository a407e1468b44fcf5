//! Engine.IO, revision 4 of the protocol (`docs/engine.io-protocol/v4-current.md` of the socket.io repository): the packets
//! that everything of Socket.IO travels in, what a handshake answers, and which requests are refused.
//!
//! Where the document is silent, what the original server (4.8) does is what its clients know.

mod fault;
mod open;
mod packet;
pub mod payload;
mod rejection;
mod request;

pub use fault::Fault;
pub use open::Open;
pub use packet::{Kind, Packet};
pub use rejection::Rejection;
pub use request::{Asked, Request, Transport, VERSION};

#[cfg(test)]
mod tests;
