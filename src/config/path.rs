//! Where a value stands in the configuration: `auth.jwt[0].kid`.

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into a table, by name.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// The steps from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    /// This path and one step more.
    pub(super) fn child(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and the names of `relative`, which are joined by dots.
    pub(super) fn below(&self, relative: &str) -> Self {
        let names = relative.split('.').map(|name| Step::Key(name.into()));
        Self(self.0.iter().cloned().chain(names).collect())
    }

    /// The environment variable that sets this value.
    pub(super) fn variable(&self) -> String {
        self.0.iter().fold("GATECAST".to_owned(), |name, step| {
            name + "__"
                + &match step {
                    Step::Key(key) => key.to_ascii_uppercase(),
                    Step::Index(index) => index.to_string(),
                }
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match step {
                Step::Key(key) if is_bare(key) => write!(f, "{dot}{key}")?,
                Step::Key(key) => write!(f, "{dot}{key:?}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether TOML takes `key` without quotes (TOML 1.0, "Keys").
fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
