//! The sets of keys that are fetched.

use std::sync::atomic::AtomicI64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::family::Family;
use super::labels::Outcome;

/// How fetches of keys went.
#[derive(Debug)]
pub struct Keys {
    fetches: Family<Outcome, Counter>,
    down: Gauge<i64, AtomicI64>,
}

impl Keys {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            fetches: Family::default(),
            down: Gauge::default(),
        };
        registry.register(
            "key_fetches",
            "Fetches of sets of keys, by how they went",
            new.fetches.clone(),
        );
        registry.register(
            "key_sources_down",
            "Sets of keys whose last fetch failed",
            new.down.clone(),
        );
        new
    }

    /// A fetch brought keys, or none.
    pub fn fetched(&self, brought: bool) {
        let outcome = if brought {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        self.fetches.with(outcome).inc();
    }

    /// A source is down; it counts until what this gives is dropped.
    #[must_use]
    pub fn down(&self) -> Down {
        self.down.inc();
        Down(self.down.clone())
    }
}

/// A source of keys that does not answer.
#[derive(Debug)]
pub struct Down(Gauge<i64, AtomicI64>);

impl Drop for Down {
    fn drop(&mut self) {
        self.0.dec();
    }
}
