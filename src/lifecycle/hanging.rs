//! Which threads do not go on: whoever watches them says so, and whoever is asked knows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The threads that hang, by number.
#[derive(Clone, Debug, Default)]
pub struct Hanging(Arc<Mutex<BTreeSet<usize>>>);

impl Hanging {
    /// From now on this one hangs.
    pub fn begin(&self, thread: usize) {
        self.threads().insert(thread);
    }

    /// It goes on.
    pub fn end(&self, thread: usize) {
        self.threads().remove(&thread);
    }

    /// Whether this one hangs.
    #[must_use]
    pub fn has(&self, thread: usize) -> bool {
        self.threads().contains(&thread)
    }

    /// All of them, the lowest number first.
    #[must_use]
    pub fn all(&self) -> Vec<usize> {
        self.threads().iter().copied().collect()
    }

    fn threads(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_is_known_to_all_until_it_goes_on() {
        let hanging = Hanging::default();
        let asked = hanging.clone();
        hanging.begin(2);
        hanging.begin(0);
        assert_eq!((asked.all(), asked.has(2)), (vec![0, 2], true));
        hanging.end(2);
        assert_eq!((asked.all(), asked.has(2)), (vec![0], false));
    }
}
