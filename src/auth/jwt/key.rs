//! Keys of the configuration, checked before the first token comes.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::fault::Fault;
use super::jwks::{Keys, SetKey};
use super::{Algorithm, Key, KeySet, KeySets};
use crate::model::secret::Secret;

/// RFC 7518 §3.2 wants a key as long as the hash; 32 bytes is the least of the three, and beyond guessing.
pub(super) const SHORTEST_SECRET: usize = 32;

/// What an entry verifies with.
#[derive(Debug)]
pub(super) enum Verifying {
    One(DecodingKey),
    Set(Keys),
    Fetched(Arc<KeySet>),
}

impl Verifying {
    /// # Errors
    /// Says what is wrong with the key and what to write instead; never shows it.
    pub(super) fn new(algorithm: Algorithm, key: &Key, sets: &KeySets) -> Result<Self, String> {
        let name = algorithm.as_str();
        match key {
            Key::Secret(_) if !algorithm.is_hmac() => Err(format!(
                "{name} has no `secret`; write `public_key_file` with the issuer's public key"
            )),
            Key::PublicPem(_) if algorithm.is_hmac() => Err(format!(
                "{name} has no public key; write `secret` or `secret_file`"
            )),
            Key::Url { .. } if algorithm.is_hmac() => Err(format!(
                "{name} signs with a shared secret, which nobody may be let fetch; write `secret`, `secret_file` or `jwks_file`"
            )),
            Key::Secret(secret) => shared(secret).map(Self::One),
            Key::PublicPem(pem) => public_key(algorithm, pem).map(Self::One),
            Key::Set(keys) => written(algorithm, keys).map(Self::Set),
            Key::Url { url, .. } => Ok(Self::Fetched(sets.of(url))),
        }
    }

    /// The keys of a set as they are now.
    pub(super) fn keys(&self) -> Option<Keys> {
        match self {
            Self::One(_) => None,
            Self::Set(keys) => Some(keys.clone()),
            Self::Fetched(set) => Some((*set.now()).clone()),
        }
    }

    /// The key of a set for a token of this `kid`.
    pub(super) fn of_set(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Option<Arc<SetKey>>, Fault> {
        let Some(keys) = self.keys() else {
            return Ok(None);
        };
        let fault = match self {
            Self::Fetched(set) if !set.is_filled() => Fault::NotFetched,
            Self::One(_) | Self::Set(_) | Self::Fetched(_) => Fault::NoKey,
        };
        keys.find(kid, algorithm).cloned().map(Some).ok_or(fault)
    }
}

fn shared(secret: &Secret) -> Result<DecodingKey, String> {
    match secret.expose().len() {
        short if short < SHORTEST_SECRET => Err(format!(
            "the secret has {short} bytes; write at least {SHORTEST_SECRET} random ones (`openssl rand -hex 32`)"
        )),
        _ => Ok(DecodingKey::from_secret(secret.expose().as_bytes())),
    }
}

/// A set that somebody wrote down is meant to be of use; one that is fetched is what it is.
fn written(algorithm: Algorithm, keys: &Keys) -> Result<Keys, String> {
    let skipped = keys.skipped();
    if skipped.private() > 0 {
        return Err("the set holds a private key; write the public part of each, without `d`, and keep the private key with the issuer".to_owned());
    }
    if keys.have(algorithm) {
        return Ok(keys.clone());
    }
    Err(format!(
        "no key of the set is for {} (for others: {}; left out: {skipped}); write a set that has one",
        algorithm.as_str(),
        keys.len(),
    ))
}

fn public_key(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, String> {
    let text = String::from_utf8_lossy(pem);
    if text.contains("PRIVATE KEY-----") {
        return Err("this is a private key; write the public one (`openssl pkey -pubout`) and keep the private key with the issuer".to_owned());
    }
    // The library also takes certificates, and reads the first bit string of one as the key.
    if text.matches("-----BEGIN ").count() != 1 || !text.contains("-----BEGIN PUBLIC KEY-----") {
        return Err("not one public key in PEM; write a file that holds one `BEGIN PUBLIC KEY` block (`openssl pkey -pubout`, `openssl x509 -pubkey`)".to_owned());
    }
    let parsed = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => DecodingKey::from_rsa_pem(pem).ok(),
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem).ok(),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem).ok(),
    };
    parsed.filter(|key| fits(algorithm, key)).ok_or_else(|| {
        format!(
            "not a public key for {}; {}",
            algorithm.as_str(),
            wanted(algorithm)
        )
    })
}

/// Whether the key is of the size that the library will ask for with each token, when it is too late to tell.
fn fits(algorithm: Algorithm, key: &DecodingKey) -> bool {
    let DecodingKeyKind::SecretOrDer(bytes) = key.kind() else {
        return false;
    };
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => false,
        // A PKCS #1 structure is larger than its modulus, which must have 2048 bits.
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => bytes.len() > 256,
        // Points, uncompressed (SEC 1 §2.3.3).
        Algorithm::ES256 => bytes.len() == 65,
        Algorithm::ES384 => bytes.len() == 97,
        Algorithm::EdDSA => bytes.len() == 32,
    }
}

const fn wanted(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => "write a secret",
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => "write an RSA key of 2048 to 8192 bits",
        Algorithm::ES256 => "write a key on the curve P-256",
        Algorithm::ES384 => "write a key on the curve P-384",
        Algorithm::EdDSA => "write an Ed25519 key",
    }
}
