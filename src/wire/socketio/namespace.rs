//! Namespaces: what several conversations over one connection are told apart by.

use std::borrow::Cow;
use std::fmt;

/// The name of a namespace: `/` and at most 255 bytes more, without a comma and without control characters.
///
/// A comma would end it on the wire. The original knows no other rule; a control character could part a payload of
/// polling, and a refusal repeats the name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Cow<'static, str>);

/// Why a text is no name of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNamespace;

impl Namespace {
    /// The one that is not named on the wire.
    pub const MAIN: Self = Self(Cow::Borrowed("/"));
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Checks `name`.
    ///
    /// # Errors
    /// It is no such name.
    pub fn parse(name: &str) -> Result<Self, InvalidNamespace> {
        if name == "/" {
            return Ok(Self::MAIN);
        }
        let is_one = name.starts_with('/')
            && name.len() <= Self::MAX_BYTES
            && !name.contains(|c: char| c == ',' || c.is_control());
        is_one
            .then(|| Self(Cow::Owned(name.to_owned())))
            .ok_or(InvalidNamespace)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that is not named on the wire.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.0 == "/"
    }
}

impl fmt::Display for InvalidNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a namespace is a / and up to {} bytes without commas and control characters",
            Namespace::MAX_BYTES - 1
        )
    }
}
