//! One key of a set (RFC 7517 §4).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Origin;
use super::skipped::Skip;
use crate::auth::digest::Digest;
use crate::auth::jwt::Algorithm;
use crate::auth::jwt::key::SHORTEST_SECRET;

/// The bits of an RSA modulus that the library takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The bytes of an RSA exponent; all that are in use have 1 or 3.
const RSA_EXPONENT: std::ops::RangeInclusive<usize> = 1..=4;

/// A key that can verify signatures.
pub(in crate::auth) struct SetKey {
    /// Its name in the header of tokens.
    pub(super) kid: Option<Box<str>>,
    /// What tells it from every other one: a hash of all that it says.
    pub(in crate::auth::jwt) id: Digest,
    /// The one algorithm that it is for, where it says so.
    algorithm: Option<Algorithm>,
    kind: Kind,
    key: DecodingKey,
    /// Whether its set has it no more.
    gone: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Secret,
    Rsa,
    P256,
    P384,
    Ed25519,
}

type Object = Map<String, Value>;

impl SetKey {
    pub(super) fn read(entry: &Value, from: Origin) -> Result<Self, Skip> {
        let jwk = entry.as_object().ok_or(Skip::Malformed)?;
        check_purpose(jwk)?;
        let algorithm = algorithm(jwk)?;
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str().into()),
            Some(_) => return Err(Skip::Malformed),
        };
        let Material { kind, key, bytes } = Material::read(jwk, from)?;
        if algorithm.is_some_and(|algorithm| !kind.takes(algorithm)) {
            return Err(Skip::Malformed);
        }
        Ok(Self {
            id: id(kid.as_deref(), algorithm, kind, &bytes),
            kid,
            algorithm,
            kind,
            key,
            gone: AtomicBool::new(false),
        })
    }

    /// Whether it verifies signatures of `algorithm`.
    pub(super) fn takes(&self, algorithm: Algorithm) -> bool {
        self.kind.takes(algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
    }

    pub(in crate::auth) const fn decoding(&self) -> &DecodingKey {
        &self.key
    }

    /// Whether what it vouched for no longer counts, because its set has it no more.
    pub(in crate::auth) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Its set has it no more.
    pub(in crate::auth::jwt) fn is_dropped(&self) {
        self.gone.store(true, Ordering::Release);
    }
}

impl fmt::Debug for SetKey {
    /// Shows nothing that could be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetKey")
            .field("kid", &self.kid)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Kind {
    fn takes(self, algorithm: Algorithm) -> bool {
        self == match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Self::Secret,
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Self::Rsa,
            Algorithm::ES256 => Self::P256,
            Algorithm::ES384 => Self::P384,
            Algorithm::EdDSA => Self::Ed25519,
        }
    }
}

/// `use` (RFC 7517 §4.2) and `key_ops` (§4.3), where they are there.
fn check_purpose(jwk: &Object) -> Result<(), Skip> {
    let signs = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(all)) => all.iter().any(|one| one == "verify"),
        Some(_) => return Err(Skip::Malformed),
    };
    if signs && verifies {
        Ok(())
    } else {
        Err(Skip::Purpose)
    }
}

/// `alg` (RFC 7517 §4.4), where it is there.
fn algorithm(jwk: &Object) -> Result<Option<Algorithm>, Skip> {
    match jwk.get("alg") {
        None => Ok(None),
        Some(Value::String(name)) => Algorithm::parse(name).map(Some).ok_or(Skip::Unknown),
        Some(_) => Err(Skip::Malformed),
    }
}

/// What verifies.
struct Material {
    kind: Kind,
    key: DecodingKey,
    /// All of it, to tell it from others.
    bytes: Vec<u8>,
}

impl Material {
    fn read(jwk: &Object, from: Origin) -> Result<Self, Skip> {
        let kind = jwk.get("kty").and_then(Value::as_str);
        match kind.ok_or(Skip::Malformed)? {
            "oct" if from == Origin::Network => Err(Skip::Secret),
            "oct" => secret(jwk),
            "RSA" | "EC" | "OKP" if jwk.contains_key("d") => Err(Skip::Private),
            "RSA" => rsa(jwk),
            "EC" => match jwk.get("crv").and_then(Value::as_str) {
                Some("P-256") => point(jwk, Kind::P256, 32),
                Some("P-384") => point(jwk, Kind::P384, 48),
                Some(_) => Err(Skip::Unknown),
                None => Err(Skip::Malformed),
            },
            "OKP" => match jwk.get("crv").and_then(Value::as_str) {
                Some("Ed25519") => edwards(jwk),
                Some(_) => Err(Skip::Unknown),
                None => Err(Skip::Malformed),
            },
            _ => Err(Skip::Unknown),
        }
    }
}

/// RFC 7518 §6.4.
fn secret(jwk: &Object) -> Result<Material, Skip> {
    let bytes = part(jwk, "k")?;
    if bytes.len() < SHORTEST_SECRET {
        return Err(Skip::Weak);
    }
    Ok(Material {
        kind: Kind::Secret,
        key: DecodingKey::from_secret(&bytes),
        bytes,
    })
}

/// RFC 7518 §6.3.1.
fn rsa(jwk: &Object) -> Result<Material, Skip> {
    let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
    let bits = n.len() * 8 - n.first().map_or(0, |top| top.leading_zeros() as usize);
    if bits < *RSA_BITS.start() {
        return Err(Skip::Weak);
    }
    // Neither can be even, nor the exponent 1, under which each text would be its own signature.
    let odd = |number: &[u8]| number.last().is_some_and(|low| low & 1 == 1);
    let fine = RSA_BITS.contains(&bits) && RSA_EXPONENT.contains(&e.len());
    if !fine || !odd(&n) || !odd(&e) || e == [1] {
        return Err(Skip::Malformed);
    }
    Ok(Material {
        kind: Kind::Rsa,
        key: DecodingKey::from_rsa_raw_components(&n, &e),
        bytes: [&n[..], &e].concat(),
    })
}

/// RFC 7518 §6.2.1: both coordinates in full.
fn point(jwk: &Object, kind: Kind, size: usize) -> Result<Material, Skip> {
    let (x, y) = (part(jwk, "x")?, part(jwk, "y")?);
    if x.len() != size || y.len() != size {
        return Err(Skip::Malformed);
    }
    // Uncompressed (SEC 1 §2.3.3). One that is not on the curve verifies nothing.
    let bytes = [&[4], &x[..], &y].concat();
    Ok(Material {
        kind,
        key: DecodingKey::from_ec_der(&bytes),
        bytes,
    })
}

/// RFC 8037 §2.
fn edwards(jwk: &Object) -> Result<Material, Skip> {
    let bytes = part(jwk, "x")?;
    if bytes.len() != 32 {
        return Err(Skip::Malformed);
    }
    Ok(Material {
        kind: Kind::Ed25519,
        key: DecodingKey::from_ed_der(&bytes),
        bytes,
    })
}

fn part(jwk: &Object, name: &str) -> Result<Vec<u8>, Skip> {
    let text = jwk.get(name).and_then(Value::as_str);
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes
        .filter(|bytes| !bytes.is_empty())
        .ok_or(Skip::Malformed)
}

/// A Base64urlUInt (RFC 7518 §2), without the zeros that some issuers put before it, and which the library does not
/// take.
fn number(jwk: &Object, name: &str) -> Result<Vec<u8>, Skip> {
    let bytes = part(jwk, name)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.into_iter().skip(zeros).collect())
}

fn id(kid: Option<&str>, algorithm: Option<Algorithm>, kind: Kind, bytes: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    // Each part says its length, or stands last, so that no two keys are the same text.
    for text in [kid, algorithm.map(Algorithm::as_str)] {
        hash.update(text.map_or(usize::MAX, str::len).to_be_bytes());
        hash.update(text.unwrap_or_default());
    }
    hash.update([kind as u8]);
    hash.update(bytes);
    hash.finalize().into()
}
