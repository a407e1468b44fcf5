//! JSON Web Tokens (RFC 7519), verified under the algorithms and keys of the configuration only.

use std::time::Duration;

use crate::model::secret::Secret;

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
#[derive(Clone, Debug)]
pub enum Key {
    /// A shared secret of at least 32 bytes, for the HS algorithms.
    Secret(Secret),
    /// A public key in PEM (SPKI), for the others.
    PublicPem(Vec<u8>),
}

/// One issuer or key.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Tokens whose header names this `kid` are verified by this entry.
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
