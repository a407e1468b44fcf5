//! A gateway that gives every packet of Engine.IO back, for the suite of its protocol: what is tested is the way that the
//! packets of all sessions go, over polling and over WebSocket. It prints where it listens.
//!
//! ```sh
//! cargo run --example engineio-echo
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

/// Where the suite looks for a server, and how often it wants to be pinged.
const CONFIGURATION: &str = r#"
    listen = "127.0.0.1:3000"
    [auth]
    anonymous = "suite"
    [roles.suite]
    [socketio]
    path = "/engine.io/"
    ping_interval = "300ms"
    ping_timeout = "200ms"
    max_payload = 1000000
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut settings = config::load(Some(CONFIGURATION), &[])?;
    settings.service.echo = true;
    // Where Socket.IO is spoken, what a client says is more than a packet.
    settings.socketio.namespaces.clear();
    let gateway = Gateway::start(settings, Clock::system()).await?;
    for address in gateway.addresses() {
        println!("listening on http://{address}/engine.io/");
    }
    tokio::signal::ctrl_c().await?;
    gateway.drain().await;
    Ok(())
}
