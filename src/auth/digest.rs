//! How credentials are known again without being kept.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a credential. Nobody can make two that share one, so it stands for the whole.
pub(super) type Digest = [u8; 32];

pub(super) fn sha256(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// The SHA-256 of `parts`, each with its length, so that no two lists of parts are one text.
pub(super) fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
