//! A histogram without locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Counts of whole numbers by their size. The library's own takes a lock for each observation.
#[derive(Clone, Debug)]
pub(super) struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: &'static [u64],
    /// How many of our units make one of the unit that is shown.
    scale: f64,
    /// One more than bounds: the last has none.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// From a tenth of a millisecond, which is about what an idle gateway takes, to half a minute, at which a client that
/// takes nothing is given up; in nanoseconds.
const LATENCIES: [u64; 17] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// From one event to more than the default history of a room.
const EVENTS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];

impl Histogram {
    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner {
            bounds,
            scale,
            buckets,
            sum: AtomicU64::new(0),
        }))
    }

    /// Of spans of time, shown in seconds.
    pub(super) fn of_latencies() -> Self {
        Self::new(&LATENCIES, 1e9)
    }

    /// Of numbers of events.
    pub(super) fn of_events() -> Self {
        Self::new(&EVENTS, 1.0)
    }

    /// Counts one value.
    pub(super) fn observe(&self, value: u64) {
        self.observe_all(std::iter::once(value));
    }

    /// Counts one value so many `times`.
    pub(super) fn observe_many(&self, value: u64, times: u64) {
        let Inner {
            bounds, buckets, ..
        } = &*self.0;
        let bucket = bounds.iter().position(|bound| value <= *bound);
        buckets[bucket.unwrap_or(bounds.len())].fetch_add(times, Ordering::Relaxed);
        let sum = value.saturating_mul(times);
        self.0.sum.fetch_add(sum, Ordering::Relaxed);
    }

    /// Counts several values, with one addition to their sum. The values are small more often than not, and so is
    /// the search for their bucket.
    pub(super) fn observe_all(&self, values: impl Iterator<Item = u64>) {
        let Inner {
            bounds, buckets, ..
        } = &*self.0;
        let sum = values.fold(0_u64, |sum, value| {
            let bucket = bounds.iter().position(|bound| value <= *bound);
            buckets[bucket.unwrap_or(bounds.len())].fetch_add(1, Ordering::Relaxed);
            sum.saturating_add(value)
        });
        self.0.sum.fetch_add(sum, Ordering::Relaxed);
    }
}

/// A span in the histogram's unit.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder) -> std::fmt::Result {
        let Inner { bounds, scale, .. } = &*self.0;
        let shown = bounds.iter().map(|bound| *bound as f64 / scale);
        let counts = self.0.buckets.iter();
        let buckets: Vec<(f64, u64)> = shown
            .chain([f64::INFINITY])
            .zip(counts.map(|count| count.load(Ordering::Relaxed)))
            .collect();
        // Not a number of its own, which could be ahead of the buckets.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum.load(Ordering::Relaxed) as f64 / scale;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode_registry;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_beyond_all_of_them_is_counted_too() {
        let histogram = Histogram::new(&[1_000_000_000, 2_500_000_000], 1e9);
        histogram.observe(1_000_000_000);
        histogram.observe_all([1_000_000_001, 0, 9_000_000_000].into_iter());
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register("h", "Spans", histogram);
        encode_registry(&mut text, &registry).unwrap();
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "h_sum 11.000000001",
                "h_count 4",
                "h_bucket{le=\"1.0\"} 2",
                "h_bucket{le=\"2.5\"} 3",
                "h_bucket{le=\"+Inf\"} 4",
            ]
        );
    }
}
