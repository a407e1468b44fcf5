//! What a client may do wrong in its packets.

use std::fmt;

use crate::model::code::{Code, Refusal};

/// Why a session cannot go on: the original closes it for each of these, whatever it has said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A packet without a single character.
    Empty,
    /// A packet of no known kind.
    Kind,
    /// What stands behind `b` is no base64 (RFC 4648 §4).
    Base64,
    /// A payload that is not UTF-8.
    Utf8,
    /// A payload of more bytes than its terms allow, which the handshake has told (`maxPayload`).
    TooLarge {
        /// How many they allow.
        bytes: usize,
    },
    /// A payload of more packets than its terms allow.
    TooMany {
        /// How many they allow.
        packets: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a packet of Engine.IO is not empty"),
            Self::Kind => f.write_str(
                "a packet of Engine.IO begins with 0 to 6, and bytes in a payload with b",
            ),
            Self::Base64 => f.write_str("behind the b of a payload stands base64"),
            Self::Utf8 => f.write_str("a payload of Engine.IO is UTF-8"),
            Self::TooLarge { bytes } => write!(f, "a payload has at most {bytes} bytes"),
            Self::TooMany { packets } => write!(f, "a payload has at most {packets} packets"),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::Empty | Fault::Kind | Fault::Base64 => Code::ProtocolError,
            Fault::Utf8 => Code::InvalidUtf8,
            Fault::TooLarge { .. } | Fault::TooMany { .. } => Code::TooLarge,
        };
        Self::new(code, fault.to_string())
    }
}
