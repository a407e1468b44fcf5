//! What was published, and what was not.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

use super::family::Family;
use super::histogram::{Histogram, nanos};
use crate::model::code::Code;

/// The publishers' side.
#[derive(Debug)]
pub struct Publishes {
    published: Counter,
    repeated: Counter,
    refused: Family<Code, Counter>,
    latency: Histogram,
}

impl Publishes {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            published: Counter::default(),
            repeated: Counter::default(),
            refused: Family::default(),
            latency: Histogram::of_latencies(),
        };
        registry.register(
            "events_published",
            "Events that clients published and the log has taken",
            new.published.clone(),
        );
        registry.register(
            "publishes_repeated",
            "Publishes that were answered again by their idempotency key",
            new.repeated.clone(),
        );
        registry.register(
            "publishes_refused",
            "Events that clients wanted to publish and that were refused",
            new.refused.clone(),
        );
        registry.register_with_unit(
            "publish_latency",
            "Time from a publish that was read whole to its place in the log",
            Unit::Seconds,
            new.latency.clone(),
        );
        new
    }

    /// An event is in the log, `latency` after it was offered.
    pub fn published(&self, latency: Duration) {
        self.published.inc();
        self.latency.observe(nanos(latency));
    }

    /// A publish was there already.
    pub fn repeated(&self) {
        self.repeated.inc();
    }

    /// An event was not published.
    pub fn refused(&self, code: Code) {
        self.refused.with(code).inc();
    }
}
