//! Socket.IO, revision 5 of the protocol (`docs/socket.io-protocol/v5-current.md` of the socket.io repository), with its
//! default parser: the packets that Engine.IO's messages carry.
//!
//! `<type>[<attachments>-][<namespace>,][<ack id>][JSON]`, and behind it as many messages of bytes as it announces. Bytes
//! live in JSON as `binary` writes them: every other transport is text.
//!
//! Where the document is silent, what the original server (4.8) does is what its clients know; where we are stricter than
//! it, the code says so.

pub mod arguments;
mod binary;
pub mod encoder;
mod fault;
mod head;
mod namespace;
mod packet;
mod payload;
mod placeholder;
mod reassembler;

pub use fault::Fault;
pub use namespace::{InvalidNamespace, Namespace};
pub use packet::{Auth, Body, Event, MAX_ARGUMENTS, Packet, RESERVED};
pub use reassembler::{MAX_ATTACHMENTS, Reassembler};

#[cfg(test)]
mod tests;
