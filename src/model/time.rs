//! Points in time as plain numbers, so that pure code can be handed any of them.

use std::num::NonZeroU64;
use std::time::Duration;

/// A point on the gateway's monotonic clock: nanoseconds since the clock was made.
///
/// It never goes back and says nothing about the calendar; use it for ages, deadlines and rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(
    /// One more than the nanoseconds, so that the absence of a moment takes no room: a stream has several that it may not
    /// have.
    NonZeroU64,
);

impl Moment {
    /// The moment that lies `since_origin` after the clock's origin (saturating at 584 years).
    #[must_use]
    pub fn from_origin(since_origin: Duration) -> Self {
        Self::default() + since_origin
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// The moment that lies `span` before this one, but never before the origin.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let left = self.0.get().saturating_sub(nanos);
        Self(NonZeroU64::new(left).unwrap_or(NonZeroU64::MIN))
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Moment {
    /// The clock's origin.
    fn default() -> Self {
        Self(NonZeroU64::MIN)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    /// Saturates instead of wrapping: a deadline beyond 584 years is "never".
    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, as they stand in an event's `ts`.
///
/// The calendar may jump; nothing is ordered or evicted by it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Milliseconds from `earlier` to here; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC, to the millisecond: `2026-11-20T16:05:46.123Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// The date of the day that is `days` after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms": years begin in March, so that a leap day is the last of its year).
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + (month <= 2) as u64, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_far_from_the_origin_as_it_was_made_and_saturates() {
        let far = Duration::from_nanos(u64::MAX - 1);
        for span in [Duration::ZERO, Duration::from_nanos(1), far] {
            let moment = Moment::from_origin(span);
            assert_eq!(u128::from(moment.as_nanos()), span.as_nanos());
            assert_eq!(moment.since(Moment::default()), span);
        }
        let moment = Moment::from_origin(far);
        assert_eq!(moment.before(far), Moment::default());
        assert_eq!(moment.before(Duration::MAX), Moment::default());
        assert_eq!(
            moment.before(Duration::from_nanos(1)) + Duration::from_nanos(1),
            moment
        );
        let never = Moment::from_origin(Duration::MAX);
        assert_eq!(never + far, never);
        assert!(never >= Moment::from_origin(far));
        assert_eq!(size_of::<Option<Moment>>(), size_of::<Moment>());
    }

    #[test]
    fn a_time_is_written_as_the_standard_says() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(UnixMillis(millis).to_rfc3339(), text);
        }
        assert!(UnixMillis(u64::MAX).to_rfc3339().ends_with('Z'));
    }
}
