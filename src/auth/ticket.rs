//! Tickets: what a credential is swapped for where it cannot go itself. A browser's `EventSource` sends a cookie and can
//! be given a URL, and can set no header.
//!
//! A ticket is base64url of a payload, a dot, and base64url of an HMAC-SHA-256 over it (RFC 2104). It has two parts and
//! never three, so nothing takes it for a token. It keeps nothing of the credential that could be used instead of it,
//! and nothing is kept of it here: whoever has the secret can judge it.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::room::Room;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;

/// The longest ticket, in bytes, with the name of its cookie: browsers drop a longer cookie in silence, and many proxies
/// refuse a longer URL.
pub const MAX_BYTES: usize = 4096;
/// The shortest secret, in bytes (RFC 2104 §3: the length of the hash).
pub const SECRET_BYTES: usize = 32;

/// How tickets are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What signs: the first for all that are made, any of them for those that are shown. Without one there are no
    /// tickets.
    pub secrets: Vec<Secret>,
    /// Whether nobody else knows them, and this process forgets them with its end.
    pub alone: bool,
    /// The cookie's name, without the prefix that it has over TLS.
    pub cookie: String,
    /// The longest life of a cookie, and of a URL with all that it is extended by.
    pub ttl: Duration,
    /// The longest life of one URL.
    pub url_ttl: Duration,
    /// How long a cookie can be renewed for by itself, from when its credential was shown.
    pub renewable: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            alone: false,
            cookie: "gatecast_session".to_owned(),
            ttl: Duration::from_secs(12 * 60 * 60),
            url_ttl: Duration::from_secs(5 * 60),
            renewable: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Where a ticket is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the session cookie, for whatever its credential was good for.
    Cookie,
    /// In a URL, to read the rooms that it names.
    Url,
}

/// What a signed URL leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// What stands before `/v1/…`.
    pub base: String,
    /// How the events shall come.
    pub transport: Transport,
    /// The rooms.
    pub rooms: Vec<Room>,
}

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payload {
    /// Who vouches for it: the key or issuer of the credential.
    pub(super) by: Seal,
    /// What the credential said, as far as it is needed.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) claims: Map<String, Value>,
    /// When it was made.
    pub(super) at: UnixMillis,
    /// When it ends.
    pub(super) end: UnixMillis,
    /// Beyond when it cannot be renewed, where it is a cookie's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<UnixMillis>,
    /// What it is bound to, where it stands in a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<Url>,
}

/// What a ticket in a URL says beyond that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Url {
    /// Where it leads.
    pub(super) to: Bound,
    /// In which role only.
    pub(super) role: String,
    /// Beyond when it cannot be extended.
    pub(super) last: UnixMillis,
}

/// A key or issuer of the configuration as it stands in tickets: it tells nothing to whoever does not have the secret,
/// and is another one as soon as the key is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Seal([u8; 16]);

impl From<Seal> for String {
    fn from(Seal(bytes): Seal) -> Self {
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl TryFrom<String> for Seal {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("no seal")
    }
}

/// What makes tickets and knows them again.
pub(super) struct Press(Vec<hmac::Key>);

impl Press {
    /// With these secrets, of which the first signs.
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let key = |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self(secrets.iter().map(key).collect())
    }

    /// The ticket that says `payload`; nothing without a secret.
    pub(super) fn print(&self, kind: Kind, payload: &Payload) -> Option<Secret> {
        let key = self.0.first()?;
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(payload).ok()?);
        let mac = hmac::sign(key, &signed(kind, &payload));
        let mac = URL_SAFE_NO_PAD.encode(mac);
        Some(Secret::new(format!("{payload}.{mac}")))
    }

    /// What a ticket says, if it was made with one of the secrets and for this use. Nothing of it is read before that.
    pub(super) fn read(&self, kind: Kind, ticket: &Secret) -> Option<Payload> {
        let (payload, mac) = ticket.expose().split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let message = signed(kind, payload);
        // Compared in constant time.
        let is_signed = |key: &hmac::Key| hmac::verify(key, &message, &mac).is_ok();
        if !self.0.iter().any(is_signed) {
            return None;
        }
        let payload: Payload =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        (payload.url.is_some() == (kind == Kind::Url)).then_some(payload)
    }

    /// The seals of what `parts` describe, one for each secret; the first is that of new tickets.
    pub(super) fn seals(&self, parts: &[&[u8]]) -> Vec<Seal> {
        let mut message = b"gatecast voucher\0".to_vec();
        for part in parts {
            // With its length, so that no two lists of parts are one message.
            message.extend((part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let seal = |key| {
            let mut seal = [0; 16];
            let tag = hmac::sign(key, &message);
            seal.iter_mut()
                .zip(tag.as_ref())
                .for_each(|(to, from)| *to = *from);
            Seal(seal)
        };
        self.0.iter().map(seal).collect()
    }
}

/// The claims that a ticket carries which was good.
pub(super) fn claims_of(ticket: &Secret) -> Map<String, Value> {
    let payload = ticket.expose().split_once('.').map(|(payload, _)| payload);
    let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let payload = payload.and_then(|payload| serde_json::from_slice::<Payload>(&payload).ok());
    payload.map_or_else(Map::new, |payload| payload.claims)
}

/// What is signed: with the use, so that a ticket for one is none for the other.
fn signed(kind: Kind, payload: &str) -> Vec<u8> {
    let domain: &[u8] = match kind {
        Kind::Cookie => b"gatecast ticket cookie\0",
        Kind::Url => b"gatecast ticket url\0",
    };
    [domain, payload.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
