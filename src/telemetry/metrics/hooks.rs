//! The backend's webhooks: how calls of them went, and what became of what is told.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::family::Family;
use super::histogram::{Histogram, nanos};
use super::labels::{Called, Told};
use crate::model::hook::Kind;

/// How the hooks do.
#[derive(Debug)]
pub struct Hooks {
    calls: Family<(Kind, Called), Counter>,
    latency: Family<Kind, Histogram>,
    in_flight: Family<Kind, Gauge>,
    breakers: Family<Kind, Gauge>,
    waiting: Gauge<u64, AtomicU64>,
    retries: Family<Told, Counter>,
    given_up: Family<Told, Counter>,
}

impl Hooks {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            calls: Family::default(),
            latency: Family::new(Histogram::of_latencies),
            in_flight: Family::default(),
            breakers: Family::default(),
            waiting: Gauge::default(),
            retries: Family::default(),
            given_up: Family::default(),
        };
        new.register_calls(registry);
        new.register_notifications(registry);
        new
    }

    fn register_calls(&self, registry: &mut Registry) {
        registry.register(
            "hook_calls",
            "Calls of the backend's hooks, by how they went; those too that were not made",
            self.calls.clone(),
        );
        registry.register_with_unit(
            "hook_latency",
            "Time from the beginning of a call that was made to its answer, or to its failure",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register(
            "hook_calls_in_flight",
            "Calls that have no answer yet",
            self.in_flight.clone(),
        );
        registry.register(
            "hook_breaker_open",
            "1 while a hook is not called because it failed too often in a row",
            self.breakers.clone(),
        );
    }

    fn register_notifications(&self, registry: &mut Registry) {
        registry.register(
            "hook_notifications_waiting",
            "Notifications that no hook has taken yet",
            self.waiting.clone(),
        );
        registry.register(
            "hook_notification_retries",
            "Attempts to tell a hook what it did not take before",
            self.retries.clone(),
        );
        registry.register(
            "hook_notifications_given_up",
            "Notifications that no hook has taken, and that are not sent again",
            self.given_up.clone(),
        );
    }

    /// A call came out like this.
    pub fn called(&self, hook: Kind, how: Called) {
        self.calls.with((hook, how)).inc();
    }

    /// A call begins; it is in flight until what this gives is dropped.
    #[must_use]
    pub fn begin(&self, hook: Kind) -> InFlight {
        let count = self.in_flight.with(hook).clone();
        count.inc();
        InFlight(count)
    }

    /// A call that was made took so long.
    pub fn took(&self, hook: Kind, span: Duration) {
        self.latency.with(hook).observe(nanos(span));
    }

    /// Whether the breaker of a hook is open now.
    pub fn breaker(&self, hook: Kind, is_open: bool) {
        self.breakers.with(hook).set(i64::from(is_open));
    }

    /// So many notifications wait now.
    pub fn waiting(&self, count: usize) {
        self.waiting.set(count as u64);
    }

    /// A notification is sent once more.
    pub fn retried(&self, hook: Told) {
        self.retries.with(hook).inc();
    }

    /// So many notifications are not sent any more.
    pub fn given_up(&self, hook: Told, count: usize) {
        self.given_up.with(hook).inc_by(count as u64);
    }
}

/// A call that has no answer yet.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
