//! Sets of keys: JWK Sets (RFC 7517 §5), with the keys of RFC 7518 §6 and RFC 8037 §2.

mod key;
mod skipped;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::Algorithm;

pub(in crate::auth) use key::SetKey;
pub use skipped::Skipped;

/// Issuers have a handful, and each token is looked for in all of them.
const MOST: usize = 256;

/// Where a set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file beside the configuration, which may hold shared secrets (`oct`).
    File,
    /// The network: a secret that was there is none.
    Network,
}

/// The keys of a set that can verify a token's signature.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    keys: Arc<[Arc<SetKey>]>,
    skipped: Skipped,
}

/// Whether the same keys are in them.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        let ids = |keys: &Self| keys.keys.iter().map(|key| key.id).collect::<HashSet<_>>();
        ids(self) == ids(other)
    }
}

impl Eq for Keys {}

impl Keys {
    /// Reads a set. What no signature can be verified with (a key for encryption, of an unknown kind or algorithm, too
    /// weak, private, malformed) is skipped and counted, as RFC 7517 §5 wants it.
    ///
    /// # Errors
    /// The text is no set, or holds more than 256 keys. It is not repeated.
    pub fn parse(text: &[u8], from: Origin) -> Result<Self, String> {
        let set: Value = serde_json::from_slice(text).map_err(|_| "it is no JSON".to_owned())?;
        let Some(Value::Array(entries)) = set.get("keys") else {
            return Err("it is no set of keys: it has no list `keys` (RFC 7517 §5)".to_owned());
        };
        if entries.len() > MOST {
            return Err(format!("it has {} keys, more than {MOST}", entries.len()));
        }
        let (mut keys, mut skipped) = (Vec::new(), Skipped::default());
        let mut seen = HashSet::new();
        for entry in entries {
            match SetKey::read(entry, from) {
                // The same one twice is one.
                Ok(key) if !seen.insert(key.id) => {}
                Ok(key) => keys.push(Arc::new(key)),
                Err(why) => skipped.count(why),
            }
        }
        Ok(Self {
            keys: keys.into(),
            skipped,
        })
    }

    /// How many keys it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Arc<SetKey>> {
        self.keys.iter()
    }

    /// What of the set was left out.
    #[must_use]
    pub const fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// Whether any of them takes `algorithm`.
    pub(in crate::auth) fn have(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.takes(algorithm))
    }

    /// The one key for a token of this `kid` and algorithm; none where several could be meant, because a signature
    /// that is tried against one after the other says nothing of which key its signer was given.
    pub(in crate::auth) fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Option<&Arc<SetKey>> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.takes(algorithm) && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    /// This set with the keys that `old` had too taken over from it, so that what was verified with them goes on.
    pub(super) fn succeeding(self, old: &Self) -> Self {
        let of_old = |key: &Arc<SetKey>| old.keys.iter().find(|other| other.id == key.id);
        let keys = self.keys.iter().map(|key| of_old(key).unwrap_or(key));
        Self {
            keys: keys.cloned().collect(),
            skipped: self.skipped,
        }
    }

    /// Those that `other` has not.
    pub(super) fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Arc<SetKey>> {
        let known: HashSet<_> = other.keys.iter().map(|key| key.id).collect();
        self.keys.iter().filter(move |key| !known.contains(&key.id))
    }
}

#[cfg(test)]
mod tests;
