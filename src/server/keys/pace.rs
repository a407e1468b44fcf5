//! When a set of keys is fetched again.

use std::time::Duration;

/// Between two fetches that are made because a token names a key which is not there.
pub(super) const SELDOM: Duration = Duration::from_secs(30);
/// What a source says of the age of its keys is not believed below.
const SHORTEST: Duration = Duration::from_secs(60);
/// After a first failure; doubled by each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The most doublings: a minute or so.
const DOUBLINGS: u32 = 6;

/// How many fetches have failed in a row.
#[derive(Debug, Default)]
pub(super) struct Pace(u32);

/// When the next fetch is due, counted from the last: somewhere in between, so that nodes do not come as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Pace {
    /// After a fetch that brought keys: as the operator wants it, or sooner where the source does.
    pub(super) fn after(&mut self, refresh: Duration, max_age: Option<Duration>) -> Span {
        self.0 = 0;
        let most = max_age.map_or(refresh, |age| age.max(SHORTEST).min(refresh));
        Span {
            least: most.mul_f64(0.9),
            most,
        }
    }

    /// After one that failed.
    pub(super) fn after_failure(&mut self, refresh: Duration) -> Span {
        let doublings = self.0.min(DOUBLINGS);
        self.0 = self.0.saturating_add(1);
        let most = (FIRST_RETRY * 2_u32.pow(doublings)).min(refresh);
        Span {
            least: most / 2,
            most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_source_can_ask_for_more_fetches_and_not_for_fewer_nor_for_a_flood() {
        let mut pace = Pace::default();
        for (max_age, most) in [
            (None, 600),
            (Some(0), 60),
            (Some(59), 60),
            (Some(300), 300),
            (Some(86_400), 600),
        ] {
            let span = pace.after(seconds(600), max_age.map(seconds));
            assert_eq!(span.most, seconds(most), "{max_age:?}");
            assert_eq!(span.least, seconds(most).mul_f64(0.9), "{max_age:?}");
        }
        assert_eq!(pace.after(seconds(60), Some(seconds(0))).most, seconds(60));
    }

    #[test]
    fn failures_are_tried_again_ever_more_seldom() {
        let mut pace = Pace::default();
        let waits: Vec<_> = (0..9)
            .map(|_| pace.after_failure(seconds(600)).most.as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(pace.after_failure(seconds(60)).most, seconds(60));
        pace.after(seconds(600), None);
        let span = pace.after_failure(seconds(600));
        assert_eq!((span.least, span.most), (seconds(1) / 2, seconds(1)));
    }
}
