//! What the gateway counts, for Prometheus. `proto-docs/metrics.md` says what each number means.
//!
//! Metrics are values that are passed in; there are no globals. Who counts on a hot path finds its numbers by their
//! places in arrays, and adds to atomics.

mod exposition;
mod family;
mod health;
mod histogram;
mod hooks;
mod http;
mod keys;
pub mod labels;
mod limits;
mod log;
mod process;
mod publishes;
mod shards;
mod streams;

use std::sync::Arc;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::model::code::{Code, Refusal};
use crate::model::decree::Revocation;
use crate::model::dialect::Dialect;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;
use labels::{Door, Flight, HttpVersion, Listener, Reload, Route, StatusClass};

pub use exposition::Format;
pub use health::{Health, Lines, Tokens};
pub use hooks::{Hooks, InFlight};
pub use http::{Handshake, Open};
pub use keys::Down;
pub use log::Log;
pub use shards::Pulse;
pub use streams::{Given, Meter};

/// The metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    streams: streams::Streams,
    publishes: publishes::Publishes,
    http: http::Http,
    limits: limits::Limits,
    keys: keys::Keys,
    hooks: hooks::Hooks,
    log: log::Gauges,
    shards: shards::Shards,
    gateway: health::Gateway,
}

impl Metrics {
    /// All at 0, of a gateway that `started` then.
    #[must_use]
    pub fn new(started: UnixMillis) -> Arc<Self> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process { started }));
        let ours = registry.sub_registry_with_prefix("gatecast");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "The version that runs; the value is 1", version);
        Arc::new(Self {
            streams: streams::Streams::register(ours),
            publishes: publishes::Publishes::register(ours),
            http: http::Http::register(ours),
            limits: limits::Limits::register(ours),
            keys: keys::Keys::register(ours),
            hooks: hooks::Hooks::register(ours),
            log: log::Gauges::register(ours),
            shards: shards::Shards::register(ours),
            gateway: health::Gateway::register(ours, started),
            registry,
        })
    }

    /// A stream has been opened; it is counted until the meter is dropped.
    #[must_use]
    pub fn open(
        self: &Arc<Self>,
        transport: Transport,
        dialect: Dialect,
        version: HttpVersion,
    ) -> Meter {
        Meter::new(self.clone(), transport, dialect, version)
    }

    /// A `listener` has accepted a connection; it is counted until what this gives is dropped.
    #[must_use]
    pub fn connect(&self, listener: Listener) -> Open {
        self.http.connect(listener)
    }

    /// A client has begun a TLS handshake.
    #[must_use]
    pub fn shake_hands(&self) -> Handshake {
        self.http.shake_hands()
    }

    /// One more shard begins; the first is number 0.
    #[must_use]
    pub fn shard(&self) -> Arc<Pulse> {
        self.shards.add()
    }

    /// A canary has flown.
    pub fn flown(&self, flight: Flight) {
        self.gateway.flown(flight);
    }

    /// Something was revoked.
    pub fn revoked(&self, what: &Revocation) {
        self.gateway.revoked(what.into());
    }

    /// A new configuration was read `now`.
    pub fn reloaded(&self, outcome: Reload, now: UnixMillis) {
        self.gateway.reloaded(outcome, now);
    }

    /// Where lines of the audit log are counted.
    #[must_use]
    pub fn lines(&self) -> Lines {
        self.gateway.lines()
    }

    /// A request has been answered.
    pub fn answered(&self, route: Route, status: StatusClass) {
        self.http.requests.with((route, status)).inc();
    }

    /// Somebody was refused something.
    pub fn refused(&self, code: Code, door: Door) {
        self.http.refusals.with((code, door)).inc();
    }

    /// Somebody was refused something, because of a limit or not.
    pub fn limited(&self, refusal: &Refusal) {
        self.limits.refused(refusal);
    }

    /// What was published.
    #[must_use]
    pub const fn publishes(&self) -> &publishes::Publishes {
        &self.publishes
    }

    /// The sets of keys that are fetched.
    #[must_use]
    pub const fn keys(&self) -> &keys::Keys {
        &self.keys
    }

    /// The backend's webhooks.
    #[must_use]
    pub const fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// The text of all metrics; of the log and the gateway as they are now.
    #[must_use]
    pub fn expose(&self, format: Format, log: Log, health: Health) -> String {
        self.log.set(log);
        self.gateway.set(health);
        exposition::expose(&self.registry, format)
    }
}
