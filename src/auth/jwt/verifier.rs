//! From a token to its claims, or the fault.
//!
//! The library checks the signature. The claims are checked here: by a time that is handed in, and with
//! "required where configured" in one place.

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::key::decoding_key;
use super::{Algorithm, Settings};
use crate::auth::digest::Digest;
use crate::auth::grants::lookup;
use crate::model::id::Principal;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

type Object = Map<String, Value>;

/// The longest `sub`, in bytes (OpenID Connect Core §2 allows 255).
const LONGEST_SUBJECT: usize = 256;
const LONGEST_LEEWAY: Duration = Duration::from_secs(60);

/// Every issuer and key of the configuration.
#[derive(Debug)]
pub(in crate::auth) struct Verifier {
    entries: Vec<Entry>,
}

/// What a good token says.
#[derive(Debug)]
pub(in crate::auth) struct Verified {
    pub(in crate::auth) principal: Principal,
    pub(in crate::auth) role: String,
    /// `jti`.
    pub(in crate::auth) id: Option<Box<str>>,
    /// `iat`, if it can be read.
    pub(in crate::auth) issued: Option<UnixMillis>,
    /// The times at which verifying it says just this; they end when the token does.
    pub(in crate::auth) holds: Range<UnixMillis>,
    pub(in crate::auth) claims: Object,
    /// The entry that vouches for it.
    pub(in crate::auth) by: Digest,
}

#[derive(Debug)]
struct Entry {
    settings: Settings,
    identity: Digest,
    key: DecodingKey,
}

impl Verifier {
    pub(in crate::auth) fn new(settings: Vec<Settings>, mistakes: &mut Vec<String>) -> Self {
        check_kids(&settings, mistakes);
        let mut entries = Vec::new();
        for (index, settings) in settings.into_iter().enumerate() {
            if settings.leeway > LONGEST_LEEWAY {
                mistakes.push(format!(
                    "auth.jwt[{index}].leeway: more than a minute keeps expired tokens alive; write at most \"60s\""
                ));
            }
            match decoding_key(settings.algorithm, &settings.key) {
                Ok(key) => entries.push(Entry {
                    identity: settings.identity(),
                    settings,
                    key,
                }),
                Err(why) => mistakes.push(format!("auth.jwt[{index}]: {why}")),
            }
        }
        Self { entries }
    }

    pub(in crate::auth) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who each entry is.
    pub(in crate::auth) fn identities(&self) -> impl Iterator<Item = Digest> {
        self.entries.iter().map(|entry| entry.identity)
    }

    /// What the claims of a token say at `now` that the entry `by` vouched for earlier.
    pub(in crate::auth) fn judge_anew(
        &self,
        by: &Digest,
        claims: Object,
        now: UnixMillis,
    ) -> Result<Verified, Fault> {
        let entry = self.entries.iter().find(|entry| entry.identity == *by);
        entry.ok_or(Fault::NoEntry)?.accept(claims, now)
    }

    /// The claim of the entry `by` that names the role.
    pub(in crate::auth) fn role_claim(&self, by: &Digest) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.identity == *by)?;
        Some(&entry.settings.role_claim)
    }

    /// Verifies `token` at `now`.
    pub(in crate::auth) fn verify(
        &self,
        token: &Secret,
        now: UnixMillis,
    ) -> Result<Verified, Fault> {
        let parts = Parts::split(token.expose())?;
        let header = object(parts.header)?;
        if header.contains_key("crit") {
            return Err(Fault::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm
            .and_then(Algorithm::parse)
            .ok_or(Fault::Algorithm)?;
        let claims = object(parts.claims)?;
        let entry = self.choose(&header, algorithm, &claims)?;
        if entry.settings.algorithm != algorithm {
            return Err(Fault::Algorithm);
        }
        entry.check_signature(&parts)?;
        entry.accept(claims, now)
    }

    /// By `kid`, else by algorithm and issuer among the entries without `kid`. What the token says is only
    /// used to choose between our own keys; `jku`, `jwk`, `x5u` and `x5c` are not looked at.
    fn choose(
        &self,
        header: &Object,
        algorithm: Algorithm,
        claims: &Object,
    ) -> Result<&Entry, Fault> {
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid),
            Some(_) => return Err(Fault::Malformed),
        };
        let named = self
            .entries
            .iter()
            .find(|entry| kid.is_some() && entry.settings.kid.as_ref() == kid);
        if let Some(entry) = named {
            return Ok(entry);
        }
        let issuer = claims.get("iss").and_then(Value::as_str);
        let fits = |wanted: Option<&str>| {
            self.entries.iter().find(|Entry { settings, .. }| {
                settings.kid.is_none()
                    && settings.algorithm == algorithm
                    && settings.issuer.as_deref() == wanted
            })
        };
        let of_issuer = issuer.and_then(|issuer| fits(Some(issuer)));
        of_issuer.or_else(|| fits(None)).ok_or(Fault::NoEntry)
    }
}

impl Entry {
    fn check_signature(&self, parts: &Parts<'_>) -> Result<(), Fault> {
        let algorithm = self.settings.algorithm.in_library();
        let message = parts.message.as_bytes();
        match jsonwebtoken::crypto::verify(parts.signature, message, &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Fault::Signature),
        }
    }

    /// The claims, now that the signature vouches for them.
    fn accept(&self, claims: Object, now: UnixMillis) -> Result<Verified, Fault> {
        let holds = self.check_times(&claims, now)?;
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        let subject = match claims.get("sub").and_then(Value::as_str) {
            Some(sub) if (1..=LONGEST_SUBJECT).contains(&sub.len()) => sub.into(),
            Some(_) | None => return Err(Fault::Claim("sub")),
        };
        let issuer = self.settings.issuer.as_deref().unwrap_or_default().into();
        let role = lookup(&claims, &self.settings.role_claim).and_then(Value::as_str);
        Ok(Verified {
            principal: Principal::Subject { issuer, subject },
            id: claims.get("jti").and_then(Value::as_str).map(Box::from),
            issued: date(&claims, "iat").ok().flatten().map(UnixMillis),
            role: role.ok_or(Fault::NoRole)?.to_owned(),
            holds,
            claims,
            by: self.identity,
        })
    }

    /// `exp`, `nbf`, and `iat` where an age is set (RFC 7519 §4.1.4 to §4.1.6). Gives the span around `now` in
    /// which the answer is the same. It ends with the token: at its own end, or at that of the leeway which
    /// alone still carries it, so that nothing accepted is over at once.
    fn check_times(&self, claims: &Object, now: UnixMillis) -> Result<Range<UnixMillis>, Fault> {
        let leeway = millis(self.settings.leeway);
        let mut end = date(claims, "exp")?.ok_or(Fault::Claim("exp"))?;
        if now.0 >= end.saturating_add(leeway) {
            return Err(Fault::Expired);
        }
        let latest = now.0.saturating_add(leeway);
        let mut begin = date(claims, "nbf")?.unwrap_or_default();
        if begin > latest {
            return Err(Fault::NotYet);
        }
        if let Some(max_age) = self.settings.max_age {
            let issued = date(claims, "iat")?.ok_or(Fault::Claim("iat"))?;
            if issued > latest {
                return Err(Fault::NotYet);
            }
            let oldest = issued.saturating_add(millis(max_age));
            if now.0 >= oldest.saturating_add(leeway) {
                return Err(Fault::TooOld);
            }
            begin = begin.max(issued);
            end = end.min(oldest);
        }
        let begin = begin.saturating_sub(leeway);
        Ok(if now.0 < end {
            UnixMillis(begin)..UnixMillis(end)
        } else {
            UnixMillis(begin.max(end))..UnixMillis(end.saturating_add(leeway))
        })
    }

    fn check_issuer(&self, claims: &Object) -> Result<(), Fault> {
        let Some(wanted) = &self.settings.issuer else {
            return Ok(());
        };
        match claims.get("iss") {
            Some(Value::String(issuer)) if issuer == wanted => Ok(()),
            Some(Value::String(_)) => Err(Fault::Issuer),
            Some(_) | None => Err(Fault::Claim("iss")),
        }
    }

    fn check_audience(&self, claims: &Object) -> Result<(), Fault> {
        match (&self.settings.audience, claims.get("aud")) {
            (None, None) => Ok(()),
            // A token for somebody, and the configuration does not say that this is us.
            (None, Some(_)) => Err(Fault::Audience),
            (Some(_), None) => Err(Fault::Claim("aud")),
            (Some(wanted), Some(Value::String(audience))) if audience == wanted => Ok(()),
            (Some(wanted), Some(Value::Array(all)))
                if all.iter().any(|one| one.as_str() == Some(wanted)) =>
            {
                Ok(())
            }
            (Some(_), Some(_)) => Err(Fault::Audience),
        }
    }
}

/// The JWS compact serialisation (RFC 7515 §7.1). A further dot stays in `claims`, where it is no base64url.
struct Parts<'a> {
    message: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, Fault> {
        let (message, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Fault::Malformed)?;
        Ok(Self {
            message,
            header,
            claims,
            signature,
        })
    }
}

fn object(part: &str) -> Result<Object, Fault> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Fault::Malformed)
}

/// A NumericDate (RFC 7519 §2), which may have a fraction, in milliseconds.
fn date(claims: &Object, name: &'static str) -> Result<Option<u64>, Fault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    if let Some(seconds) = value.as_u64() {
        return Ok(Some(seconds.saturating_mul(1000)));
    }
    match value.as_f64() {
        // The cast saturates.
        Some(seconds) if seconds >= 0.0 => Ok(Some((seconds * 1000.0) as u64)),
        Some(_) | None => Err(Fault::Claim(name)),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Each token must have one entry at most that could be meant.
fn check_kids(settings: &[Settings], mistakes: &mut Vec<String>) {
    for (index, one) in settings.iter().enumerate() {
        let mut earlier = settings.get(..index).unwrap_or_default().iter();
        match &one.kid {
            Some(kid) if earlier.any(|other| other.kid.as_ref() == Some(kid)) => {
                mistakes.push(format!(
                    "auth.jwt[{index}].kid: `{kid}` names another entry already; give each key its own kid"
                ));
            }
            None if earlier.any(|other| {
                other.kid.is_none()
                    && other.algorithm == one.algorithm
                    && other.issuer == one.issuer
            }) =>
            {
                mistakes.push(format!(
                    "auth.jwt[{index}]: another entry has the same algorithm and issuer, and neither has a kid; write `kid` or `issuer`"
                ));
            }
            Some(_) | None => {}
        }
    }
}
