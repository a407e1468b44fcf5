//! The names of sessions.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::lifecycle::random;

/// The name of a session: 120 random bits, shown in 20 characters of base64url (RFC 4648 §5). Whoever knows it speaks for
/// the session, so it is a secret: it is told to its client, and shown to nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid([u8; 15]);

impl Sid {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let [_, bits @ ..] = random::wide_bits().to_be_bytes();
        Self(bits)
    }

    /// Takes what a client says, if a session could be called so.
    #[must_use]
    pub fn from_client(text: &str) -> Option<Self> {
        let bits = URL_SAFE_NO_PAD.decode(text).ok()?;
        bits.try_into().ok().map(Self)
    }

    /// As it is told to its client.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sid(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_told_and_is_not_shown() {
        let sid = Sid::random();
        let told = sid.expose();
        assert_eq!(told.len(), 20);
        assert_eq!(Sid::from_client(&told), Some(sid));
        assert!(!format!("{sid:?}").contains(&told));
        for wrong in ["", "abc", "lv_VI97HAXpY6yYWAAACC", "lv+VI97HAXpY6yYWAAAC"] {
            assert_eq!(Sid::from_client(wrong), None);
        }
    }
}
