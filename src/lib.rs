//! gatecast takes an event once and delivers it to every kind of client: WebSocket, Server-Sent Events and
//! long-poll, with the same rooms, ids, credentials, limits and replay for all.
//!
//! The layers point one way, and a test reads the imports to keep it so; `proto-docs/` is the
//! specification of what crosses the wire.
//!
//! The binary `gatecast` is this library with commands. A program of its own starts a [`server::Gateway`] from
//! settings that [`config::load`] reads from TOML, publishes through its [`ingress::Publisher`], and may answer paths of
//! its own by a [`service::Fallback`]:
//!
//! ```no_run
//! use gatecast::{config, lifecycle::clock::Clock, server::Gateway};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = config::load(Some(include_str!("../examples/embed.toml")), &config::environment())?;
//! let gateway = Gateway::start(settings, Clock::system()).await?;
//! let id = gateway.publisher().publish(&["orders"], "order", &7).await?;
//! println!("{id} went to whoever listens on {:?}", gateway.endpoints());
//! gateway.drain().await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod hooks;
pub mod ingress;
pub mod lifecycle;
pub mod limit;
pub mod model;
pub mod outbound;
pub mod server;
pub mod service;
pub mod session;
mod sync;
pub mod telemetry;
pub mod transport;
pub mod wire;
