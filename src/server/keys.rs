//! The sets of keys that issuers publish: fetched at the start, in the background from then on, and when a token names
//! a key that is not there; so seldom that nobody can make the gateway a burden to the issuer.

mod fetch;
mod pace;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::auth;
use crate::auth::jwt::{Change, Key, KeySet, KeySets, KeyUrl};
use crate::lifecycle::random;
use crate::model::time::Moment;
use crate::outbound::trust::Trust;
use crate::telemetry::metrics::Down;
use crate::transport::context::{Context, KEY_PATIENCE};

use super::reload::judge_all;
use fetch::Fetched;
use pace::Pace;

/// Whoever keeps the sets of one gateway.
pub(super) struct Keeper {
    context: Arc<Context>,
    sets: KeySets,
    /// Files of authorities that are trusted besides the system's.
    authorities: Vec<PathBuf>,
    /// Read when the first set is to be fetched: most gateways fetch none.
    trust: OnceLock<Trust>,
    /// The sets that are being fetched, and how often. Who is taken out ends.
    fetched: Mutex<BTreeMap<KeyUrl, watch::Sender<Duration>>>,
}

impl Keeper {
    /// One that keeps `sets`, and trusts the system's authorities and those in these files.
    pub(super) const fn new(
        context: Arc<Context>,
        sets: KeySets,
        authorities: Vec<PathBuf>,
    ) -> Self {
        Self {
            context,
            sets,
            authorities,
            trust: OnceLock::new(),
            fetched: Mutex::new(BTreeMap::new()),
        }
    }

    /// From now on the sets of `settings` are fetched, and no others. Those that were before go on as they are, with
    /// their keys. To be called before what `settings` say holds: whoever misses a key then waits for it.
    ///
    /// # Errors
    /// A file of authorities cannot be read; nothing has changed.
    pub(super) fn follow(&self, settings: &auth::Settings) -> io::Result<()> {
        let wanted = wanted(settings);
        let trust = match wanted.is_empty() {
            true => None,
            false => Some(self.trust()?),
        };
        let mut fetched = self.fetched();
        fetched.retain(|url, _| wanted.contains_key(url));
        self.sets.retain(|url| wanted.contains_key(url));
        for ((url, refresh), trust) in wanted.into_iter().zip(trust.into_iter().cycle()) {
            if let Some(known) = fetched.get(&url) {
                known.send_if_modified(|now| std::mem::replace(now, refresh) != refresh);
                continue;
            }
            let (sender, refresh) = watch::channel(refresh);
            let source = Source {
                context: self.context.clone(),
                set: self.sets.of(&url),
                trust: trust.clone(),
                url: url.clone(),
                refresh,
                down: None,
            };
            let set = source.set.clone();
            set.begins();
            let mut ended = self.context.draining.clone();
            self.context.tasks.spawn("keys", async move {
                tokio::select! {
                    () = Box::pin(source.keep_up()) => {}
                    () = ended.begun() => {}
                }
                // Who misses a key from now on need not wait.
                set.ends(None);
            });
            fetched.insert(url, sender);
        }
        Ok(())
    }

    /// What is fetched into.
    pub(super) const fn sets(&self) -> &KeySets {
        &self.sets
    }

    /// Returns once each set was fetched, or could not be; after a moment, if one takes long.
    pub(super) async fn are_tried(&self) {
        let urls: Vec<_> = self.fetched().keys().cloned().collect();
        let tried = async {
            for url in urls {
                self.sets.of(&url).is_tried().await;
            }
        };
        let _ = self.context.clock.timeout(KEY_PATIENCE, tried).await;
    }

    fn fetched(&self) -> MutexGuard<'_, BTreeMap<KeyUrl, watch::Sender<Duration>>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trust(&self) -> io::Result<&Trust> {
        if self.trust.get().is_none() {
            let trust = Trust::with_files(&self.authorities).map_err(io::Error::other)?;
            return Ok(self.trust.get_or_init(|| trust));
        }
        self.trust
            .get()
            .ok_or_else(|| io::Error::other("there is no trust"))
    }
}

/// How often each URL is fetched: as often as the most impatient of its entries wants.
fn wanted(settings: &auth::Settings) -> BTreeMap<KeyUrl, Duration> {
    let mut wanted = BTreeMap::new();
    for entry in &settings.jwt {
        if let Key::Url { url, refresh } = &entry.key {
            let least: &mut Duration = wanted.entry(url.clone()).or_insert(*refresh);
            *least = (*least).min(*refresh);
        }
    }
    wanted
}

/// Where the keys of one set come from.
struct Source {
    context: Arc<Context>,
    set: Arc<KeySet>,
    trust: Trust,
    url: KeyUrl,
    refresh: watch::Receiver<Duration>,
    /// While the last fetch has failed.
    down: Option<Down>,
}

impl Source {
    /// Fetches again and again, until nobody wants the set any more.
    async fn keep_up(mut self) {
        let mut pace = Pace::default();
        loop {
            self.set.begins();
            let tried = self.context.clock.now();
            let fetched = fetch::fetch(&self.context, &self.trust, &self.url).await;
            let refresh = *self.refresh.borrow_and_update();
            let span = match &fetched {
                Ok(Fetched { max_age, .. }) => pace.after(refresh, *max_age),
                Err(_) => pace.after_failure(refresh),
            };
            self.take(fetched).await;
            let due = tried + random::between(span.least, span.most);
            if !self.is_due(due, tried + pace::SELDOM).await {
                break;
            }
        }
    }

    async fn take(&mut self, fetched: Result<Fetched, String>) {
        let (url, set) = (&self.url, &self.set);
        let metrics = self.context.metrics.keys();
        metrics.fetched(fetched.is_ok());
        match fetched {
            Ok(Fetched { keys, .. }) => {
                let (count, left_out) = (keys.len(), keys.skipped());
                let first = !set.is_filled();
                if self.down.take().is_some() || first {
                    tracing::info!(%url, keys = count, %left_out, "keys are fetched");
                }
                let change = set.ends(Some(keys));
                if !first {
                    changed(&self.context, url, change).await;
                }
            }
            Err(why) => {
                set.ends(None);
                let kept = set.now().len();
                if self.down.is_none() {
                    self.down = Some(metrics.down());
                    tracing::warn!(%url, kept, why, "keys cannot be fetched; it is tried again");
                } else {
                    tracing::debug!(%url, kept, why, "keys still cannot be fetched");
                }
            }
        }
    }

    /// Returns at `due`; or once a key is missed, not before `seldom`; or once it is to be fetched more or less often.
    /// Whether anybody wants the set any more.
    async fn is_due(&mut self, due: Moment, seldom: Moment) -> bool {
        let (clock, set) = (&self.context.clock, &self.set);
        let missed = async {
            clock.sleep_until(seldom).await;
            set.rests();
            set.is_wanted().await;
        };
        tokio::select! {
            () = clock.sleep_until(due) => true,
            () = missed => true,
            changed = self.refresh.changed() => changed.is_ok(),
        }
    }
}

/// What follows from a set that was fetched anew. Where a key is gone, everybody is judged anew, as after a change of
/// the configuration: whose token was signed with it is let go before anything later is delivered to him.
async fn changed(context: &Context, url: &KeyUrl, change: Change) {
    let Change { added, removed } = change;
    if change == Change::default() {
        return;
    }
    tracing::info!(%url, added, removed, "keys changed");
    if removed == 0 {
        return;
    }
    if let Err(why) = judge_all(&context.bus).await {
        tracing::error!(%url, why, "streams whose key is gone go on until they are renewed");
    }
}
