//! Sets of keys that change while the gateway runs: cells, which somebody else fills.
//!
//! Nothing is fetched here. Whoever fetches says what it is about ([`KeySet::begins`], [`KeySet::ends`],
//! [`KeySet::rests`]), and whoever misses a key may ask for a fetch and wait for it ([`Search`]); how often that helps
//! is for the one who fetches to say, whatever is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::jwks::Keys;
use super::key_url::KeyUrl;

/// The keys of one URL as they were fetched last.
#[derive(Debug)]
pub struct KeySet {
    keys: ArcSwap<Keys>,
    source: watch::Sender<Source>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    state: State,
    /// Fetches that have ended, in whichever way.
    tries: u64,
    /// Whether one of them brought keys.
    filled: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It was fetched lately, or nobody fetches it: who misses a key is told so at once.
    #[default]
    Fresh,
    /// Who misses a key may ask for a fetch.
    Resting,
    /// Somebody has.
    Wanted,
    /// A fetch is under way.
    Busy,
}

/// How a set has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Keys that are new.
    pub added: usize,
    /// Keys that are gone: what was signed with them counts no more.
    pub removed: usize,
}

/// A fetch that may bring a key that is missing.
#[derive(Debug)]
pub struct Search {
    set: Arc<KeySet>,
    /// The fetches that had ended before.
    tries: u64,
}

impl Search {
    /// Returns once the fetch has ended, in whichever way.
    pub async fn ended(self) {
        let mut source = self.set.source.subscribe();
        // The set has its own sender, so this does not fail.
        let _ = source.wait_for(|now| now.tries > self.tries).await;
    }
}

impl Default for KeySet {
    fn default() -> Self {
        Self {
            keys: ArcSwap::default(),
            source: watch::Sender::new(Source::default()),
        }
    }
}

impl KeySet {
    /// Its keys now.
    #[must_use]
    pub fn now(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    /// Whether it has ever been fetched.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.source.borrow().filled
    }

    /// A fetch begins.
    pub fn begins(&self) {
        self.source.send_modify(|source| source.state = State::Busy);
    }

    /// The fetch has ended with `fetched`; without, the keys stay as they are.
    pub fn ends(&self, fetched: Option<Keys>) -> Change {
        let filled = fetched.is_some();
        let change = fetched.map_or_else(Change::default, |keys| self.replace(keys));
        self.source.send_modify(|source| {
            source.state = State::Fresh;
            source.tries += 1;
            source.filled |= filled;
        });
        change
    }

    /// The last fetch is so long ago that a key may be missed.
    pub fn rests(&self) {
        self.source
            .send_modify(|source| source.state = State::Resting);
    }

    /// Returns once somebody has missed a key since it [rests](Self::rests).
    pub async fn is_wanted(&self) {
        let mut source = self.source.subscribe();
        // The set has its own sender, so this does not fail.
        let _ = source.wait_for(|now| now.state == State::Wanted).await;
    }

    /// Returns once a fetch has ended, in whichever way.
    pub async fn is_tried(&self) {
        let mut source = self.source.subscribe();
        // The set has its own sender, so this does not fail.
        let _ = source.wait_for(|now| now.tries > 0).await;
    }

    /// Asks for a fetch; nothing where it would be too soon after the last one.
    pub(in crate::auth) fn search(self: Arc<Self>) -> Option<Search> {
        self.source.send_if_modified(|source| {
            let rested = source.state == State::Resting;
            if rested {
                source.state = State::Wanted;
            }
            rested
        });
        let Source { state, tries, .. } = *self.source.borrow();
        matches!(state, State::Wanted | State::Busy).then_some(Search { set: self, tries })
    }

    /// From now on `keys` hold. There is one fetch at a time, so nobody else replaces them meanwhile.
    fn replace(&self, keys: Keys) -> Change {
        let old = self.now();
        let new = keys.succeeding(&old);
        let added = new.beyond(&old).count();
        self.keys.store(Arc::new(new.clone()));
        let removed = old.beyond(&new).inspect(|key| key.is_dropped()).count();
        Change { added, removed }
    }
}

/// The cells by their URL. They outlive the authority that looks into them: the next one is given the same, and has the
/// keys that were fetched before it.
#[derive(Debug, Default)]
pub struct KeySets(Mutex<HashMap<KeyUrl, Arc<KeySet>>>);

impl KeySets {
    /// The cell of `url`, empty if it is a new one.
    #[must_use]
    pub fn of(&self, url: &KeyUrl) -> Arc<KeySet> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.entry(url.clone()).or_default().clone()
    }

    /// Forgets the cells of other URLs than those that are `wanted`.
    pub fn retain(&self, wanted: impl Fn(&KeyUrl) -> bool) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|url, _| wanted(url));
    }
}

#[cfg(test)]
mod tests;
