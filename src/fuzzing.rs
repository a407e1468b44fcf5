//! The doors for fuzz targets: each takes bytes that a fuzzer made, and panics where a promise does not hold.
//!
//! A door asks for more than that nothing panics: what is printed reads back as it was, pieces give what the whole
//! gives, and whoever is refused gets a code and a text. `fuzz/` holds a target for each door, and an ordinary
//! `cargo test` hands the corpora to the same doors. Not a part of any other build: `cfg(fuzzing)` is set by what
//! builds the targets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a promise that does not hold is told by a panic, which is what a fuzzer looks for"
)]

mod claims;
mod client_frames;
mod client_message;
mod client_stream;
mod configuration;
#[cfg(test)]
mod corpora;
mod credentials;
mod cursor;
mod engineio;
mod event_stream;
mod hook_answer;
mod json;
mod jwks;
mod log;
mod proxies;
mod publish_body;
mod request;
mod socketio;
mod stream;
mod stream_request;

pub use claims::claims;
pub use client_frames::client_frames;
pub use client_message::client_message;
pub use client_stream::client_stream;
pub use configuration::configuration;
pub use credentials::credentials;
pub use cursor::cursor;
pub use engineio::engineio;
pub use event_stream::event_stream;
pub use hook_answer::hook_answer;
pub use json::json;
pub use jwks::jwks;
pub use log::log;
pub use proxies::proxies;
pub use publish_body::publish_body;
pub use socketio::socketio;
pub use stream::stream;
pub use stream_request::stream_request;

use crate::model::code::Refusal;
use crate::wire::problem;

/// The longest sentence of a refusal, in bytes: a client shows it on one line, and what it sent is not sent back.
const SENTENCE: usize = 400;

/// What every refusal owes its caller: a code of the table, and one plain sentence of bounded length, also as a
/// problem (RFC 9457).
fn assert_tells_why(refusal: &Refusal) {
    let message = &refusal.message;
    assert!((1..=SENTENCE).contains(&message.len()), "{message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
    let problem: serde_json::Value =
        serde_json::from_str(&problem::to_json(refusal, None)).unwrap();
    assert_eq!(problem["code"], refusal.code.as_str());
    assert_eq!(problem["status"], refusal.code.row().status);
    assert_eq!(problem["detail"], **message);
}
