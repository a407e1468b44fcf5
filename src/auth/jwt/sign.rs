//! Making tokens, for the command line and the demo. The gateway itself issues none.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::Value;

use super::Algorithm;
use crate::model::secret::Secret;

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotSign {
    /// The algorithm is not one of the HS family: the private keys of the others stay with their issuer.
    NotHmac,
    /// The claims are no JSON object.
    NotClaims,
    /// The library failed.
    Library,
}

impl std::fmt::Display for CannotSign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotHmac => {
                "only HS256, HS384 and HS512 sign with a secret that the gateway knows"
            }
            Self::NotClaims => "the claims of a token are a JSON object",
            Self::Library => "the token could not be signed",
        })
    }
}

impl std::error::Error for CannotSign {}

/// Signs `claims` as they are: who wants the token to be accepted puts in `exp`, `sub` and the role.
///
/// # Errors
/// See [`CannotSign`].
pub fn sign(
    algorithm: Algorithm,
    secret: &Secret,
    kid: Option<&str>,
    claims: &Value,
) -> Result<String, CannotSign> {
    if !algorithm.is_hmac() {
        return Err(CannotSign::NotHmac);
    }
    if !claims.is_object() {
        return Err(CannotSign::NotClaims);
    }
    let mut header = Header::new(algorithm.in_library());
    header.kid = kid.map(str::to_owned);
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    jsonwebtoken::encode(&header, claims, &key).map_err(|_| CannotSign::Library)
}
