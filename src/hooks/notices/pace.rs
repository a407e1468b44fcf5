//! When what was not heard is told again, and when no more.

use std::time::Duration;

/// So often is it sent at most.
pub(super) const ATTEMPTS: u32 = 10;
/// Older than that it is no news.
pub(super) const OLDEST: Duration = Duration::from_secs(15 * 60);
/// After the first attempt, at most; twice as long after each further one.
const FIRST: Duration = Duration::from_millis(500);
/// At most.
const LONGEST: Duration = Duration::from_secs(30);
/// What a hook asks for is believed up to here.
const BELIEVED: Duration = Duration::from_secs(60);

/// How long to wait after so many `attempts`, at most, and at least where the hook says when to come back.
pub(super) fn pause(attempts: u32, asked: Option<Duration>) -> (Duration, Duration) {
    let doublings = attempts.saturating_sub(1).min(10);
    let most = (FIRST * 2_u32.pow(doublings)).min(LONGEST);
    let least = asked.unwrap_or_default().min(BELIEVED).max(most / 2);
    (least, most.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_seldom_and_a_hook_may_ask_for_more_time() {
        let pauses: Vec<_> = (1..=9)
            .map(|attempts| pause(attempts, None).1.as_millis())
            .collect();
        let expected = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
        assert_eq!(pauses, expected);
        let second = Duration::from_secs(1);
        assert_eq!(pause(2, None), (second / 2, second));
        assert_eq!(pause(1, Some(second * 7)), (second * 7, second * 7));
        assert_eq!(pause(1, Some(second * 7000)).0, BELIEVED);
        assert_eq!(pause(7, Some(Duration::ZERO)), (second * 15, second * 30));
    }
}
