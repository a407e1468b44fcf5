//! Names that the gateway gives: unguessable, and short enough to read out.

use std::sync::Arc;

/// The name of one stream (`welcome.stream`): 96 random bits in hexadecimal.
///
/// Knowing it is not enough to use it: a message for a stream must come from its own principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// A name from random bits (the low 96 count).
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{:024x}", bits & ((1 << 96) - 1)).into())
    }

    /// Takes what a client sends back; whether such a stream lives is the registry's to say.
    #[must_use]
    pub fn from_client(text: &str) -> Self {
        Self(text.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who a credential says you are. Two principals are the same only if the same kind of credential said so:
/// an API key named `ann` is not the user `ann` of a token, nor is that user with another issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Nobody in particular: the anonymous role.
    Anonymous,
    /// The API key of this name.
    ApiKey(Arc<str>),
    /// The subject of a token, and the issuer that vouches for it (empty where none is configured).
    Subject {
        /// `iss`.
        issuer: Arc<str>,
        /// `sub`.
        subject: Arc<str>,
    },
}

impl Principal {
    /// How it is shown to clients and in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::ApiKey(name) => name,
            Self::Subject { subject, .. } => subject,
        }
    }
}
