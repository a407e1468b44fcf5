//! What the companions of presence hold together, for their share of the log.
//!
//! Whoever may only subscribe makes the gateway append to them, by coming and going, as often and in as many rooms as
//! it likes. So what they hold beyond their share makes room before anything else does.

use std::collections::BTreeSet;

use crate::bus::History;
use crate::bus::rooms::Entry;

/// The events that are in companions alone: which they are, and the memory that they are taken to use.
#[derive(Debug, Default)]
pub(super) struct Companions {
    seqs: BTreeSet<u64>,
    bytes: usize,
}

/// What is the companions' of the whole log, whoever else needs it: one part of so many.
pub(super) const SHARE: usize = 16;

impl Companions {
    /// The log holds `entry` from now on.
    pub(super) fn add(&mut self, entry: &Entry) {
        let mut rooms = entry.event.rooms.iter();
        if rooms.all(|room| room.tells_of().is_some()) {
            self.seqs.insert(entry.seq());
            self.bytes += entry.cost;
        }
    }

    /// The log holds `entry` no more.
    pub(super) fn remove(&mut self, entry: &Entry) {
        if self.seqs.remove(&entry.seq()) {
            self.bytes -= entry.cost;
        }
    }

    /// The oldest of them, if they have more than their share of `total`. The newest is never told: it could be the
    /// one that was just appended.
    pub(super) fn beyond_share(&self, total: History) -> Option<u64> {
        let events = self.seqs.len();
        let is_more = events > total.events / SHARE || self.bytes > total.bytes / SHARE;
        self.seqs.first().copied().filter(|_| is_more && events > 1)
    }
}
