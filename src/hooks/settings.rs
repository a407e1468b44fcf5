//! What a hook is, as the configuration gives it.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;

use super::Kind;
use super::sign::Key;
use super::url::Url;

/// All hooks that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<Kind, Hook>);

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Where it is.
    pub url: Url,
    /// What its requests are signed with; never empty. Two while one replaces the other: each signs.
    pub keys: Vec<Key>,
    /// How long a call may take, from the question to the whole answer.
    pub timeout: Duration,
    /// What happens when it does not answer well.
    pub on_failure: OnFailure,
    /// Calls at the same time.
    pub concurrency: usize,
    /// Headers of a client's request that it is shown.
    pub headers: Vec<HeaderName>,
    /// The rooms that `subscribe`, or the events that `message`, is asked about; all, where there are none.
    pub only: Vec<Pattern>,
}

/// What happens to who waits for an answer that does not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    #[default]
    Closed,
    /// It is let in, as if there were no hook.
    Open,
}

/// Literal text, or the beginning of it and a `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Hook {
    /// A hook that says no more than it must.
    #[must_use]
    pub fn new(url: Url, key: Key) -> Self {
        Self {
            url,
            keys: vec![key],
            timeout: Duration::from_secs(2),
            on_failure: OnFailure::Closed,
            concurrency: 64,
            headers: Vec::new(),
            only: Vec::new(),
        }
    }

    /// Whether it is asked about a room or an event of this name.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern.fits(name))
    }
}

impl Pattern {
    /// Takes a pattern that was checked.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    fn fits(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *self.0 == *name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_asked_about_what_one_of_its_patterns_fits_or_about_all() {
        let mut hook = Hook::new(
            Url::parse("https://a.example").unwrap(),
            Key::parse(&crate::model::secret::Secret::new("x".repeat(24))).unwrap(),
        );
        assert!(hook.is_about("anything"));
        hook.only = ["tab:*", "till"].map(Pattern::new).to_vec();
        for (name, expected) in [
            ("tab:7", true),
            ("tab:", true),
            ("tab", false),
            ("till", true),
            ("till:1", false),
        ] {
            assert_eq!(hook.is_about(name), expected, "{name}");
        }
    }
}
