//! The ceiling of memory: above it new streams are refused, and nothing that is there is touched.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::time::Moment;

/// How long one look counts: reading what the system says of the process costs more than a refusal.
const FRESH: Duration = Duration::from_secs(1);

/// How much memory the process has, as it was last looked at.
pub struct Ceiling {
    resident: fn() -> Option<u64>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    at: Option<Moment>,
    bytes: u64,
    is_met: bool,
}

impl Ceiling {
    /// Looks by `resident`, which gives bytes, or nothing where the system does not tell.
    #[must_use]
    pub fn new(resident: fn() -> Option<u64>) -> Self {
        Self {
            resident,
            seen: Mutex::default(),
        }
    }

    /// Whether the process has more than `most` bytes, by a look that is a second old at most.
    pub fn is_met(&self, most: Option<usize>, now: Moment) -> bool {
        let Some(most) = most else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.is_none_or(|at| now.since(at) >= FRESH) {
            seen.at = Some(now);
            seen.bytes = (self.resident)().unwrap_or_default();
        }
        let (resident, is_met) = (seen.bytes, seen.bytes > most as u64);
        if is_met && !seen.is_met {
            tracing::warn!(
                resident,
                limit = most,
                "limits.memory is met: new streams are refused until there is less"
            );
        } else if seen.is_met && !is_met {
            tracing::info!(
                resident,
                limit = most,
                "below limits.memory: new streams are let in again"
            );
        }
        seen.is_met = is_met;
        is_met
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    static LOOKS: AtomicU64 = AtomicU64::new(0);

    #[test]
    fn it_is_looked_at_once_a_second_and_only_where_there_is_a_ceiling() {
        let ceiling = Ceiling::new(|| Some(LOOKS.fetch_add(1, Ordering::Relaxed)));
        let at = |ms| Moment::default() + Duration::from_millis(ms);
        assert!(!ceiling.is_met(None, at(0)));
        assert_eq!(LOOKS.load(Ordering::Relaxed), 0);
        let met = [0, 999, 1000, 1500, 2000].map(|ms| ceiling.is_met(Some(0), at(ms)));
        assert_eq!(met, [false, false, true, true, true]);
        assert_eq!(LOOKS.load(Ordering::Relaxed), 3);
        assert!(
            !ceiling.is_met(Some(2), at(2500)),
            "a ceiling that was raised"
        );
    }

    #[test]
    fn where_the_system_tells_nothing_nobody_is_refused() {
        assert!(!Ceiling::new(|| None).is_met(Some(1), Moment::default()));
    }
}
