//! What must never be shown.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq as _;

/// A credential or key. It has no `Display`, its `Debug` is a placeholder, and its memory is cleared on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes `text` out of circulation.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The one door to the text: for verifying and signing, never for printing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The credential in a WebSocket subprotocol `bearer.<credential>`, if it is one; the prefix in any case, because a
/// credential that is not recognised as one would be ignored.
#[must_use]
pub fn in_subprotocol(offer: &[u8]) -> Option<&[u8]> {
    let (prefix, credential) = offer.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(credential)
}

const PREFIX: &[u8] = b"bearer.";

impl PartialEq for Secret {
    /// In a time that says nothing about how much of them is the same.
    fn eq(&self, other: &Self) -> bool {
        self.expose()
            .as_bytes()
            .ct_eq(other.expose().as_bytes())
            .into()
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
