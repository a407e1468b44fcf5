//! How many of something are open, by whose they are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Locks, so that processors do not wait for one another.
const SHARDS: usize = 16;

/// Counts by key. A key is in it only while something of it is open, so what is open bounds it.
#[derive(Debug, Default)]
pub struct Counts([Shard; SHARDS]);

/// A line of memory of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(Mutex<HashMap<u64, u32>>);

/// One that is open, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    counts: Arc<Counts>,
    key: u64,
}

impl Counts {
    /// Counts one more of `key`, unless `most` are open.
    #[must_use]
    pub fn take(self: &Arc<Self>, key: u64, most: u32) -> Option<Counted> {
        let mut shard = self.shard(key);
        let count = shard.get(&key).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        shard.insert(key, count + 1);
        drop(shard);
        Some(Counted {
            counts: self.clone(),
            key,
        })
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, u32>> {
        let shards = SHARDS as u64;
        let place = usize::try_from(key % shards).unwrap_or_default();
        let shard = self.0[place].0.lock();
        shard.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut shard = self.counts.shard(self.key);
        if let Entry::Occupied(mut count) = shard.entry(self.key) {
            match count.get() {
                0 | 1 => drop(count.remove()),
                more => *count.get_mut() = more - 1,
            }
        }
        // What a herd has made of it is given back.
        let room = shard.capacity();
        if shard.len() < room / 8 {
            shard.shrink_to(room / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(counts: &Counts) -> usize {
        counts
            .0
            .iter()
            .map(|shard| shard.0.lock().unwrap().len())
            .sum()
    }

    #[test]
    fn as_many_are_open_at_once_as_allowed_and_another_may_come_when_one_has_gone() {
        let counts = Arc::new(Counts::default());
        let (first, second) = (counts.take(7, 2), counts.take(7, 2));
        assert!(first.is_some() && second.is_some());
        assert!(counts.take(7, 2).is_none());
        assert!(counts.take(8, 2).is_some(), "another's count is its own");
        drop(first);
        assert!(counts.take(7, 2).is_some());
    }

    #[test]
    fn a_bound_that_was_lowered_holds_for_those_who_come_and_ends_nobody() {
        let counts = Arc::new(Counts::default());
        let mut held: Vec<_> = (0..5).filter_map(|_| counts.take(7, 5)).collect();
        assert!(counts.take(7, 2).is_none());
        held.truncate(1);
        assert!(counts.take(7, 2).is_some());
    }

    #[test]
    fn what_is_not_open_any_more_leaves_nothing_behind() {
        let counts = Arc::new(Counts::default());
        let held: Vec<_> = (0..100_000).filter_map(|key| counts.take(key, 1)).collect();
        assert_eq!(keys(&counts), 100_000);
        drop(held);
        assert_eq!(keys(&counts), 0);
        let rooms = counts
            .0
            .iter()
            .map(|shard| shard.0.lock().unwrap().capacity());
        assert!(rooms.max() < Some(64));
    }
}
