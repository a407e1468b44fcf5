//! The threads that streams live on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{Histogram, nanos};

/// Beats in one window of [`Pulse::late`]: half a minute where each is a second.
const WINDOW: u64 = 30;

#[derive(Debug)]
pub(super) struct Shards {
    pulses: Pulses,
    wait: Histogram,
}

/// Those of all shards, by their numbers.
#[derive(Clone, Debug, Default)]
struct Pulses(Arc<Mutex<Vec<Arc<Pulse>>>>);

/// What one shard says of itself.
#[derive(Debug)]
pub struct Pulse {
    newcomers: AtomicU64,
    beats: AtomicU64,
    /// The most nanoseconds that a beat of this window, and of the one before, came late.
    worst: [AtomicU64; 2],
    wait: Histogram,
}

impl Shards {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            pulses: Pulses::default(),
            wait: Histogram::of_latencies(),
        };
        registry.register_collector(Box::new(new.pulses.clone()));
        registry.register_with_unit(
            "newcomer_wait",
            "Time from the handing over of a stream, or of a poll that waits, to its first turn in its shard",
            Unit::Seconds,
            new.wait.clone(),
        );
        new
    }

    /// One more shard; the first is number 0.
    pub(super) fn add(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            newcomers: AtomicU64::new(0),
            beats: AtomicU64::new(0),
            worst: Default::default(),
            wait: self.wait.clone(),
        });
        self.pulses.lock().push(pulse.clone());
        pulse
    }
}

impl Pulse {
    /// So many wait for their first turn now.
    pub fn waiting(&self, newcomers: usize) {
        self.newcomers.store(newcomers as u64, Ordering::Relaxed);
    }

    /// One has its first turn, after so long.
    pub fn welcomed(&self, waited: Duration) {
        self.wait.observe(nanos(waited));
    }

    /// A beat came so much later than it was due: that long the thread was busy with something else.
    pub fn late(&self, by: Duration) {
        let beat = self.beats.fetch_add(1, Ordering::Relaxed);
        if beat.is_multiple_of(WINDOW) {
            let last = self.worst[0].swap(0, Ordering::Relaxed);
            self.worst[1].store(last, Ordering::Relaxed);
        }
        self.worst[0].fetch_max(nanos(by), Ordering::Relaxed);
    }

    /// The latest of the last beats, 30 to 60 of them.
    fn delay(&self) -> Duration {
        let worst = self.worst.iter().map(|worst| worst.load(Ordering::Relaxed));
        Duration::from_nanos(worst.max().unwrap_or(0))
    }
}

impl Pulses {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Pulse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit): (&str, &str, Option<&Unit>),
        value: impl Fn(&Pulse) -> f64,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (number, pulse) in self.lock().iter().enumerate() {
            let labels = [("shard", number.to_string())];
            ConstGauge::new(value(pulse)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Pulses {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let newcomers = (
            "newcomers",
            "Streams, and polls that wait, that were handed to a shard and had no turn yet.",
            None,
        );
        self.show(&mut encoder, newcomers, |pulse| {
            pulse.newcomers.load(Ordering::Relaxed) as f64
        })?;
        let delay = (
            "loop_delay",
            "How late the latest of a shard's last 30 to 60 beats came; it beats every second.",
            Some(&Unit::Seconds),
        );
        self.show(&mut encoder, delay, |pulse| pulse.delay().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_beat_is_shown_for_one_window_and_a_part_of_the_next_and_no_longer() {
        let shards = Shards::register(&mut Registry::default());
        let pulse = shards.add();
        assert_eq!(pulse.delay(), Duration::ZERO);
        pulse.late(Duration::from_millis(7));
        for _ in 1..2 * WINDOW {
            pulse.late(Duration::from_millis(1));
            assert_eq!(pulse.delay(), Duration::from_millis(7));
        }
        pulse.late(Duration::from_millis(2));
        assert_eq!(pulse.delay(), Duration::from_millis(2));
    }
}
