//! What of a set is left out, for the operator who wonders where a key is.

use std::fmt;

/// Why a key of a set is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// It is not for verifying signatures (`use`, `key_ops`).
    Purpose,
    /// Of a kind, curve or algorithm that is not known here.
    Unknown,
    /// It is the private key, which its signer alone should have.
    Private,
    /// A shared secret that everybody can fetch.
    Secret,
    /// Too short.
    Weak,
    /// A part is missing, of a wrong type or size, or contradicts another.
    Malformed,
}

/// How many keys of a set were left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    purpose: usize,
    unknown: usize,
    private: usize,
    secret: usize,
    weak: usize,
    malformed: usize,
}

impl Skipped {
    pub(super) const fn count(&mut self, why: Skip) {
        let which = match why {
            Skip::Purpose => &mut self.purpose,
            Skip::Unknown => &mut self.unknown,
            Skip::Private => &mut self.private,
            Skip::Secret => &mut self.secret,
            Skip::Weak => &mut self.weak,
            Skip::Malformed => &mut self.malformed,
        };
        *which += 1;
    }

    const fn each(self) -> [(usize, &'static str); 6] {
        [
            (self.purpose, "not for signatures"),
            (self.unknown, "of an unknown kind or algorithm"),
            (self.private, "private"),
            (self.secret, "a shared secret"),
            (self.weak, "too short"),
            (self.malformed, "malformed"),
        ]
    }

    /// How many in all.
    #[must_use]
    pub fn total(self) -> usize {
        self.each().iter().map(|(count, _)| count).sum()
    }

    /// How many private keys there were.
    #[must_use]
    pub const fn private(self) -> usize {
        self.private
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.each().into_iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told.map(|(count, why)| format!("{count} {why}")).collect();
        f.write_str(if told.is_empty() { "none" } else { "" })?;
        f.write_str(&told.join(", "))
    }
}
