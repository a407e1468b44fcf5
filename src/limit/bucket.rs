//! A token bucket in eight bytes: the generic cell rate algorithm (ITU-T I.371).
//!
//! A bucket would hold a level and the time it was last filled. GCRA keeps one number instead, the moment at
//! which the bucket will be full again; both say the same, and one number is what each idle stream can afford.

use std::time::Duration;

use crate::model::limits::Rate;
use crate::model::time::Moment;

/// One bucket, full when made. The rate is an argument, because all streams of a role share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again, in nanoseconds on the gateway's clock.
    full_at: u64,
}

impl Bucket {
    /// Takes one token at `now`; `rate.count` of them may be taken at once.
    ///
    /// A bucket never owes more than one whole period of the rate at hand: a stream whose role changes is
    /// not held to the debts of a slower rate.
    ///
    /// # Errors
    /// The bucket is empty: how long until the next token. Nothing was taken.
    pub fn take(&mut self, rate: Rate, now: Moment) -> Result<(), Duration> {
        let interval = interval(rate);
        let capacity = interval.saturating_mul(u64::from(rate.count.max(1)));
        let now = now.as_nanos();
        let debt = self.full_at.saturating_sub(now).min(capacity);
        let room = capacity - interval;
        if debt > room {
            return Err(Duration::from_nanos(debt - room));
        }
        self.full_at = now.saturating_add(debt).saturating_add(interval);
        Ok(())
    }

    /// What [`Self::take`] would answer now; nothing is taken.
    ///
    /// # Errors
    /// The bucket is empty: how long until the next token.
    pub fn look(mut self, rate: Rate, now: Moment) -> Result<(), Duration> {
        self.take(rate, now)
    }

    /// When it is full again, in nanoseconds on the gateway's clock: of two buckets, the one that is full later owes more.
    pub(super) const fn full_at(self) -> u64 {
        self.full_at
    }
}

/// Nanoseconds a token; at least one, so that no rate is without bound.
fn interval(rate: Rate) -> u64 {
    let token = rate.per.as_nanos() / u128::from(rate.count.max(1));
    u64::try_from(token).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWENTY_A_SECOND: Rate = Rate {
        count: 20,
        per: Duration::from_secs(1),
    };

    fn at(nanos: u64) -> Moment {
        Moment::from_origin(Duration::from_nanos(nanos))
    }

    /// What GCRA must agree with: a level in nanoseconds that rises with time.
    struct Naive {
        level: u128,
        filled: u64,
    }

    impl Naive {
        fn take(&mut self, rate: Rate, now: u64) -> Result<(), Duration> {
            let token = (rate.per.as_nanos() / u128::from(rate.count)).max(1);
            let capacity = token * u128::from(rate.count);
            self.level = (self.level + u128::from(now - self.filled)).min(capacity);
            self.filled = now;
            if self.level < token {
                let short = u64::try_from(token - self.level).unwrap();
                return Err(Duration::from_nanos(short));
            }
            self.level -= token;
            Ok(())
        }
    }

    fn rate() -> impl Strategy<Value = Rate> {
        let per = prop_oneof![1_u64..50, 1_u64..10_000_000_000];
        (1_u32..200, per).prop_map(|(count, per)| Rate {
            count,
            per: Duration::from_nanos(per),
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_naive_token_bucket(
            rate in rate(),
            start in prop_oneof![Just(0), 0_u64..1 << 60],
            pauses in prop::collection::vec(
                prop_oneof![3 => Just(0), 3 => 0_u64..60_000_000, 2 => 0_u64..20_000_000_000, 1 => 0_u64..1 << 55],
                1..200,
            ),
        ) {
            let mut bucket = Bucket::default();
            let mut naive = Naive { level: u128::MAX / 2, filled: start };
            let mut now = start;
            for pause in pauses {
                now += pause;
                prop_assert_eq!(bucket.take(rate, at(now)), naive.take(rate, now));
            }
        }

        #[test]
        fn who_waits_as_long_as_told_is_served_and_not_a_nanosecond_sooner(
            rate in rate(), start in 0_u64..1 << 60,
        ) {
            let mut bucket = Bucket::default();
            for _ in 0..rate.count {
                prop_assert_eq!(bucket.take(rate, at(start)), Ok(()));
            }
            let wait = bucket.take(rate, at(start)).unwrap_err();
            prop_assert!(wait > Duration::ZERO && wait <= rate.per.max(Duration::from_nanos(1)));
            let early = at(start) + (wait - Duration::from_nanos(1));
            prop_assert_eq!(bucket.take(rate, early), Err(Duration::from_nanos(1)));
            prop_assert_eq!(bucket.take(rate, at(start) + wait), Ok(()));
        }
    }

    #[test]
    fn at_the_clocks_origin_the_bucket_is_full_and_no_fuller() {
        let mut bucket = Bucket::default();
        let taken = (0..100)
            .filter(|_| bucket.take(TWENTY_A_SECOND, at(0)).is_ok())
            .count();
        assert_eq!(taken, 20);
        assert_eq!(
            bucket.take(TWENTY_A_SECOND, at(0)),
            Err(Duration::from_millis(50))
        );
    }

    #[test]
    fn a_long_silence_fills_the_bucket_and_does_not_overfill_it() {
        let mut bucket = Bucket::default();
        for now in [0, 3_000_000_000, u64::MAX / 2] {
            let taken = (0..100)
                .filter(|_| bucket.take(TWENTY_A_SECOND, at(now)).is_ok())
                .count();
            assert_eq!(taken, 20, "at {now}");
        }
    }

    #[test]
    fn rates_and_times_at_the_end_of_their_range_saturate() {
        let once_an_age = Rate {
            count: 1,
            per: Duration::MAX,
        };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(once_an_age, at(0)), Ok(()));
        assert_eq!(
            bucket.take(once_an_age, at(1)),
            Err(Duration::from_nanos(u64::MAX - 1))
        );

        let many = Rate {
            count: u32::MAX,
            per: Duration::from_nanos(1),
        };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(many, at(0)), Ok(()));
        assert_eq!(bucket.take(many, at(u64::MAX)), Ok(()));
    }

    #[test]
    fn the_debts_of_a_slower_rate_do_not_outlive_a_change_of_role() {
        let slow = Rate {
            count: 1,
            per: Duration::from_secs(3600),
        };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(slow, at(0)), Ok(()));
        assert_eq!(
            bucket.take(TWENTY_A_SECOND, at(0)),
            Err(Duration::from_millis(50))
        );
    }

    #[test]
    fn a_bucket_costs_eight_bytes() {
        assert_eq!(size_of::<Bucket>(), 8);
    }
}
