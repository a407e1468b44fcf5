//! How many are away, and in how many rooms each.

use std::collections::HashMap;

use crate::model::id::Principal;

/// Principals that are away, each counted in each of its rooms.
#[derive(Debug, Default)]
pub(super) struct Away {
    all: usize,
    each: HashMap<Principal, usize>,
}

impl Away {
    /// In all rooms.
    pub(super) const fn all(&self) -> usize {
        self.all
    }

    /// The rooms that `who` is away from.
    pub(super) fn of(&self, who: &Principal) -> usize {
        self.each.get(who).copied().unwrap_or_default()
    }

    /// `who` is away from one room more.
    pub(super) fn add(&mut self, who: &Principal) {
        self.all += 1;
        match self.each.get_mut(who) {
            Some(rooms) => *rooms += 1,
            None => _ = self.each.insert(who.clone(), 1),
        }
    }

    /// `who`, who is away, is back in one room or has left it.
    pub(super) fn remove(&mut self, who: &Principal) {
        self.all -= 1;
        if let Some(rooms) = self.each.get_mut(who) {
            *rooms -= 1;
            if *rooms == 0 {
                self.each.remove(who);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all == 0 && self.each.is_empty()
    }
}
