//! Principals in the order of their names.

use std::cmp::Ordering;

use crate::model::id::Principal;

/// A principal, ordered by its name, then by what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who(pub(super) Principal);

impl Who {
    fn key(&self) -> (&str, &str, &str) {
        let issuer = self.0.issuer().unwrap_or_default();
        (self.0.name(), self.0.kind(), issuer)
    }

    /// The first that there could be behind all whose name is `name`.
    pub(super) fn behind(name: &str) -> Self {
        // `anonymous` comes before the other kinds, and no name stands between `x` and `x\0`.
        Self(Principal::ApiKey(format!("{name}\0").into()))
    }
}

impl Ord for Who {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Who {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
