//! API keys: 32 random bytes as text, of which only the SHA-256 is stored.
//!
//! A slow hash would protect keys that people choose; against 256 random bits it only gives every stranger
//! a way to make the gateway work.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use super::digest::sha256;
use crate::model::secret::Secret;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The principal's name.
    pub name: String,
    /// The SHA-256 of the key's text; of two texts, while one replaces the other.
    pub sha256: Vec<[u8; 32]>,
    /// The role of who holds it.
    pub role: String,
}

/// Makes a key of random bytes: its text, `gk_` and base64url without padding, and the hexadecimal SHA-256
/// that the configuration holds. The text has no dots, so nothing takes it for a token.
#[must_use]
pub fn mint(random: [u8; 32]) -> (String, String) {
    let text = format!("gk_{}", URL_SAFE_NO_PAD.encode(random));
    let hash = sha256(&text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    (text, hash)
}

/// The place of the presented key among `stored`.
///
/// Every one is compared, and each in full, so that the time says nothing about how near a guess came.
pub(super) fn position<'a>(
    presented: &Secret,
    stored: impl Iterator<Item = &'a [u8; 32]>,
) -> Option<usize> {
    let presented = sha256(presented.expose());
    let mut found = u64::MAX;
    for (place, one) in (0_u64..).zip(stored) {
        found.conditional_assign(&place, presented.ct_eq(one));
    }
    usize::try_from(found).ok().filter(|_| found != u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_is_found_by_the_hash_that_came_with_it() {
        let (text, hex) = mint([7; 32]);
        assert_eq!(text, "gk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        // printf gk_BwcH… | sha256sum
        assert_eq!(hex, HASH_OF_SEVENS);
        let other = mint([8; 32]).0;
        let stored = [sha256(&other), sha256(&text)];
        assert_eq!(position(&Secret::new(text), stored.iter()), Some(1));
        assert_eq!(position(&Secret::new(other), stored.iter()), Some(0));
    }

    #[test]
    fn a_key_that_is_not_stored_is_not_found() {
        let stored = [sha256("one"), sha256("two")];
        for text in ["", "on", "one ", "three"] {
            assert_eq!(position(&Secret::new(text), stored.iter()), None, "{text}");
        }
        assert_eq!(position(&Secret::new("one"), [].iter()), None);
        for byte in 0..32 {
            let mut near = sha256("one");
            near[byte] ^= 1;
            assert_eq!(position(&Secret::new("one"), [near].iter()), None, "{byte}");
        }
    }

    const HASH_OF_SEVENS: &str = "05d0442ef3a0228b84cadc3587ba1e82f90331a6d137006dfad0344bf10f3290";
}
