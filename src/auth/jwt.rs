//! JSON Web Tokens (RFC 7519), verified under the algorithms and keys of the configuration only.

pub(super) mod fault;
pub mod jwks;
mod key;
mod key_set;
mod key_url;
mod sign;
pub(super) mod verifier;

use std::time::Duration;

use super::digest::{Digest, digest_of};
use crate::model::secret::Secret;

pub use jwks::Keys;
pub use key_set::{Change, KeySet, KeySets, Search};
pub use key_url::KeyUrl;
pub use sign::{CannotSign, sign};

/// The signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// What verifies a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A shared secret of at least 32 bytes, for the HS algorithms.
    Secret(Secret),
    /// A public key in PEM (SPKI), for the others.
    PublicPem(Vec<u8>),
    /// A set of keys (RFC 7517 §5), of which a token's `kid` chooses one.
    Set(Keys),
    /// A set that is fetched, not for the HS algorithms.
    Url {
        /// From where.
        url: KeyUrl,
        /// At least how often.
        refresh: Duration,
    },
}

impl Key {
    /// Whether it is a set, whose keys have their own `kid`.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Url { .. })
    }
}

/// One issuer or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Tokens whose header names this `kid` are verified by this entry. A set has none of its own.
    pub kid: Option<String>,
    /// The only algorithm that this entry takes.
    pub algorithm: Algorithm,
    /// What verifies.
    pub key: Key,
    /// The `aud` that a token must hold, where set.
    pub audience: Option<String>,
    /// The `iss` that a token must hold, where set.
    pub issuer: Option<String>,
    /// How far clocks may differ; at most 60 s.
    pub leeway: Duration,
    /// How old a token may be, counted from `iat`, where set.
    pub max_age: Option<Duration>,
    /// The claim that names the role.
    pub role_claim: String,
}

impl Settings {
    /// What makes this entry another one for those whom it vouched for: the key, and what chooses it.
    fn identity(&self) -> Digest {
        let (kind, key): (&str, &[u8]) = match &self.key {
            Key::Secret(secret) => ("secret", secret.expose().as_bytes()),
            Key::PublicPem(pem) => ("public", pem),
            // Each key of it is somebody of its own, wherever the set comes from.
            Key::Set(_) | Key::Url { .. } => ("set", &[]),
        };
        let text = |text: &Option<String>| text.as_deref().map(str::as_bytes).map(<[u8]>::to_vec);
        let [kid, issuer] = [text(&self.kid), text(&self.issuer)];
        let none = Vec::new;
        digest_of(&[
            self.algorithm.as_str().as_bytes(),
            &[u8::from(kid.is_some()), u8::from(issuer.is_some())],
            &kid.unwrap_or_else(none),
            &issuer.unwrap_or_else(none),
            kind.as_bytes(),
            key,
        ])
    }
}

impl Algorithm {
    /// Every algorithm, in the order of RFC 7518.
    pub const ALL: [Self; 12] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The algorithm that the header parameter `alg` names. `none` is no algorithm here (RFC 8725 §3.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Its name in `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Whether it signs with a shared secret (RFC 7518 §3.2).
    #[must_use]
    pub const fn is_hmac(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    const fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::HS384 => jsonwebtoken::Algorithm::HS384,
            Self::HS512 => jsonwebtoken::Algorithm::HS512,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

#[cfg(test)]
mod tests;
