//! From a token to its claims, or the fault.
//!
//! The library checks the signature. The claims are checked here: by a time that is handed in, and with
//! "required where configured" in one place.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::jwks::SetKey;
use super::key::Verifying;
use super::{Algorithm, KeySet, KeySets, Settings};
use crate::auth::digest::{Digest, digest_of};
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
    /// The key of a set that it was signed with.
    pub(in crate::auth) key: Option<Arc<SetKey>>,
    /// The times at which verifying it says just this; they end when the token does.
    pub(in crate::auth) holds: Range<UnixMillis>,
    pub(in crate::auth) claims: Object,
    /// The entry that vouches for it.
    pub(in crate::auth) by: Digest,
}

#[derive(Debug)]
struct Entry {
    settings: Settings,
    /// What makes it another entry; with a set, the part that its keys have in common.
    identity: Digest,
    key: Verifying,
}

/// A token whose entry is found, and nothing verified.
struct Addressed<'a> {
    entry: &'a Entry,
    parts: Parts<'a>,
    kid: Option<String>,
    claims: Object,
}

impl Verifier {
    pub(in crate::auth) fn new(
        settings: Vec<Settings>,
        sets: &KeySets,
        mistakes: &mut Vec<String>,
    ) -> Self {
        check_kids(&settings, mistakes);
        let mut entries = Vec::new();
        for (index, settings) in settings.into_iter().enumerate() {
            if settings.leeway > LONGEST_LEEWAY {
                mistakes.push(format!(
                    "auth.jwt[{index}].leeway: more than a minute keeps expired tokens alive; write at most \"60s\""
                ));
            }
            match Verifying::new(settings.algorithm, &settings.key, sets) {
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

    /// Who each entry is, and each key of its set; without those that are fetched, which come and go.
    pub(in crate::auth) fn identities(&self) -> impl Iterator<Item = Digest> {
        let fixed = self.entries.iter().filter(|entry| !entry.is_fetched());
        fixed.flat_map(Entry::identities)
    }

    /// Who each key is that was fetched.
    pub(in crate::auth) fn fetched(&self) -> impl Iterator<Item = Digest> {
        let fetched = self.entries.iter().filter(|entry| entry.is_fetched());
        fetched.flat_map(Entry::identities)
    }

    /// The sets that are fetched.
    pub(in crate::auth) fn sets(&self) -> impl Iterator<Item = &Arc<KeySet>> {
        self.entries.iter().filter_map(|entry| match &entry.key {
            Verifying::Fetched(set) => Some(set),
            Verifying::One(_) | Verifying::Set(_) => None,
        })
    }

    /// What the claims of a token say at `now` that the entry `by`, or its key, vouched for earlier.
    pub(in crate::auth) fn judge_anew(
        &self,
        by: &Digest,
        claims: Object,
        now: UnixMillis,
    ) -> Result<Verified, Fault> {
        let (entry, key) = self.voucher(by).ok_or(Fault::NoEntry)?;
        entry.accept(claims, key, now)
    }

    /// The claim of the entry `by` that names the role.
    pub(in crate::auth) fn role_claim(&self, by: &Digest) -> Option<&str> {
        let (entry, _) = self.voucher(by)?;
        Some(&entry.settings.role_claim)
    }

    /// The entry `by`, or the entry and key.
    fn voucher(&self, by: &Digest) -> Option<(&Entry, Option<Arc<SetKey>>)> {
        self.entries.iter().find_map(|entry| {
            let keys = entry.key.keys();
            let Some(keys) = keys else {
                return (entry.identity == *by).then_some((entry, None));
            };
            let key = keys
                .iter()
                .find(|key| entry.identity_of(Some(key)) == *by)?;
            Some((entry, Some(key.clone())))
        })
    }

    /// Whether any entry's keys are fetched.
    pub(in crate::auth) fn fetches(&self) -> bool {
        self.sets().next().is_some()
    }

    /// Verifies `token` at `now`.
    pub(in crate::auth) fn verify(
        &self,
        token: &Secret,
        now: UnixMillis,
    ) -> Result<Verified, Fault> {
        let Addressed {
            entry,
            parts,
            kid,
            claims,
        } = self.address(token)?;
        let key = entry.key.of_set(kid.as_deref(), entry.settings.algorithm)?;
        entry.check_signature(&parts, key.as_deref())?;
        entry.accept(claims, key, now)
    }

    /// The set which should have the key of `token`, and has it not. One without `kid` is not missed: which key it
    /// means is not for it to say.
    pub(in crate::auth) fn misses(&self, token: &Secret) -> Option<Arc<KeySet>> {
        let Addressed { entry, kid, .. } = self.address(token).ok()?;
        let Verifying::Fetched(set) = &entry.key else {
            return None;
        };
        let found = entry.key.of_set(kid.as_deref(), entry.settings.algorithm);
        let may_come = kid.is_some() || !set.is_filled();
        (found.is_err() && may_come).then(|| set.clone())
    }

    fn address<'a>(&'a self, token: &'a Secret) -> Result<Addressed<'a>, Fault> {
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
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Fault::Malformed),
        };
        let entry = self.choose(kid.as_ref(), algorithm, &claims)?;
        if entry.settings.algorithm != algorithm {
            return Err(Fault::Algorithm);
        }
        Ok(Addressed {
            entry,
            parts,
            kid,
            claims,
        })
    }

    /// By `kid`, else by algorithm and issuer among the entries without `kid`, which those with a set are. What the
    /// token says is only used to choose between our own keys; `jku`, `jwk`, `x5u` and `x5c` are not looked at.
    fn choose(
        &self,
        kid: Option<&String>,
        algorithm: Algorithm,
        claims: &Object,
    ) -> Result<&Entry, Fault> {
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
    const fn is_fetched(&self) -> bool {
        matches!(self.key, Verifying::Fetched(_))
    }

    /// Who it is, or each key of its set.
    fn identities(&self) -> Vec<Digest> {
        match self.key.keys() {
            None => vec![self.identity],
            Some(keys) => keys.iter().map(|key| self.identity_of(Some(key))).collect(),
        }
    }

    /// Who vouches: the entry, or a key of its set.
    fn identity_of(&self, key: Option<&SetKey>) -> Digest {
        key.map_or(self.identity, |key| digest_of(&[&self.identity, &key.id]))
    }

    /// By the entry's one key, or by `of_set`.
    fn check_signature(&self, parts: &Parts<'_>, of_set: Option<&SetKey>) -> Result<(), Fault> {
        let key: &DecodingKey = match (&self.key, of_set) {
            (_, Some(key)) => key.decoding(),
            (Verifying::One(key), None) => key,
            (Verifying::Set(_) | Verifying::Fetched(_), None) => return Err(Fault::NoKey),
        };
        let algorithm = self.settings.algorithm.in_library();
        let message = parts.message.as_bytes();
        match jsonwebtoken::crypto::verify(parts.signature, message, key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Fault::Signature),
        }
    }

    /// The claims, now that the signature vouches for them.
    fn accept(
        &self,
        claims: Object,
        key: Option<Arc<SetKey>>,
        now: UnixMillis,
    ) -> Result<Verified, Fault> {
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
            by: self.identity_of(key.as_deref()),
            key,
            holds,
            claims,
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

/// The claims of a token that was good.
pub(in crate::auth) fn claims_of(token: &Secret) -> Object {
    let parts = Parts::split(token.expose());
    let claims = parts.and_then(|parts| object(parts.claims));
    claims.unwrap_or_default()
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
            Some(_) if one.key.is_set() => mistakes.push(format!(
                "auth.jwt[{index}].kid: a set has the kid of each of its keys; leave `kid` out"
            )),
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
                    "auth.jwt[{index}]: another entry has the same algorithm and issuer, and neither has a kid; write `issuer`, or `kid` where it has one key"
                ));
            }
            Some(_) | None => {}
        }
    }
}
