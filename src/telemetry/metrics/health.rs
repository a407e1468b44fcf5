//! How the gateway itself does: what it is asked for by probes, configured with, and told to revoke.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::family::Family;
use super::labels::{Flight, Line, Reload, Revoked, Verdict};
use crate::model::time::UnixMillis;

type Whole = Gauge<u64, AtomicU64>;
type Seconds = Gauge<f64, AtomicU64>;

/// What is looked at when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    /// Shards that hang.
    pub hanging: usize,
    /// Since the canary came back last, or the gateway started.
    pub canary: Duration,
    /// Tokens that were presented.
    pub tokens: Tokens,
}

/// How many tokens were found to be what, since the keys were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Good, and known from before.
    pub remembered: u64,
    /// Good.
    pub verified: u64,
    /// Not good.
    pub refused: u64,
}

#[derive(Debug)]
pub(super) struct Gateway {
    hanging: Whole,
    canary: Seconds,
    flights: Family<Flight, Counter>,
    tokens: Family<Verdict, Counter>,
    revocations: Family<Revoked, Counter>,
    lines: Family<Line, Counter>,
    reloads: Reloads,
}

#[derive(Debug)]
struct Reloads {
    outcomes: Family<Reload, Counter>,
    succeeded: Whole,
    at: Seconds,
}

impl Gateway {
    pub(super) fn register(registry: &mut Registry, started: UnixMillis) -> Self {
        let new = Self {
            hanging: Whole::default(),
            canary: Seconds::default(),
            flights: Family::default(),
            tokens: Family::default(),
            revocations: Family::default(),
            lines: Family::default(),
            reloads: Reloads::register(registry, started),
        };
        new.register_state(registry);
        new.register_counts(registry);
        new
    }

    fn register_state(&self, registry: &mut Registry) {
        registry.register(
            "shards_hanging",
            "Shards whose threads hang",
            self.hanging.clone(),
        );
        registry.register_with_unit(
            "canary_age",
            "Time since a canary came back through the log, or since the start; readiness probes send it",
            Unit::Seconds,
            self.canary.clone(),
        );
    }

    fn register_counts(&self, registry: &mut Registry) {
        registry.register(
            "canaries",
            "Canaries that were sent through the log, by how their flight came out",
            self.flights.clone(),
        );
        registry.register(
            "tokens",
            "Tokens that were presented, by how they were found to be good or not",
            self.tokens.clone(),
        );
        registry.register(
            "revocations",
            "Revocations, by what they name",
            self.revocations.clone(),
        );
        registry.register(
            "audit_lines",
            "Lines of the audit log, by what became of them",
            self.lines.clone(),
        );
    }

    pub(super) fn set(&self, health: Health) {
        self.hanging.set(health.hanging as u64);
        self.canary.set(health.canary.as_secs_f64());
        let Tokens {
            remembered,
            verified,
            refused,
        } = health.tokens;
        for (verdict, count) in [
            (Verdict::Remembered, remembered),
            (Verdict::Verified, verified),
            (Verdict::Refused, refused),
        ] {
            let shown = self.tokens.with(verdict).inner();
            shown.store(count, std::sync::atomic::Ordering::Relaxed);
        }
    }

    pub(super) fn flown(&self, flight: Flight) {
        self.flights.with(flight).inc();
    }

    pub(super) fn revoked(&self, what: Revoked) {
        self.revocations.with(what).inc();
    }

    pub(super) fn lines(&self) -> Lines {
        Lines(self.lines.clone())
    }

    pub(super) fn reloaded(&self, outcome: Reload, now: UnixMillis) {
        self.reloads.outcomes.with(outcome).inc();
        self.reloads
            .succeeded
            .set(u64::from(outcome == Reload::Applied));
        if outcome == Reload::Applied {
            self.reloads.at.set(seconds(now));
        }
    }
}

impl Reloads {
    fn register(registry: &mut Registry, started: UnixMillis) -> Self {
        let new = Self {
            outcomes: Family::default(),
            succeeded: Whole::default(),
            at: Seconds::default(),
        };
        new.succeeded.set(1);
        new.at.set(seconds(started));
        registry.register(
            "config_reloads",
            "New configurations since the start, by what became of them",
            new.outcomes.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "1 if the last configuration that was read holds, 0 if it was refused",
            new.succeeded.clone(),
        );
        registry.register_with_unit(
            "config_last_reload_success_timestamp",
            "When the configuration that holds was read, in seconds since 1970",
            Unit::Seconds,
            new.at.clone(),
        );
        new
    }
}

fn seconds(at: UnixMillis) -> f64 {
    at.0 as f64 / 1000.0
}

/// Counts lines of the audit log.
#[derive(Clone, Debug)]
pub struct Lines(Family<Line, Counter>);

impl Lines {
    /// Counts `lines` lines of which this became.
    pub fn count(&self, outcome: Line, lines: usize) {
        self.0.with(outcome).inc_by(lines as u64);
    }
}
