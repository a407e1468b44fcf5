//! The integration tests: one binary, a file per behaviour, real sockets, and a clock moved by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    missing_docs,
    reason = "a test that cannot go on says so and stops"
)]

mod admin;
mod audit;
mod commands;
mod compression;
mod configuration;
mod confirm;
mod drain;
mod drain_under_load;
mod echo;
mod edge;
mod embedding;
mod emit;
mod endings;
mod equivalence;
mod hangs;
mod hooks;
mod hooks_wired;
mod http2;
mod joins;
mod keys;
mod limits;
mod listening;
mod messages_compressed;
mod metrics;
mod negotiate;
mod openapi;
mod presence;
mod promises;
mod refusals;
mod rooms;
mod secrets;
mod service;
mod sessions;
mod socketio;
#[cfg(feature = "otlp")]
mod spans;
mod stalled;
mod support;
mod tls;
mod transcripts;
mod tunnels;
