//! The one that answers "who is this, and what may it do".

pub(super) mod tickets;
mod verdicts;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};

use super::access::{Access, Proof, Token};
use super::credentials::{Credential, Places};
use super::digest::{Digest, sha256};
use super::jwt::verifier::{Verified, Verifier};
use super::jwt::{KeySets, Search};
use super::roles::{self, Role};
use super::{Settings, api_key, emits};
use crate::model::code::{Code, Refusal};
use crate::model::id::Principal;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;
use tickets::Tickets;
use verdicts::{Verdict, Verdicts};

/// Keys, roles and grants, checked. Built once, shared, and replaced as a whole when the configuration changes, and
/// with it the verdicts that it remembers.
pub struct Authority {
    tokens: Verifier,
    verdicts: Verdicts,
    tally: Tally,
    keys: Vec<([u8; 32], Arc<Access>)>,
    anonymous: Option<Arc<Access>>,
    query: Option<String>,
    roles: Roles,
    /// Its own number, which its roles bear.
    number: u64,
    tickets: Tickets,
}

/// The number of the next authority.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Live keys of one name: the new one, and the one that it replaces.
const MOST_HASHES: usize = 2;

/// How many tokens were found to be what.
#[derive(Default)]
struct Tally {
    remembered: AtomicU64,
    verified: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    fn count(of: &AtomicU64) {
        of.fetch_add(1, Ordering::Relaxed);
    }
}

type Roles = HashMap<String, Arc<Role>>;

impl Authority {
    /// Checks `settings`. Sets of keys that are fetched are empty, and stay so: see [`Self::with_key_sets`].
    ///
    /// # Errors
    /// Every mistake at once; each text names the place and says what to write instead.
    pub fn new(settings: Settings) -> Result<Self, Vec<String>> {
        Self::with_key_sets(settings, &KeySets::default())
    }

    /// [`Self::new`] with the keys that are, and will be, fetched into `sets`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_key_sets(settings: Settings, sets: &KeySets) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let names: Vec<String> = settings.roles.keys().cloned().collect();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let roles = checked_roles(settings.roles, &settings.emit, number, &mut mistakes);
        let mut known = |place: String, role: &str| {
            if !names.iter().any(|name| name == role) {
                mistakes.push(unknown_role(&place, role, &names));
            }
            roles.get(role).cloned()
        };
        let anonymous = settings
            .anonymous
            .and_then(|role| known("auth.anonymous".to_owned(), &role))
            .map(|role| {
                let (who, proof) = (Principal::Anonymous, Proof::Anonymous);
                Access::new(who, role, &Map::new(), None, proof)
            });
        let keys = settings
            .api_keys
            .iter()
            .enumerate()
            .filter_map(|(index, key)| {
                let role = known(format!("auth.api_key[{index}].role"), &key.role)?;
                Some(key.sha256.iter().map(move |hash| {
                    let access = access_of_key(&key.name, *hash, role.clone());
                    (*hash, access)
                }))
            });
        let keys = keys.flatten().collect();
        check_keys(&settings.api_keys, &mut mistakes);
        let tokens = Verifier::new(settings.jwt, sets, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let tickets = Tickets::new(settings.tickets, &settings.api_keys, &tokens);
        Ok(Self {
            tickets,
            tokens,
            verdicts: Verdicts::default(),
            tally: Tally::default(),
            keys,
            anonymous,
            query: settings.query,
            roles,
            number,
        })
    }

    /// Whose credential this is, and what it allows, at `now`.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when it is not good, or not any more; [`Code::Forbidden`] when it is good and
    /// names no role of this gateway. The credential is not repeated, neither to the caller nor to the operator.
    pub fn identify(
        &self,
        credential: &Credential,
        now: UnixMillis,
    ) -> Result<Arc<Access>, Refusal> {
        match credential {
            Credential::Token(token) => self.of_token(token, now),
            Credential::ApiKey(key) => self.of_key(key),
            Credential::Ticket(kind, ticket) => self.of_ticket(*kind, ticket, now),
        }
    }

    /// Whether the keys of any tokens are fetched.
    #[must_use]
    pub fn fetches_keys(&self) -> bool {
        self.tokens.fetches()
    }

    /// Where the key of `credential` is not here and may still come: asks for it to be fetched, and gives what to wait for
    /// before asking whose it is. Seldom, however often keys are missed that nobody has: see [`KeySets`].
    #[must_use]
    pub fn search(&self, credential: &Credential) -> Option<Search> {
        if !self.tokens.fetches() {
            return None;
        }
        match credential {
            Credential::ApiKey(_) => None,
            Credential::Token(token) if self.verdicts.know(&sha256(token.expose())) => None,
            Credential::Token(token) => self.tokens.misses(token)?.search(),
            Credential::Ticket(kind, ticket) if self.misses_voucher(*kind, ticket) => {
                // It does not say of which.
                let searches = self.tokens.sets().map(|set| set.clone().search());
                searches.collect::<Vec<_>>().into_iter().flatten().next()
            }
            Credential::Ticket(..) => None,
        }
    }

    /// What somebody may do now whom another authority gave `access`, or this one at another time.
    ///
    /// # Errors
    /// As [`Self::identify`]; [`Code::Unauthorized`] too where nobody is let in without credential any more.
    pub fn judge_anew(&self, access: &Access, now: UnixMillis) -> Result<Arc<Access>, Refusal> {
        let anew = self.judge_proof(access, now)?;
        // What a backend has said of a stream holds for as long as the stream does.
        Ok(match access.added() {
            None => anew,
            Some(added) => anew.with(added.clone()),
        })
    }

    fn judge_proof(&self, access: &Access, now: UnixMillis) -> Result<Arc<Access>, Refusal> {
        match &access.proof {
            Proof::Anonymous => self
                .anonymous()
                .ok_or_else(|| Refusal::new(Code::Unauthorized, "this needs a credential now")),
            Proof::Key(hash) => {
                let mut keys = self.keys.iter();
                keys.find(|(known, _)| *known == **hash)
                    .map(|(_, access)| access.clone())
                    .ok_or_else(unknown_key)
            }
            Proof::Token(token) => self.of_token(&token.text, now),
            Proof::Ticket(ticket) => self.of_ticket(ticket.kind, &ticket.token.text, now),
        }
    }

    /// Whether `access` is a verdict of this very authority, and nothing of what it went by has changed since.
    #[must_use]
    pub fn made(&self, access: &Access) -> bool {
        access.role.authority == self.number && access.stands()
    }

    /// What a client without credential may do; `None`: nothing, it is refused.
    #[must_use]
    pub fn anonymous(&self) -> Option<Arc<Access>> {
        self.anonymous.clone()
    }

    /// Where a credential may stand that the configuration has a say in, in a request that is encrypted or is not.
    #[must_use]
    pub fn places(&self, secure: bool) -> Places<'_> {
        Places {
            query: self.query.as_deref(),
            cookie: self.cookie(secure),
        }
    }

    /// Whether anybody at all can get in.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.anonymous.is_some() || !self.keys.is_empty() || !self.tokens.is_empty()
    }

    /// What was found of tokens so far: how many were good and known from before, how many were good, how many were not.
    #[must_use]
    pub fn tokens(&self) -> [u64; 3] {
        let Tally {
            remembered,
            verified,
            refused,
        } = &self.tally;
        [remembered, verified, refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// From memory where the token was seen before: then all who present it share one [`Access`].
    fn of_token(&self, token: &Secret, now: UnixMillis) -> Result<Arc<Access>, Refusal> {
        let digest = sha256(token.expose());
        if let Some(access) = self.verdicts.get(&digest, now) {
            Tally::count(&self.tally.remembered);
            return Ok(access);
        }
        let verdict = self.verify(token, now).map_err(|refusal| {
            Tally::count(&self.tally.refused);
            with_pause(refusal, &digest)
        })?;
        Tally::count(&self.tally.verified);
        let access = Arc::clone(&verdict.access);
        self.verdicts.remember(digest, verdict);
        Ok(access)
    }

    fn verify(&self, token: &Secret, now: UnixMillis) -> Result<Verdict, Refusal> {
        let verified = self.tokens.verify(token, now)?;
        let role = self.role_of(&verified)?;
        let access = Access::new(
            verified.principal,
            Arc::clone(role),
            &verified.claims,
            Some(verified.holds.end),
            Proof::Token(Box::new(Token {
                text: token.clone(),
                key: verified.key,
                id: verified.id,
                issued: verified.issued,
            })),
        );
        Ok(Verdict {
            access,
            holds: verified.holds,
        })
    }

    fn role_of(&self, verified: &Verified) -> Result<&Arc<Role>, Refusal> {
        self.roles.get(&verified.role).ok_or_else(|| {
            let name: String = verified.role.chars().take(64).collect();
            Refusal::new(Code::Forbidden, "the token's role is not known here")
                .operator(format!("no [roles.…] is named {name:?}"))
        })
    }

    fn of_key(&self, key: &Secret) -> Result<Arc<Access>, Refusal> {
        self.key(key).map(|(_, access)| Arc::clone(access))
    }

    fn key(&self, key: &Secret) -> Result<&(Digest, Arc<Access>), Refusal> {
        let stored = self.keys.iter().map(|(hash, _)| hash);
        api_key::position(key, stored)
            .and_then(|place| self.keys.get(place))
            .ok_or_else(unknown_key)
    }
}

/// Says when to come back with a credential that cannot be judged yet: after 1 to 3 s, spread over those who hold one.
fn with_pause(refusal: Refusal, credential: &Digest) -> Refusal {
    if refusal.code != Code::Unavailable {
        return refusal;
    }
    let [one, two, ..] = *credential;
    let more = u64::from(u16::from_be_bytes([one, two])) % 2000;
    refusal.retry_after(Duration::from_millis(1000 + more))
}

fn unknown_key() -> Refusal {
    Refusal::new(Code::Unauthorized, "the key is not known here")
}

impl std::fmt::Debug for Authority {
    /// Shows no key, nor the hash of one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("keys", &self.keys.len())
            .field("anonymous", &self.anonymous.is_some())
            .finish_non_exhaustive()
    }
}

fn checked_roles(
    settings: BTreeMap<String, roles::Settings>,
    mapped: &emits::All,
    authority: u64,
    mistakes: &mut Vec<String>,
) -> Roles {
    let mut roles = Roles::new();
    for (name, settings) in settings {
        match Role::new(&name, settings, mapped, authority) {
            Ok(role) => {
                roles.insert(name, Arc::new(role));
            }
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    roles
}

/// A key's own name is all that its placeholders can be filled from.
fn access_of_key(key: &str, hash: Digest, role: Arc<Role>) -> Arc<Access> {
    let claims = claims_of_key(key);
    Access::new(
        Principal::ApiKey(key.into()),
        role,
        &claims,
        None,
        Proof::Key(Box::new(hash)),
    )
}

pub(super) fn claims_of_key(name: &str) -> Map<String, Value> {
    let claims = ["key", "sub"].map(|claim| (claim.to_owned(), name.into()));
    Map::from_iter(claims)
}

fn check_keys(keys: &[api_key::Settings], mistakes: &mut Vec<String>) {
    for (index, key) in keys.iter().enumerate() {
        let place = format!("auth.api_key[{index}]");
        let earlier = keys.get(..index).unwrap_or_default();
        if key.name.is_empty() {
            mistakes.push(format!("{place}.name: empty; name who holds the key"));
        }
        if earlier.iter().any(|other| other.name == key.name) {
            mistakes.push(format!(
                "{place}.name: `{}` names another key already; give each its own name, because it is its principal",
                key.name
            ));
        }
        if !(1..=MOST_HASHES).contains(&key.sha256.len()) {
            mistakes.push(format!(
                "{place}.sha256: {} hashes; write one, or two while one key replaces the other",
                key.sha256.len()
            ));
        }
        let held = |hash: &Digest| earlier.iter().any(|other| other.sha256.contains(hash));
        if key.sha256.iter().any(held) {
            mistakes.push(format!(
                "{place}.sha256: another entry holds the same key; make one for each with `gatecast key`"
            ));
        }
    }
}

fn unknown_role(place: &str, role: &str, names: &[String]) -> String {
    if names.is_empty() {
        return format!("{place}: no role is named `{role}`; add a table [roles.{role}]");
    }
    let names = names.join("`, `");
    format!("{place}: no role is named `{role}`; write one of `{names}`, or add [roles.{role}]")
}

#[cfg(test)]
mod tests;
