//! gatecast takes an event once and delivers it to every kind of client: WebSocket, Server-Sent Events and
//! long-poll, with the same rooms, ids, credentials, limits and replay for all.
//!
//! The layers point one way, and a test reads the imports to keep it so; `proto-docs/` is the
//! specification of what crosses the wire.
#![forbid(unsafe_code)]

pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod ingress;
pub mod lifecycle;
pub mod limit;
pub mod model;
pub mod server;
pub mod service;
pub mod session;
mod sync;
pub mod telemetry;
pub mod transport;
pub mod wire;
