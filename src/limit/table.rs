//! Buckets by key, in memory that does not grow with the number of keys.
//!
//! The table is set-associative, like a processor's cache: a key's hash says in which set of 8 places it may stand. A
//! key that stands nowhere owes nothing, and takes the place of the one in its set that owes least. So a flood of keys
//! pushes out those that owe little, and whoever owes most stays known.
//!
//! What that costs in exactness: a key that was pushed out has a full bucket when it comes back, and is never treated
//! worse than by a table without bound. Pushing out a key that owes much takes 8 keys of its set that owe more, and which
//! keys those are nobody outside can know, because the hash has a secret.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bucket::Bucket;
use crate::model::limits::Rate;
use crate::model::time::Moment;

/// Places of one set: two lines of memory.
const WAYS: usize = 8;
/// Locks, so that processors do not wait for one another.
const SHARDS: usize = 16;

/// Buckets of up to a fixed number of keys.
#[derive(Debug)]
pub struct Table {
    shards: [Shard; SHARDS],
    /// Sets of one shard; a power of two.
    sets: usize,
}

/// Its sets, once the first of its keys has come. A line of memory of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(Mutex<Vec<Set>>);

type Set = [Entry; WAYS];

/// A key and what it owes. A free place is a key that owes nothing, like any other.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    bucket: Bucket,
}

impl Default for Table {
    /// Of 65,536 keys: 1 MiB, once it is in use.
    fn default() -> Self {
        Self::new(1 << 16)
    }
}

impl Table {
    /// A table of at least `keys`, rounded up to 128 times a power of two.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self {
            shards: Default::default(),
            sets: keys.div_ceil(SHARDS * WAYS).next_power_of_two(),
        }
    }

    /// Takes one token from the bucket of `key`, the hash of whoever pays.
    ///
    /// # Errors
    /// The bucket is empty: how long until the next token. Nothing was taken.
    pub fn take(&self, key: u64, rate: Rate, now: Moment) -> Result<(), Duration> {
        let (mut shard, set) = self.place(key);
        if shard.is_empty() {
            shard.resize(self.sets, Set::default());
        }
        let Some(set) = shard.get_mut(set) else {
            return Ok(());
        };
        entry(set, key).map_or(Ok(()), |entry| entry.bucket.take(rate, now))
    }

    /// What [`Self::take`] would answer; nothing is taken.
    ///
    /// # Errors
    /// The bucket is empty: how long until the next token.
    pub fn look(&self, key: u64, rate: Rate, now: Moment) -> Result<(), Duration> {
        let (shard, set) = self.place(key);
        let mut entries = shard.get(set).into_iter().flatten();
        entries
            .find(|entry| entry.key == key)
            .map_or(Ok(()), |entry| entry.bucket.look(rate, now))
    }

    /// The shard of `key`, and which of its sets is the key's.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash are as good as any other"
    )]
    fn place(&self, key: u64) -> (MutexGuard<'_, Vec<Set>>, usize) {
        let shard = &self.shards[key as usize % SHARDS];
        let set = (key as usize / SHARDS) & (self.sets - 1);
        let shard = shard.0.lock();
        (shard.unwrap_or_else(PoisonError::into_inner), set)
    }

    /// The memory that it has taken, in bytes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let shards = self
            .shards
            .iter()
            .map(|shard| shard.0.lock().unwrap().capacity());
        shards.sum::<usize>() * size_of::<Set>()
    }
}

/// The place of `key`, which is that of who owes least if it has none yet.
fn entry(set: &mut Set, key: u64) -> Option<&mut Entry> {
    if let Some(place) = set.iter().position(|entry| entry.key == key) {
        return set.get_mut(place);
    }
    let least = set.iter_mut().min_by_key(|entry| entry.bucket.full_at())?;
    *least = Entry {
        key,
        bucket: Bucket::default(),
    };
    Some(least)
}

#[cfg(test)]
mod tests;
