//! What the clients of one thread have seen, and what of it the others are told while it goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::ledger::Ledger;
use crate::model::time::Moment;

/// How many for each reason: a code of the gateway, a status, or what happened to the connection.
pub(super) type Reasons = BTreeMap<String, u64>;

/// Spans of time, from a microsecond to a minute, within a tenth of a percent. What lies outside counts as the nearest
/// that lies inside.
///
/// There is always a histogram: its bounds are constants that it takes.
#[derive(Clone, Debug)]
pub(super) struct Spans(Option<Histogram<u64>>);

impl Default for Spans {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1_000, 60_000_000_000, 3).ok())
    }
}

impl Spans {
    pub(super) fn record(&mut self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanos);
        }
    }

    /// The span that a share of all does not exceed; nothing where nothing was recorded.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let recorded = self.0.as_ref().filter(|histogram| !histogram.is_empty());
        recorded.map(|histogram| Duration::from_nanos(histogram.value_at_quantile(share)))
    }

    /// How many were recorded.
    pub(super) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    fn add(&mut self, other: &Self) {
        if let (Some(own), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds, so it fits.
            let _ = own.add(other);
        }
    }
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) connected: u64,
    pub(super) refused: Reasons,
    /// Streams that had been open.
    pub(super) ended: Reasons,
    /// From the attempt of each client until its stream was open.
    pub(super) opening: Spans,
    pub(super) last_opened: Moment,
    /// From the first attempt of all until a client had everything.
    pub(super) served: Spans,
    /// From the publish to the arrival.
    pub(super) latency: Spans,
    pub(super) last_arrival: Moment,
    pub(super) delivered: u64,
    pub(super) late: u64,
    pub(super) again: u64,
    /// Gaps that the gateway has told.
    pub(super) gaps: u64,
    /// Of each client; those of clients that were refused are empty.
    pub(super) ledgers: Vec<(bool, Ledger)>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.connected += other.connected;
        for (reason, count) in other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        for (reason, count) in other.ended {
            *self.ended.entry(reason).or_default() += count;
        }
        self.opening.add(&other.opening);
        self.served.add(&other.served);
        self.latency.add(&other.latency);
        self.last_opened = self.last_opened.max(other.last_opened);
        self.last_arrival = self.last_arrival.max(other.last_arrival);
        self.delivered += other.delivered;
        self.late += other.late;
        self.again += other.again;
        self.gaps += other.gaps;
        self.ledgers.extend(other.ledgers);
    }
}

/// How far the clients of a thread are, for another thread to look at.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) connected: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) served: AtomicU64,
}

/// How far all clients are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) connected: u64,
    pub(super) refused: u64,
    pub(super) ended: u64,
    pub(super) delivered: u64,
    pub(super) served: u64,
}

impl Progress {
    /// One more. Each number is written by one thread.
    pub(super) fn count(number: &AtomicU64) {
        number.store(number.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl<'a> FromIterator<&'a Progress> for Seen {
    fn from_iter<I: IntoIterator<Item = &'a Progress>>(all: I) -> Self {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        all.into_iter().fold(Self::default(), |sum, one| Self {
            connected: sum.connected + read(&one.connected),
            refused: sum.refused + read(&one.refused),
            ended: sum.ended + read(&one.ended),
            delivered: sum.delivered + read(&one.delivered),
            served: sum.served + read(&one.served),
        })
    }
}
