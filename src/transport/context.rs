//! What every driver works with.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::credentials::Credential;
use crate::auth::{Access, Authority};
use crate::bus::Bus;
use crate::hooks::Hooks;
use crate::ingress::{Ingress, Publisher};
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Draining;
use crate::lifecycle::hanging::Hanging;
use crate::lifecycle::live::Live;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::limit::Limiter;
use crate::model::code::Refusal;
use crate::model::decree::revoked;
use crate::model::limits::Addresses;
use crate::model::network::Proxies;
use crate::model::timeouts::Timeouts;
use crate::session::{self, Now};
use crate::telemetry::audit::Audit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;
use crate::wire::base_url::BaseUrl;
use crate::wire::control::SignedUrl;

use super::agreed::Agreed;
use super::ceiling::Ceiling;
use super::directory::Directory;
use super::engineio::sessions::Sessions;
use super::registry::Registry;
use super::socketio;
use super::socketio::recovery::Recovery;

/// The parts of one gateway that its streams share.
pub struct Context {
    /// The log.
    pub bus: Bus,
    /// The way into it.
    pub ingress: Ingress,
    /// The time.
    pub clock: Clock,
    /// What a reload may change.
    pub rules: Live<Rules>,
    /// Who has used how much.
    pub limiter: Arc<Limiter>,
    /// How long the end of a stream may take once it has been said.
    pub goodbye: Duration,
    /// The streams that take messages by `POST /v1/messages`.
    pub streams: Registry,
    /// The loops that all streams live in.
    pub shards: Directory,
    /// Whether the gateway is stopping.
    pub draining: Draining,
    /// How much memory there is left.
    pub ceiling: Ceiling,
    /// The shards that hang.
    pub hanging: Hanging,
    /// Who owns what is spawned.
    pub tasks: Tasks,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is recorded.
    pub audit: Audit,
    /// What makes spans for a collector.
    pub spans: Spans,
    /// The backend that is asked and told.
    pub hooks: Hooks,
    /// What it has agreed to.
    pub agreed: Agreed,
    /// The sessions of Engine.IO.
    pub sessions: Sessions,
    /// Those of Socket.IO who may come back as the same.
    pub recovery: Recovery,
}

/// What the configuration says of streams and requests, and may say otherwise while they go on. It is replaced as a
/// whole: whoever looks twice may see two of them.
pub struct Rules {
    /// Who may what.
    pub authority: Arc<Authority>,
    /// The times of a stream.
    pub session: Arc<session::Settings>,
    /// The largest payload that any role may publish, in bytes.
    pub event_bytes: usize,
    /// What one address may use.
    pub addresses: Addresses,
    /// How long each step of a connection may take.
    pub timeouts: Timeouts,
    /// How long a stream may last; each lasts four fifths of it at least.
    pub lifetime: Option<Duration>,
    /// How long a drain may take.
    pub drain: Duration,
    /// Over how long a drain spreads the ends of the streams.
    pub drain_window: Duration,
    /// The resident memory, in bytes, above which new streams are refused.
    pub memory: Option<usize>,
    /// Whose word is taken for who is behind them.
    pub proxies: Proxies,
    /// What is spoken of Socket.IO.
    pub socketio: Arc<socketio::Settings>,
}

impl Rules {
    /// The largest client message, in bytes: the largest payload, and the names and keys around it.
    #[must_use]
    pub const fn message_bytes(&self) -> usize {
        self.event_bytes + 4096
    }
}

impl Context {
    /// What the configuration says now.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.now()
    }

    /// The time, on both of its scales.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            moment: self.clock.now(),
            unix: self.clock.unix(),
        }
    }

    /// What a credential is worth.
    ///
    /// # Errors
    /// As [`Authority::identify`]; `revoked`.
    pub fn identify(&self, credential: &Credential) -> Result<Arc<Access>, Refusal> {
        let rules = self.rules();
        let access = rules.authority.identify(credential, self.clock.unix())?;
        self.unless_revoked(access)
    }

    /// What to wait for, a moment at most, where the key of `credential` is not here and is being fetched.
    pub fn key_of(
        &self,
        credential: &Credential,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let search = self.rules().authority.search(credential)?;
        let clock = self.clock.clone();
        // Who is too late for it is refused, and may have more luck with the next request.
        Some(async move { _ = clock.timeout(KEY_PATIENCE, search.ended()).await })
    }

    /// What the credential that was worth `access` is worth now: the very same, if nothing has changed.
    ///
    /// # Errors
    /// As [`Self::identify`].
    pub fn judge(&self, access: &Arc<Access>) -> Result<Arc<Access>, Refusal> {
        let rules = self.rules();
        let access = if rules.authority.made(access) {
            access.clone()
        } else {
            rules.authority.judge_anew(access, self.clock.unix())?
        };
        self.unless_revoked(access)
    }

    /// The same for whom no timer ends: a credential may have ended meanwhile.
    ///
    /// # Errors
    /// As [`Self::identify`].
    pub fn judge_in_time(&self, access: &Arc<Access>) -> Result<Arc<Access>, Refusal> {
        let now = self.clock.unix();
        if access.expires_at.is_none_or(|end| now < end) {
            return self.judge(access);
        }
        let access = self.rules().authority.judge_anew(access, now)?;
        self.unless_revoked(access)
    }

    fn unless_revoked(&self, access: Arc<Access>) -> Result<Arc<Access>, Refusal> {
        if self.bus.has_revoked(access.bearer()) {
            return Err(revoked());
        }
        Ok(access)
    }

    /// The signed URL that showed `access`, with a later end, where it can have one.
    #[must_use]
    pub fn extended(&self, access: &Access) -> Option<SignedUrl> {
        if self.bus.has_revoked(access.bearer()) {
            return None;
        }
        let rules = self.rules();
        let (to, ticket) = rules.authority.extended(access, self.clock.unix())?;
        let base = BaseUrl::parse(&to.base).ok()?;
        Some(SignedUrl::new(&base, to.transport, &to.rooms, &ticket))
    }

    /// The way in for the program that the gateway runs in.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.ingress.clone(), self.rules().event_bytes)
    }

    /// Whether the process has as much memory as it may have.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.ceiling.is_met(self.rules().memory, self.clock.now())
    }
}

/// How long a client waits for the key of its token.
pub const KEY_PATIENCE: Duration = Duration::from_secs(2);

/// When a client that is sent away for a while should come back: spread, so that a herd does not come as one.
#[must_use]
pub fn come_back() -> Duration {
    random::between(Duration::from_secs(1), Duration::from_secs(3))
}
