//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;

/// Where a mistake stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In the file.
    File {
        /// The file's name, where it has one.
        name: Option<String>,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// The line and a line of carets below it. Values other than the mistaken one are not repeated, and
        /// the mistaken one is not where it is, or may be, a secret.
        excerpt: Option<String>,
    },
    /// In this environment variable.
    Variable(String),
    /// In the configuration as a whole.
    Whole,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What is wrong; never a value that may be secret.
    pub problem: String,
    /// What to write instead, where that can be said.
    pub instead: Option<String>,
}

/// All mistakes of a configuration, in the order of the file, those of the environment last. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn new(mistakes: Vec<Mistake>) -> Self {
        Self(mistakes)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File {
                name,
                line,
                column,
                excerpt,
            } => {
                let name = name.as_deref().unwrap_or("configuration");
                write!(f, "{name}:{line}:{column}: {}", self.problem)?;
                if let Some(excerpt) = excerpt {
                    write!(f, "\n{excerpt}")?;
                }
            }
            Place::Variable(name) => write!(f, "{name}: {}", self.problem)?,
            Place::Whole => write!(f, "configuration: {}", self.problem)?,
        }
        match &self.instead {
            Some(instead) => write!(f, "\n  {instead}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}\n")?;
        }
        match self.0.len() {
            1 => write!(f, "1 mistake in the configuration"),
            count => write!(f, "{count} mistakes in the configuration"),
        }
    }
}

impl std::error::Error for Mistakes {}
