//! The checked values by path, and a view that the settings are read from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::kind::Value;
use super::node::Origin;
use super::path::{Path, Step};
use crate::model::limits::Rate;
use crate::model::secret::Secret;

/// A value and where it was said.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// What was said.
#[derive(Default)]
pub(super) struct Values {
    /// Taken out as they are used: what is left over in the end has no effect, which a test forbids.
    found: RefCell<BTreeMap<Path, Said<Value>>>,
    /// Each table and key that stands there, also where its value is wrong.
    seen: BTreeMap<Path, Origin>,
}

impl Values {
    /// Notes that something stands at `path`.
    pub(super) fn saw(&mut self, path: &Path, origin: &Origin) {
        self.seen.insert(path.clone(), origin.clone());
    }

    /// Keeps the value of `path`.
    pub(super) fn put(&mut self, path: Path, value: Value, origin: &Origin) {
        let origin = origin.clone();
        self.found.get_mut().insert(path, Said { value, origin });
    }

    /// The table at `path`, whose names are joined by dots.
    pub(super) fn section(&self, path: &str) -> Section<'_> {
        Section {
            values: self,
            path: Path::default().below(path),
        }
    }

    /// The root table.
    pub(super) fn root(&self) -> Section<'_> {
        Section {
            values: self,
            path: Path::default(),
        }
    }

    /// What nothing was made of.
    #[cfg(test)]
    pub(super) fn unused(&self) -> Vec<String> {
        self.found.borrow().keys().map(Path::to_string).collect()
    }
}

/// One table. Each value can be taken once; `None` where it is absent (or wrong, which is reported already).
#[derive(Clone)]
pub(super) struct Section<'a> {
    values: &'a Values,
    path: Path,
}

/// Defines a method that takes a value of one kind.
macro_rules! take {
    ($($(#[$doc:meta])* $name:ident: $variant:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(&self, key: &str) -> Option<Said<$type>> {
            match self.take(key)? {
                Said { value: Value::$variant(value), origin } => Some(Said { value, origin }),
                _ => None,
            }
        }
    )*};
}

impl<'a> Section<'a> {
    take! {
        /// The text of `key`.
        text: Text -> String;
        /// The list of `key`, each entry with its origin.
        texts: Texts -> Vec<(String, Origin)>;
        /// The secret of `key`.
        secret: Secret -> Secret;
        /// The boolean of `key`.
        flag: Flag -> bool;
        /// The number or size of `key`.
        number: Number -> u64;
        /// The duration of `key`.
        duration: Duration -> Duration;
        /// The rate of `key`.
        rate: Rate -> Rate;
        /// The digests of `key`, each with its origin.
        digests: Digests -> Vec<([u8; 32], Origin)>;
    }

    fn take(&self, key: &str) -> Option<Said<Value>> {
        self.values.found.borrow_mut().remove(&self.path.below(key))
    }

    /// The table below this one.
    pub(super) fn below(&self, path: &str) -> Self {
        Self {
            values: self.values,
            path: self.path.below(path),
        }
    }

    /// The rates in this table, whatever their names.
    pub(super) fn each_rate(&self) -> Vec<(String, Rate)> {
        let (mut found, depth) = (self.values.found.borrow_mut(), self.path.0.len());
        let is_below = |path: &Path| path.0.len() == depth + 1 && path.0.starts_with(&self.path.0);
        found
            .extract_if(.., |path, _| is_below(path))
            .filter_map(|(mut path, said)| match (path.0.pop(), said.value) {
                (Some(Step::Key(name)), Value::Rate(rate)) => Some((name, rate)),
                _ => None,
            })
            .collect()
    }

    /// The tables directly below this one, whatever their names or numbers.
    pub(super) fn each(&self) -> Vec<(Step, Self)> {
        let depth = self.path.0.len();
        let seen = self.values.seen.keys();
        seen.filter(|path| path.0.len() == depth + 1 && path.0.starts_with(&self.path.0))
            .map(|path| (path.0[depth].clone(), self.at(path)))
            .collect()
    }

    fn at(&self, path: &Path) -> Self {
        Self {
            values: self.values,
            path: path.clone(),
        }
    }

    /// Where `key` stands, if it does.
    pub(super) fn origin_of(&self, key: &str) -> Option<&'a Origin> {
        self.values.seen.get(&self.path.below(key))
    }

    /// Where this table stands.
    pub(super) fn origin(&self) -> Option<&'a Origin> {
        self.values.seen.get(&self.path)
    }

    /// Its path, for mistakes.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
