//! Random bits from the operating system, and the jitter that keeps a herd from coming back as one.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;

use crate::model::secret::Secret;

/// Numbers that are asked for at once: a call of the system for each would cost a request more than its parsing.
const AT_ONCE: usize = 32;

thread_local! {
    /// What a thread has asked for and not given yet.
    static LEFT: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// 64 random bits.
#[must_use]
pub fn bits() -> u64 {
    // A thread that ends has no store any more, and asks for each.
    LEFT.try_with(|left| {
        let mut left = left.borrow_mut();
        if left.is_empty() {
            left.extend(asked());
        }
        left.pop()
    })
    .ok()
    .flatten()
    .or_else(|| getrandom::u64().ok())
    .unwrap_or_else(fallback)
}

fn asked() -> Vec<u64> {
    let mut bytes = [0; 8 * AT_ONCE];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes
            .as_chunks()
            .0
            .iter()
            .map(|chunk| u64::from_ne_bytes(*chunk))
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// 128 random bits.
#[must_use]
pub fn wide_bits() -> u128 {
    (u128::from(bits()) << 64) | u128::from(bits())
}

/// A secret of 256 random bits that this process has for as long as it lives, and tells nobody.
#[must_use]
pub fn own_secret() -> &'static Secret {
    static OWN: OnceLock<Secret> = OnceLock::new();
    OWN.get_or_init(|| Secret::new(format!("{:032x}{:032x}", wide_bits(), wide_bits())))
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_number_comes_twice_whoever_asks() {
        let here = (0..100).map(|_| bits());
        let there = std::thread::scope(|scope| {
            let thread = scope.spawn(|| (0..100).map(|_| bits()).collect::<Vec<_>>());
            thread.join().unwrap()
        });
        assert_eq!(here.chain(there).collect::<HashSet<_>>().len(), 200);
    }
}
