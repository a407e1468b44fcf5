//! The log and its readers, as they are when somebody looks.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What the log holds, and how far behind its slowest reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Events held.
    pub events: usize,
    /// The memory that they are taken to use, in bytes.
    pub bytes: usize,
    /// The age of the oldest event held; zero if there is none.
    pub oldest: Duration,
    /// The retained values of all rooms.
    pub values: usize,
    /// The memory that they are taken to use, in bytes.
    pub value_bytes: usize,
    /// The memory of what waits for the end of a window, in bytes.
    pub window_bytes: usize,
    /// The most events of one room that wait for one reader.
    pub lag_events: usize,
    /// The age of the oldest event that waits for a reader; zero if none waits.
    pub lag: Duration,
    /// Principals that are in rooms where that is looked at, one of several rooms counted in each.
    pub members: usize,
}

#[derive(Debug)]
pub(super) struct Gauges {
    events: Whole,
    bytes: Whole,
    oldest: Seconds,
    values: Whole,
    value_bytes: Whole,
    window_bytes: Whole,
    lag_events: Whole,
    lag: Seconds,
    members: Whole,
}

type Whole = Gauge<u64, AtomicU64>;
type Seconds = Gauge<f64, AtomicU64>;

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            events: Whole::default(),
            bytes: Whole::default(),
            oldest: Seconds::default(),
            values: Whole::default(),
            value_bytes: Whole::default(),
            window_bytes: Whole::default(),
            lag_events: Whole::default(),
            lag: Seconds::default(),
            members: Whole::default(),
        };
        registry.register(
            "log_events",
            "Events that the log holds",
            new.events.clone(),
        );
        registry.register_with_unit(
            "log",
            "Memory that the events in the log are taken to use",
            Unit::Bytes,
            new.bytes.clone(),
        );
        registry.register_with_unit(
            "log_oldest_age",
            "Age of the oldest event in the log; 0 if it is empty",
            Unit::Seconds,
            new.oldest.clone(),
        );
        registry.register(
            "state_values",
            "Retained values of all rooms",
            new.values.clone(),
        );
        registry.register_with_unit(
            "state",
            "Memory that the retained values are taken to use",
            Unit::Bytes,
            new.value_bytes.clone(),
        );
        registry.register_with_unit(
            "windows",
            "Memory of the events that wait for the end of a window",
            Unit::Bytes,
            new.window_bytes.clone(),
        );
        new.register_readers(registry);
        new
    }

    fn register_readers(&self, registry: &mut Registry) {
        registry.register(
            "slowest_reader_lag_events",
            "Most events of one room that wait for one reader now",
            self.lag_events.clone(),
        );
        registry.register_with_unit(
            "slowest_reader_lag",
            "Age of the oldest event that waits for a reader now; 0 if none waits",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "presence_members",
            "Principals that are in rooms with presence, one of several rooms counted in each",
            self.members.clone(),
        );
    }

    pub(super) fn set(&self, log: Log) {
        self.events.set(log.events as u64);
        self.bytes.set(log.bytes as u64);
        self.oldest.set(log.oldest.as_secs_f64());
        self.values.set(log.values as u64);
        self.value_bytes.set(log.value_bytes as u64);
        self.window_bytes.set(log.window_bytes as u64);
        self.lag_events.set(log.lag_events as u64);
        self.lag.set(log.lag.as_secs_f64());
        self.members.set(log.members as u64);
    }
}
