//! Good tokens, remembered, because a herd of screens comes back with the tokens that it had: to verify one costs 4 µs
//! (HS256) to 90 µs (ES256), and its digest half a microsecond (`cargo bench -- auth/`).
//!
//! A refusal is not remembered. Bad tokens are free to make and have no end, so they would push out the good ones;
//! and who sends one twice can wait for it to be verified twice.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::auth::access::Access;
use crate::auth::digest::Digest;
use crate::model::time::UnixMillis;

/// How much is remembered, in bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// About what one verdict takes, in bytes. A guess too low or too high costs a few hits, and no memory.
const TYPICAL: u64 = 512;
/// What the table itself needs for one verdict, in bytes.
const SLOT: usize = size_of::<(Digest, Verdict)>() + 16;

/// What verifying one token said.
#[derive(Clone)]
pub(super) struct Verdict {
    pub(super) access: Arc<Access>,
    /// The times at which verifying it again would say the same.
    pub(super) holds: Range<UnixMillis>,
}

/// The verdicts on the tokens that came most, by the token's digest.
///
/// The table is one that a herd larger than itself does not empty: the plainest (least recently used) has no hit at
/// all when more tokens than it holds come round and round.
pub(super) struct Verdicts(Cache<Digest, Verdict, Bytes>);

impl Verdicts {
    fn with_capacity(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items, bytes, Bytes))
    }

    /// What the token of this digest allows, where that is known for `now`.
    pub(super) fn get(&self, token: &Digest, now: UnixMillis) -> Option<Arc<Access>> {
        let verdict = self.0.get(token)?;
        (verdict.holds.contains(&now) && verdict.access.stands()).then_some(verdict.access)
    }

    /// Whether the token of this digest was good, at whichever time.
    pub(super) fn know(&self, token: &Digest) -> bool {
        self.0
            .get(token)
            .is_some_and(|verdict| verdict.access.stands())
    }

    /// Takes the place of what was known of the token, which held at other times.
    pub(super) fn remember(&self, token: Digest, verdict: Verdict) {
        self.0.insert(token, verdict);
    }
}

impl Default for Verdicts {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

/// Weighs a verdict by the bytes that it keeps in memory: tokens with many grants count for as much as they are.
#[derive(Clone)]
struct Bytes;

impl Weighter<Digest, Verdict> for Bytes {
    fn weight(&self, _: &Digest, verdict: &Verdict) -> u64 {
        u64::try_from(SLOT + verdict.access.weight()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
