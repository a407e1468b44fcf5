//! How long to wait before the next attempt: exponential backoff with full jitter, so that a herd of clients that
//! lost the same gateway does not come back as one.

use std::time::Duration;

use crate::lifecycle::random;

/// A gateway that asks for more than this is asked again all the same.
const PATIENCE: Duration = Duration::from_secs(300);

/// Doubles with each failure in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

/// A wait between two bounds, any of them as likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// What the gateway asked for, or nothing.
    pub(super) least: Duration,
    /// Not longer than this.
    pub(super) most: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failures: 0,
        }
    }

    /// Something went well.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure; `least` is what the gateway asked for.
    pub(super) fn pause(&mut self, least: Option<Duration>) -> Pause {
        let spread = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let least = least.unwrap_or_default().min(PATIENCE);
        Pause {
            least,
            most: least + spread.min(self.most),
        }
    }
}

impl Pause {
    /// A span between the bounds.
    pub(super) fn roll(self) -> Duration {
        random::between(self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_bound_and_begins_where_the_gateway_said() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(1), seconds(30));
        let spreads: Vec<u64> = (0..7).map(|_| backoff.pause(None).most.as_secs()).collect();
        assert_eq!(spreads, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        let asked = backoff.pause(Some(seconds(10)));
        assert_eq!((asked.least, asked.most), (seconds(10), seconds(11)));
        assert!((asked.least..=asked.most).contains(&asked.roll()));
        assert_eq!(backoff.pause(Some(Duration::MAX)).least, PATIENCE);
        (0..100).for_each(|_| _ = backoff.pause(None));
        assert_eq!(backoff.pause(None).most, seconds(30));
    }
}
