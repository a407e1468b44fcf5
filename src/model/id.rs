//! Names that the gateway gives: unguessable, and short enough to read out.

use std::fmt;
use std::sync::Arc;

/// The name of one stream (`welcome.stream`): 96 random bits, shown in hexadecimal.
///
/// Knowing it is not enough to use it: a message for a stream must come from its own principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId([u8; 12]);

impl StreamId {
    /// A name from random bits (the low 96 count).
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        let [_, _, _, _, low @ ..] = bits.to_be_bytes();
        Self(low)
    }

    /// Takes what a client sends back, if a stream could have that name; whether such a stream lives is the registry's to
    /// say.
    #[must_use]
    pub fn from_client(text: &str) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_one = text.len() == 24 && text.bytes().all(is_name);
        let bits = u128::from_str_radix(text, 16).ok()?;
        is_one.then(|| Self::from_random(bits))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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

    /// By what it is shown: two kinds may show the same name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::ApiKey(_) => "api_key",
            Self::Subject { .. } => "token",
        }
    }

    /// Who vouches for the name, where the configuration says who that is.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::Subject { issuer, .. } => Some(&**issuer).filter(|issuer| !issuer.is_empty()),
            Self::Anonymous | Self::ApiKey(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_name_is_known_again_and_nothing_else_is_one() {
        let stream = StreamId::from_random(0xabc);
        assert_eq!(stream.to_string(), "000000000000000000000abc");
        assert_eq!(StreamId::from_client(&stream.to_string()), Some(stream));
        for other in [
            "",
            "abc",
            "000000000000000000000ABC",
            "+00000000000000000000abc",
            "0000000000000000000000abc",
            "ä0000000000000000000abc",
        ] {
            assert_eq!(StreamId::from_client(other), None, "{other:?}");
        }
    }
}
