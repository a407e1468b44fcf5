//! A credential swapped for a ticket, and a ticket judged by what the configuration says now.
//!
//! A ticket is never more than the credential that it came from: it ends with it at the latest, it is void as soon as
//! the key or issuer is another, its claims are judged anew, and a revocation finds the same things in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Authority, claims_of_key, with_pause};
use crate::auth::access::{Access, Proof, Ticket, Token};
use crate::auth::api_key;
use crate::auth::credentials::Credential;
use crate::auth::digest::{Digest, sha256};
use crate::auth::grants::lookup;
use crate::auth::jwt::fault::Fault;
use crate::auth::jwt::jwks::SetKey;
use crate::auth::jwt::verifier::{Verified, Verifier};
use crate::auth::roles::Role;
use crate::auth::ticket::{Bound, Kind, MAX_BYTES, Payload, Press, Seal, Settings, Url};
use crate::model::code::{Code, Refusal};
use crate::model::id::Principal;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

/// What the settings of tickets come to.
pub(super) struct Tickets {
    press: Press,
    /// Who may vouch for a ticket, but for keys that are fetched.
    vouchers: HashMap<Seal, Voucher>,
    /// The cookie's name in clear text, and over TLS.
    cookie: [String; 2],
    ttl: Duration,
    url_ttl: Duration,
    renewable: Duration,
    alone: bool,
}

/// The key or issuer that a ticket's credential came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voucher {
    /// The API key of this hash.
    Key(Digest),
    /// The `[[auth.jwt]]` of this identity.
    Issuer(Digest),
}

/// A credential that was swapped.
#[derive(Debug)]
pub struct Swapped {
    /// What it was swapped for.
    pub ticket: Secret,
    /// When the ticket ends.
    pub expires_at: UnixMillis,
}

/// Somebody, as a credential or a ticket says at present.
struct Vouched {
    by: Voucher,
    principal: Principal,
    role: Arc<Role>,
    claims: Map<String, Value>,
    id: Option<Box<str>>,
    issued: Option<UnixMillis>,
    /// The key of a set that the token was signed with.
    key: Option<Arc<SetKey>>,
    /// When the credential itself ends.
    end: Option<UnixMillis>,
}

impl Tickets {
    pub(super) fn new(settings: Settings, keys: &[api_key::Settings], tokens: &Verifier) -> Self {
        let press = Press::new(&settings.secrets);
        let mut vouchers = HashMap::new();
        let keys = keys.iter().flat_map(|key| &key.sha256);
        let keys = keys.map(|hash| Voucher::Key(*hash));
        for voucher in keys.chain(tokens.identities().map(Voucher::Issuer)) {
            let seals = voucher.seals(&press).into_iter();
            vouchers.extend(seals.map(|seal| (seal, voucher)));
        }
        Self {
            press,
            vouchers,
            cookie: [
                settings.cookie.clone(),
                // Browsers take a cookie of this prefix from a secure origin only, for all its paths, and from no host
                // but its own (RFC 6265bis §4.1.3.2).
                format!("__Host-{}", settings.cookie),
            ],
            ttl: settings.ttl,
            url_ttl: settings.url_ttl,
            renewable: settings.renewable,
            alone: settings.alone,
        }
    }
}

impl Voucher {
    fn seals(self, press: &Press) -> Vec<Seal> {
        let (kind, digest) = match &self {
            Self::Key(hash) => (&b"key"[..], hash),
            Self::Issuer(identity) => (&b"issuer"[..], identity),
        };
        press.seals(&[kind, digest])
    }
}

impl Authority {
    /// The name of the session cookie on a connection that is encrypted, or is not.
    #[must_use]
    pub fn cookie(&self, secure: bool) -> &str {
        let [clear, host] = &self.tickets.cookie;
        if secure { host } else { clear }
    }

    /// Whether its tickets are good at this process alone.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.tickets.alone
    }

    /// Swaps a credential for a session cookie's value, which lives for `ttl` at most. A cookie is renewed for as long as
    /// sessions may last in all: a copy of it is worth no more.
    ///
    /// # Errors
    /// As [`Self::identify`]; [`Code::TooLarge`] when no browser would keep the cookie; [`Code::Forbidden`] for a signed
    /// URL's ticket.
    pub fn session(
        &self,
        credential: &Credential,
        ttl: Option<Duration>,
        now: UnixMillis,
    ) -> Result<Swapped, Refusal> {
        let (vouched, cookie) = self.vouched(credential, now)?;
        let ttl = ttl.map_or(self.tickets.ttl, |ttl| ttl.min(self.tickets.ttl));
        let last = match cookie {
            Some(cookie) => cookie.last.unwrap_or(cookie.end),
            None => after(now, self.tickets.renewable),
        };
        let end = sooner(after(now, ttl).min(last), vouched.end);
        let times = Times {
            at: now,
            end,
            last: Some(last),
        };
        let ticket = self.print(Kind::Cookie, &vouched, times, None)?;
        Ok(Swapped {
            ticket,
            expires_at: end,
        })
    }

    /// Swaps a credential for a signed URL's ticket, which leads to `to` alone and lives for `ttl` at most.
    ///
    /// # Errors
    /// As [`Self::session`].
    pub fn signed_url(
        &self,
        credential: &Credential,
        to: Bound,
        ttl: Option<Duration>,
        now: UnixMillis,
    ) -> Result<Swapped, Refusal> {
        let (vouched, cookie) = self.vouched(credential, now)?;
        let cookie = cookie.map(|cookie| cookie.end);
        let last = sooner(sooner(after(now, self.tickets.ttl), vouched.end), cookie);
        let ttl = ttl.map_or(self.tickets.url_ttl, |ttl| ttl.min(self.tickets.url_ttl));
        let end = after(now, ttl).min(last);
        let role = vouched.role.name.clone();
        let url = Url { to, role, last };
        let ticket = self.print(Kind::Url, &vouched, Times::of_url(now, end), Some(url))?;
        Ok(Swapped {
            ticket,
            expires_at: end,
        })
    }

    /// A ticket for the same URL that lives longer than the one that showed `access`: as long as it did, and never longer
    /// than its credential. Nothing where no later end is to be had, and for whatever no signed URL showed.
    #[must_use]
    pub fn extended(&self, access: &Access, now: UnixMillis) -> Option<(Bound, Secret)> {
        let Proof::Ticket(held) = &access.proof else {
            return None;
        };
        // A cookie's is none of a URL's.
        let payload = self.tickets.press.read(Kind::Url, &held.token.text)?;
        let vouched = self.judged(&payload, now).ok()?;
        let (life, url) = (held.life.min(self.tickets.url_ttl), payload.url?);
        let end = sooner(after(now, life).min(url.last), vouched.end);
        let to = url.to.clone();
        let is_later = end > payload.end;
        let ticket = is_later.then(|| {
            let times = Times::of_url(now, end);
            self.print(Kind::Url, &vouched, times, Some(url))
        })?;
        Some((to, ticket.ok()?))
    }

    /// What a ticket allows, by what the configuration says now.
    pub(super) fn of_ticket(
        &self,
        kind: Kind,
        ticket: &Secret,
        now: UnixMillis,
    ) -> Result<Arc<Access>, Refusal> {
        let payload = self.read(kind, ticket, now)?;
        let Vouched {
            principal,
            role,
            claims,
            id,
            issued,
            end,
            key,
            by: _,
        } = self
            .judged(&payload, now)
            .map_err(|refusal| with_pause(refusal, &sha256(ticket.expose())))?;
        let end = sooner(payload.end, end);
        let text = ticket.clone();
        let proof = Proof::Ticket(Box::new(Ticket {
            kind,
            life: payload.end.since(payload.at),
            token: Token {
                text,
                key,
                id,
                issued,
            },
        }));
        let access = Access::new(principal, role, &claims, Some(end), proof);
        match payload.url {
            None => Ok(access),
            Some(url) if url.role == access.role.name => Ok(access.bound_to(url.to.rooms)),
            Some(_) => {
                let message = "the URL was signed for another role than its credential has now";
                Err(Refusal::new(Code::Unauthorized, message))
            }
        }
    }

    /// Who a credential says that somebody is, and what stands in it where that is a cookie.
    fn vouched(
        &self,
        credential: &Credential,
        now: UnixMillis,
    ) -> Result<(Vouched, Option<Payload>), Refusal> {
        match credential {
            Credential::Token(token) => {
                let verified = self.tokens.verify(token, now)?;
                self.of_verified(verified).map(|vouched| (vouched, None))
            }
            Credential::ApiKey(key) => {
                let (hash, access) = self.key(key)?;
                Ok((of_key(*hash, access), None))
            }
            Credential::Ticket(Kind::Cookie, cookie) => {
                let payload = self.read(Kind::Cookie, cookie, now)?;
                Ok((self.judged(&payload, now)?, Some(payload)))
            }
            Credential::Ticket(Kind::Url, _) => {
                let message = "a signed URL opens its stream, and nothing else";
                Err(Refusal::new(Code::Forbidden, message))
            }
        }
    }

    fn read(&self, kind: Kind, ticket: &Secret, now: UnixMillis) -> Result<Payload, Refusal> {
        let what = match kind {
            Kind::Cookie => "session",
            Kind::Url => "signed URL",
        };
        let payload = self.tickets.press.read(kind, ticket);
        let refused = |why| Refusal::new(Code::Unauthorized, format!("the {what} {why}"));
        let payload = payload.ok_or_else(|| refused("is not known here (any more)"))?;
        if now >= payload.end {
            return Err(refused("has expired"));
        }
        Ok(payload)
    }

    fn voucher(&self, by: &Seal) -> Option<Voucher> {
        let known = self.tickets.vouchers.get(by).copied();
        let press = &self.tickets.press;
        let seals = |voucher: &Voucher| voucher.seals(press).contains(by);
        known.or_else(|| self.tokens.fetched().map(Voucher::Issuer).find(seals))
    }

    /// Whether nobody known vouches for a ticket that was made here, and a key that is fetched may.
    pub(super) fn misses_voucher(&self, kind: Kind, ticket: &Secret) -> bool {
        let payload = self.tickets.press.read(kind, ticket);
        payload.is_some_and(|payload| self.voucher(&payload.by).is_none())
    }

    /// The credential behind a ticket, as it would be judged if it came itself.
    fn judged(&self, payload: &Payload, now: UnixMillis) -> Result<Vouched, Refusal> {
        let gone = || {
            if !self.tokens.sets().all(|set| set.is_filled()) {
                return Fault::NotFetched.into();
            }
            let message = "the credential that this came from is not known here any more";
            Refusal::new(Code::Unauthorized, message)
        };
        match &self.voucher(&payload.by).ok_or_else(gone)? {
            Voucher::Key(hash) => {
                let mut keys = self.keys.iter();
                let (_, access) = keys.find(|(known, _)| known == hash).ok_or_else(gone)?;
                Ok(of_key(*hash, access))
            }
            Voucher::Issuer(identity) => {
                let claims = payload.claims.clone();
                self.of_verified(self.tokens.judge_anew(identity, claims, now)?)
            }
        }
    }

    fn of_verified(&self, verified: Verified) -> Result<Vouched, Refusal> {
        let role = self.role_of(&verified)?.clone();
        Ok(Vouched {
            by: Voucher::Issuer(verified.by),
            principal: verified.principal,
            role,
            claims: verified.claims,
            id: verified.id,
            issued: verified.issued,
            key: verified.key,
            end: Some(verified.holds.end),
        })
    }

    fn print(
        &self,
        kind: Kind,
        vouched: &Vouched,
        Times { at, end, last }: Times,
        url: Option<Url>,
    ) -> Result<Secret, Refusal> {
        let press = &self.tickets.press;
        let seal = vouched.by.seals(press).into_iter().next();
        let payload = seal.map(|by| Payload {
            by,
            claims: self.needed(vouched),
            at,
            end,
            last,
            url,
        });
        let ticket = payload.and_then(|payload| press.print(kind, &payload));
        let ticket = ticket.ok_or_else(|| {
            Refusal::new(Code::NotFound, "nothing is swapped here")
                .operator("there is no secret to sign with")
        })?;
        let name = self.cookie(true).len() + "=".len();
        if name + ticket.expose().len() > MAX_BYTES {
            return Err(too_large());
        }
        Ok(ticket)
    }

    /// The claims that are judged, and those that the role's rooms are made of: the others are nobody's business in a URL,
    /// and too long for a cookie.
    fn needed(&self, vouched: &Vouched) -> Map<String, Value> {
        let Voucher::Issuer(identity) = &vouched.by else {
            return Map::new();
        };
        const JUDGED: [&str; 7] = ["sub", "exp", "nbf", "iat", "iss", "aud", "jti"];
        let names = JUDGED.into_iter().chain(vouched.role.claims());
        let names = names.chain(self.tokens.role_claim(identity));
        // Found by its whole name again, also where it came from an inner object.
        let claims = names.filter_map(|name| {
            let value = lookup(&vouched.claims, name)?;
            Some((name.to_owned(), value.clone()))
        });
        claims.collect()
    }
}

/// When a ticket is made, when it ends, and beyond when it cannot be renewed.
struct Times {
    at: UnixMillis,
    end: UnixMillis,
    last: Option<UnixMillis>,
}

impl Times {
    /// A URL says itself how long it can be extended.
    const fn of_url(at: UnixMillis, end: UnixMillis) -> Self {
        Self {
            at,
            end,
            last: None,
        }
    }
}

fn of_key(hash: Digest, access: &Access) -> Vouched {
    Vouched {
        by: Voucher::Key(hash),
        principal: access.principal.clone(),
        role: access.role.clone(),
        claims: claims_of_key(access.principal.name()),
        id: None,
        issued: None,
        key: None,
        end: None,
    }
}

fn too_large() -> Refusal {
    let message = format!(
        "what this credential is swapped for would be longer than {MAX_BYTES} bytes: name fewer rooms, or leave out of the token's claims what the role's rooms are not made of"
    );
    Refusal::new(Code::TooLarge, message)
}

fn after(now: UnixMillis, span: Duration) -> UnixMillis {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(now.0.saturating_add(millis))
}

fn sooner(one: UnixMillis, other: Option<UnixMillis>) -> UnixMillis {
    other.map_or(one, |other| one.min(other))
}

#[cfg(test)]
mod tests;
