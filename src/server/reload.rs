//! Changing the configuration while streams go on.
//!
//! The new one is read and checked as a whole. If it has a mistake nothing changes; if not, what can change does at once,
//! and what cannot is named. No stream is cut but of whom nothing is allowed any more, and no history is lost but what the
//! new bounds do not hold.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::bus::Bus;
use crate::lifecycle::live::Live;
use crate::model::decree::Decree;
use crate::service::Service;
use crate::telemetry;
use crate::telemetry::audit::{Change, Event};
use crate::telemetry::metrics::labels;
use crate::transport::context::Context;
use crate::wire::admin::Reloaded;

use super::Settings;
use super::keys::Keeper;

/// Reads the settings anew, or says all that is wrong with them.
pub type Source = Arc<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// How often the files are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// Who changes the configuration.
pub(super) struct Reloader {
    pub(super) source: Option<Source>,
    pub(super) settings: Settings,
    pub(super) context: Arc<Context>,
    pub(super) service: Arc<Service>,
    pub(super) tls: Option<Arc<Live<TlsAcceptor>>>,
    keys: Keeper,
    seen: Option<[u8; 32]>,
    /// What was wrong with the last one, if it was refused.
    mistakes: Option<String>,
}

impl Reloader {
    pub(super) fn new(
        source: Option<Source>,
        settings: Settings,
        context: Arc<Context>,
        service: Arc<Service>,
        tls: Option<Arc<Live<TlsAcceptor>>>,
        keys: Keeper,
    ) -> Self {
        let seen = contents(&settings.files);
        Self {
            source,
            settings,
            context,
            service,
            tls,
            keys,
            seen,
            mistakes: None,
        }
    }

    /// Reads the configuration again, and lets it hold.
    ///
    /// # Errors
    /// All that is wrong with it: nothing has changed.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, String> {
        let outcome = self.read_again().await;
        self.tell(&outcome);
        self.mistakes = outcome.as_ref().err().cloned();
        outcome
    }

    /// Says what came of it, counts it, and records it.
    fn tell(&self, outcome: &Result<Reloaded, String>) {
        match outcome {
            Ok(Reloaded {
                changed,
                at_next_start,
            }) => {
                tracing::info!(changed = changed.join(", "), "configuration reloaded");
                if !at_next_start.is_empty() {
                    let keys = at_next_start.join(", ");
                    tracing::warn!(
                        keys,
                        "these say something new, which holds from the next start on"
                    );
                }
            }
            Err(mistakes) => {
                tracing::error!(%mistakes, "configuration not reloaded: nothing has changed");
            }
        }
        let context = &self.context;
        let (label, change) = match outcome {
            Ok(reloaded) => (
                labels::Reload::Applied,
                Change::Applied {
                    changed: &reloaded.changed,
                    at_next_start: &reloaded.at_next_start,
                },
            ),
            Err(_) => (labels::Reload::Refused, Change::Refused),
        };
        context.metrics.reloaded(label, context.clock.unix());
        context.audit.record(None, &Event::Configuration(change));
    }

    /// Reloads if the files hold something else than when they were read last. One that was refused is tried again also
    /// where they do not: what is wrong may be in a file that it alone names.
    pub(super) async fn look(&mut self) {
        let now = contents(&self.settings.files);
        let has_changed = now != self.seen;
        if self.source.is_none() || !(has_changed || self.mistakes.is_some()) {
            return;
        }
        self.seen = now;
        let outcome = self.read_again().await;
        // The same mistakes again are no news.
        if has_changed || outcome.as_ref().err() != self.mistakes.as_ref() {
            self.tell(&outcome);
        }
        self.mistakes = outcome.err();
    }

    async fn read_again(&mut self) -> Result<Reloaded, String> {
        let Some(source) = self.source.clone() else {
            return Err("this gateway has no configuration that could be read again".into());
        };
        // Before they are read: what is written to them from now on is news, however long it takes until this holds.
        let (files, before) = (self.settings.files.clone(), contents(&self.settings.files));
        // Files are read, and keys parsed: not on a thread that has streams.
        let read = move || {
            let settings = source()?;
            let seen = if settings.files == files {
                before
            } else {
                contents(&settings.files)
            };
            Ok::<_, String>((settings, seen))
        };
        let read = self.context.tasks.compute("configuration", read).await;
        let (settings, seen) = read.unwrap_or_else(|| Err("the gateway is stopping".into()))?;
        let reloaded = self.apply(settings).await?;
        self.seen = seen;
        Ok(reloaded)
    }

    /// Lets `new` hold, as far as it can.
    async fn apply(&mut self, new: Settings) -> Result<Reloaded, String> {
        let rules = super::rules(&new, self.keys.sets(), &self.context.limiter)
            .map_err(|why| why.to_string())?;
        let tls = super::tls_acceptor(&new).map_err(|why| why.to_string())?;
        // A program's own settings are checked by nobody else, and what fails further down would leave half of them.
        telemetry::check_filter(&new.telemetry.filter)?;
        self.keys.follow(&new.auth).map_err(|why| why.to_string())?;
        // Else whoever holds a token of an issuer that is new here in this way would be let go for a moment.
        self.keys.are_tried().await;
        let (old, reloaded) = (&self.settings, differences(&self.settings, &new));
        if old.hooks != new.hooks {
            self.context.hooks.configure(&new.hooks)?;
            self.context.agreed.forget();
        }
        let has_new_rights = old.auth != new.auth;
        let authority = if has_new_rights {
            rules.authority.clone()
        } else {
            // The very same, with the verdicts that it remembers.
            self.context.rules().authority.clone()
        };
        self.context
            .rules
            .replace(super::Rules { authority, ..rules });
        self.service.configure(new.service.clone());
        if let (Some(live), Some(tls)) = (&self.tls, tls)
            && old.tls != new.tls
        {
            live.replace(tls);
        }
        if old.bus != new.bus {
            self.context.bus.configure(new.bus.clone());
        }
        if old.telemetry.filter != new.telemetry.filter {
            // It was checked with the rest.
            telemetry::set_filter(&new.telemetry.filter)?;
        }
        self.settings = new;
        if has_new_rights {
            judge_all(&self.context.bus).await?;
        }
        Ok(reloaded)
    }
}

/// Everybody is judged anew, before anything that comes after it is delivered.
pub(super) async fn judge_all(bus: &Bus) -> Result<(), String> {
    let decreed = bus.decree(Decree::Rights, None).await;
    decreed.map(drop).map_err(|refusal| refusal.to_string())
}

/// What `new` says otherwise.
fn differences(old: &Settings, new: &Settings) -> Reloaded {
    let service = |settings: &Settings| {
        let service = &settings.service;
        (service.body, settings.memory, settings.addresses)
    };
    let edge = |settings: &Settings| {
        let service = &settings.service;
        (
            service.public_url.clone(),
            service.hosts.clone(),
            settings.proxies.clone(),
        )
    };
    let changed = [
        ("auth and roles", old.auth != new.auth),
        ("cors", old.service.cors != new.service.cors),
        ("limits", service(old) != service(new)),
        (
            "server",
            (&old.session, old.timeouts, old.lifetime)
                != (&new.session, new.timeouts, new.lifetime)
                || edge(old) != edge(new),
        ),
        (
            "server.drain",
            (old.drain, old.drain_window) != (new.drain, new.drain_window),
        ),
        ("log and rooms", old.bus != new.bus),
        ("hooks", old.hooks != new.hooks),
        ("socketio", old.socketio != new.socketio),
        (
            "tls",
            old.tls != new.tls && old.tls.is_some() && new.tls.is_some(),
        ),
        (
            "telemetry.filter",
            old.telemetry.filter != new.telemetry.filter,
        ),
    ];
    Reloaded {
        changed: named(&changed),
        at_next_start: at_next_start(old, new),
    }
}

/// What `new` says otherwise that cannot change now.
fn at_next_start(old: &Settings, new: &Settings) -> Vec<String> {
    named(&[
        ("listen", old.listen != new.listen),
        ("metrics.listen", old.probes != new.probes),
        ("admin.listen", old.operators != new.operators),
        ("tls", old.tls.is_some() != new.tls.is_some()),
        (
            "server.proxy_protocol",
            old.proxy_protocol != new.proxy_protocol,
        ),
        ("limits.connections", old.connections != new.connections),
        ("server.shards", old.shards != new.shards),
        (
            "telemetry",
            (old.telemetry.format, &old.telemetry.audit)
                != (new.telemetry.format, &new.telemetry.audit),
        ),
    ])
}

/// The names of those that differ.
fn named(all: &[(&str, bool)]) -> Vec<String> {
    let named = all.iter().filter(|(_, differs)| *differs);
    named.map(|(name, _)| (*name).to_owned()).collect()
}

/// What all the files hold; nothing where there are none. One that cannot be read counts as such.
fn contents(files: &[PathBuf]) -> Option<[u8; 32]> {
    if files.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    for file in files {
        let content = std::fs::read(file);
        let length = content
            .as_ref()
            .map_or(u64::MAX, |content| content.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(content.unwrap_or_default());
    }
    Some(hash.finalize().into())
}
