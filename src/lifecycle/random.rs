//! Random bits from the operating system, and the jitter that keeps a herd from coming back as one.

use std::time::Duration;

/// 64 random bits.
#[must_use]
pub fn bits() -> u64 {
    getrandom::u64().unwrap_or_else(|_| fallback())
}

/// 128 random bits.
#[must_use]
pub fn wide_bits() -> u128 {
    (u128::from(bits()) << 64) | u128::from(bits())
}

/// A span between `least` and `most`.
#[must_use]
pub fn between(least: Duration, most: Duration) -> Duration {
    let spread = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
    least + Duration::from_millis(bits() % spread.saturating_add(1))
}

/// Only where the operating system has no entropy at all: the standard library's hash keys, which come from
/// whatever source it found.
fn fallback() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}
