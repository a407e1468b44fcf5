//! L1, pure: codecs that take bytes and give values, and back. No socket, no clock, no logger.

pub mod accept;
pub mod admin;
pub mod base_url;
pub mod client;
pub mod confirmed;
pub mod control;
pub mod encoded;
pub mod encoding;
pub mod endpoints;
pub mod engineio;
pub mod forwarded;
pub mod hook;
pub mod http1;
pub mod message;
pub mod negotiate;
pub mod poll;
pub mod presence;
pub mod problem;
pub mod proxy_protocol;
pub mod publish;
pub mod query;
pub mod service;
pub mod socketio;
pub mod sse;
pub mod swap;
pub mod websocket;
