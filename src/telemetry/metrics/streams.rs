//! Streams, and what they were given.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use super::family::Family;
use super::histogram::{Histogram, nanos};
use super::labels::{Door, End, HttpVersion, Kind, Resume};
use crate::model::code::Code;
use crate::model::dialect::Dialect;
use crate::model::gap::Reason;
use crate::model::transport::Transport;
use crate::telemetry::audit::Entry;

#[derive(Debug)]
pub(super) struct Streams {
    open: Family<(Transport, Dialect, HttpVersion), Gauge>,
    opened: Family<(Transport, Dialect, HttpVersion), Counter>,
    ended: Family<(Transport, Dialect, End), Counter>,
    deliveries: Family<(Transport, Dialect, Kind), Counter>,
    bytes: Family<Transport, Counter>,
    latency: Family<Transport, Histogram>,
    lag: Family<Transport, Histogram>,
    gaps: Family<Reason, Counter>,
    resumes: Family<(Transport, Dialect, Resume), Counter>,
}

impl Streams {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            open: Family::default(),
            opened: Family::default(),
            ended: Family::default(),
            deliveries: Family::default(),
            bytes: Family::default(),
            latency: Family::new(Histogram::of_latencies),
            lag: Family::new(Histogram::of_events),
            gaps: Family::default(),
            resumes: Family::default(),
        };
        new.register_streams(registry);
        new.register_deliveries(registry);
        new
    }

    fn register_streams(&self, registry: &mut Registry) {
        registry.register("streams", "Streams that are open", self.open.clone());
        registry.register(
            "streams_opened",
            "Streams that were opened; each poll is one",
            self.opened.clone(),
        );
        registry.register(
            "streams_ended",
            "Streams that ended, by who or what ended them",
            self.ended.clone(),
        );
        registry.register(
            "gaps",
            "Gaps that streams were told instead of events",
            self.gaps.clone(),
        );
        registry.register(
            "resumes",
            "Streams that were opened with a cursor, by whether all that they missed was held",
            self.resumes.clone(),
        );
    }

    fn register_deliveries(&self, registry: &mut Registry) {
        registry.register(
            "deliveries",
            "Events handed to a connection, once for each stream",
            self.deliveries.clone(),
        );
        registry.register_with_unit(
            "delivered",
            "Size of these events as encoded, without the framing of the transport",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register_with_unit(
            "delivery_latency",
            "Time from an event's place in the log to its handing over to a connection, live events only",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register(
            "reader_lag_events",
            "Events that waited for a stream each time that it read some",
            self.lag.clone(),
        );
    }
}

/// What counts for one stream. Its places in the arrays are known from the start, so that a delivery looks nothing up.
/// Counting takes some 50 ns a batch of one event, and 12 ns an event in a batch of 256: a few additions to atomics.
#[derive(Debug)]
pub struct Meter {
    metrics: Arc<Metrics>,
    transport: Transport,
    dialect: Dialect,
    version: HttpVersion,
    end: End,
    /// What the audit log knows of it.
    entry: Option<Box<Entry>>,
}

/// One event that is handed to a connection.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// As encoded.
    pub bytes: usize,
    /// Since its append; nothing if it was appended before the stream was opened.
    pub latency: Option<Duration>,
}

impl Meter {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        transport: Transport,
        dialect: Dialect,
        version: HttpVersion,
    ) -> Self {
        let labels = (transport, dialect, version);
        metrics.streams.opened.with(labels).inc();
        metrics.streams.open.with(labels).inc();
        Self {
            metrics,
            transport,
            dialect,
            version,
            end: End::Client,
            entry: None,
        }
    }

    /// From now on the stream is one of the audit log's too, if there is one.
    pub fn audited(&mut self, entry: Option<Box<Entry>>) {
        self.entry = entry;
    }

    /// What the audit log knows of the stream; nothing where it is off.
    pub fn entry(&mut self) -> Option<&mut Entry> {
        self.entry.as_deref_mut()
    }

    /// Counts events that are handed to the connection in one go.
    pub fn deliver(&self, events: impl Iterator<Item = Given>) {
        let (mut live, mut replayed, mut bytes) = (0, 0, 0);
        let streams = &self.metrics.streams;
        let latencies = events.filter_map(|given| {
            bytes += given.bytes as u64;
            *(if given.latency.is_some() {
                &mut live
            } else {
                &mut replayed
            }) += 1;
            given.latency.map(nanos)
        });
        streams.latency.with(self.transport).observe_all(latencies);
        for (kind, count) in [(Kind::Live, live), (Kind::Replay, replayed)] {
            if count > 0 {
                streams
                    .deliveries
                    .with((self.transport, self.dialect, kind))
                    .inc_by(count);
            }
        }
        streams.bytes.with(self.transport).inc_by(bytes);
    }

    /// Counts a read that found so many events waiting.
    pub fn read(&self, waiting: usize) {
        self.metrics
            .streams
            .lag
            .with(self.transport)
            .observe(waiting as u64);
    }

    /// Counts a gap that was told.
    pub fn gap(&self, reason: Reason) {
        self.metrics.streams.gaps.with(reason).inc();
    }

    /// Counts a client that came back with a cursor: whether all that it missed was held.
    pub fn resumed(&self, whole: bool) {
        let outcome = if whole { Resume::Hit } else { Resume::Gap };
        let resumes = &self.metrics.streams.resumes;
        resumes.with((self.transport, self.dialect, outcome)).inc();
    }

    /// Counts a refusal that was told on the stream.
    pub fn refused(&self, code: Code) {
        self.metrics.refused(code, Door::Stream(self.transport));
    }

    /// From now on the stream is one of this `transport`.
    pub fn is_carried_by(&mut self, transport: Transport) {
        let open = &self.metrics.streams.open;
        open.with((self.transport, self.dialect, self.version))
            .dec();
        open.with((transport, self.dialect, self.version)).inc();
        self.transport = transport;
        if let Some(entry) = &mut self.entry {
            entry.is_carried_by(transport);
        }
    }

    /// Says why the stream ends, if it is not that the client is gone.
    pub const fn ends(&mut self, end: End) {
        self.end = end;
    }
}

impl Metrics {
    /// Counts what many streams read alike in one go: `waiting` events were found by each of `streams`, and the events
    /// `given` were handed to its connection, all of them live.
    pub fn deliver_alike(
        &self,
        transport: Transport,
        dialect: Dialect,
        streams: u64,
        waiting: usize,
        given: impl Iterator<Item = Given>,
    ) {
        let (mut events, mut bytes) = (0, 0);
        for one in given {
            events += 1;
            bytes += one.bytes as u64;
            if let Some(latency) = one.latency {
                let latencies = self.streams.latency.with(transport);
                latencies.observe_many(nanos(latency), streams);
            }
        }
        let labels = (transport, dialect, Kind::Live);
        self.streams
            .deliveries
            .with(labels)
            .inc_by(events * streams);
        self.streams.bytes.with(transport).inc_by(bytes * streams);
        let lag = self.streams.lag.with(transport);
        lag.observe_many(waiting as u64, streams);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let streams = &self.metrics.streams;
        let (transport, dialect) = (self.transport, self.dialect);
        streams.open.with((transport, dialect, self.version)).dec();
        streams.ended.with((transport, dialect, self.end)).inc();
        if let Some(entry) = &self.entry {
            entry.ended(self.end);
        }
    }
}
