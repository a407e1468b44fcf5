//! Engine.IO 4: what carries the conversations of one client, by polling or by WebSocket.

pub mod writer;
