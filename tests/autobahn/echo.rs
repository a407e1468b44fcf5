//! A gateway that gives every WebSocket message back, for Autobahn's fuzzing client: what is measured is the way that the
//! messages of all clients go, from the socket to the socket. It prints where it listens.
//!
//! ```sh
//! cargo run --example echo
//! ```
#![allow(missing_docs, reason = "a tool of the tests, not a library")]
#![allow(
    clippy::print_stdout,
    reason = "the address is what whoever started it waits for"
)]

use std::error::Error;

use gatecast::config;
use gatecast::lifecycle::clock::Clock;
use gatecast::server::Gateway;

/// Limits that Autobahn does not meet: its longest message has 16 MiB, and it sends a thousand as fast as they come back.
/// A Ping that it did not ask for would be a fault to it; no case of its takes as long as the heartbeat.
const CONFIGURATION: &str = r#"
    listen = "127.0.0.1:0"
    [auth]
    anonymous = "suite"
    [roles.suite]
    transports = ["websocket"]
    limits = { event = "16MiB", messages = "1000000/s" }
    [limits]
    body = "16MiB"
    [server]
    heartbeat = "10m"
    silence = "1h"
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut settings = config::load(Some(CONFIGURATION), &[])?;
    settings.service.echo = true;
    let gateway = Gateway::start(settings, Clock::system()).await?;
    for address in gateway.addresses() {
        println!("listening on ws://{address}/v1/stream?echo=1");
    }
    tokio::signal::ctrl_c().await?;
    gateway.drain().await;
    Ok(())
}
