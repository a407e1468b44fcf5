//! What is known about one event.

use std::collections::HashMap;

use super::super::super::record::Published;
use super::super::super::script::{Retain, Rule};
use super::super::super::windows::{Made, What};

/// One entry of the log.
#[derive(Debug)]
pub(in super::super) struct Fact {
    /// None of one that nobody published and nobody saw.
    pub(in super::super) id: Option<String>,
    /// The rooms that deliver it: none that has windows, unless it comes from one.
    pub(in super::super) rooms: Vec<String>,
    pub(in super::super) origin: Origin,
    pub(super) life: usize,
    /// For each room that evicted it: how many entries the log had then.
    pub(super) dropped: HashMap<String, usize>,
    /// The same for each room of the newest that evicted it while it held a newer one.
    pub(super) replaced: HashMap<String, usize>,
    /// How many entries the log had when its own time was over.
    pub(super) outlived: Option<usize>,
}

/// Where it comes from.
#[derive(Debug)]
pub(in super::super) enum Origin {
    Published(Published),
    Made(Made),
}

/// An event that is in no log.
#[derive(Debug)]
pub(in super::super) struct Flash {
    pub(in super::super) published: Published,
    /// How many events there were before it.
    pub(in super::super) at: usize,
    /// How many entries the log had when it was answered.
    pub(in super::super) step: usize,
}

impl Fact {
    pub(super) fn published(published: &Published, rules: &[Rule], life: usize) -> Self {
        let has_windows = |room: &&String| {
            let rule = rules.iter().find(|rule| rule.room == **room);
            rule.is_some_and(|rule| rule.deliver.every().is_some())
        };
        let rooms = published.rooms.iter().filter(|room| !has_windows(room));
        Self {
            id: Some(published.id.clone()),
            rooms: rooms.cloned().collect(),
            origin: Origin::Published(published.clone()),
            life,
            dropped: HashMap::new(),
            replaced: HashMap::new(),
            outlived: None,
        }
    }

    pub(super) fn made(made: Made, id: Option<String>, life: usize) -> Self {
        Self {
            id,
            rooms: vec![made.room.clone()],
            origin: Origin::Made(made),
            life,
            dropped: HashMap::new(),
            replaced: HashMap::new(),
            outlived: None,
        }
    }

    /// What somebody published of which it is the event: itself, or the newest of its key in a window.
    pub(in super::super) fn source(&self) -> Option<&Published> {
        match &self.origin {
            Origin::Published(published) => Some(published),
            Origin::Made(made) => match &made.what {
                What::Newest(raw) => Some(raw),
                What::Batch { .. } | What::Cleared(_) => None,
            },
        }
    }

    /// The key whose value it is, or takes away.
    pub(in super::super) fn retained(&self) -> Option<(&'static str, bool)> {
        if let Some(source) = self.source() {
            let is_value = source.options.retain == Retain::Value;
            let key = source.options.key;
            return key
                .filter(|_| source.options.retain != Retain::No)
                .map(|key| (key, is_value));
        }
        match &self.origin {
            Origin::Made(Made {
                what: What::Cleared(value),
                ..
            }) => Some((value.options.key?, false)),
            _ => None,
        }
    }
}
