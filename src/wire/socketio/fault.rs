//! What a client may do wrong in its packets.

use std::fmt;

use super::namespace::InvalidNamespace;
use super::packet::MAX_ARGUMENTS;
use super::reassembler::MAX_ATTACHMENTS;
use crate::model::code::{Code, Refusal};
use crate::model::json::{InvalidJson, Json};

/// Why a connection cannot go on: the original closes it for each of these that it looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The type is none of 0 to 6.
    Type,
    /// Behind the type of a binary packet stands no number and `-`.
    Attachments,
    /// More attachments than [`MAX_ATTACHMENTS`].
    TooManyAttachments,
    /// The namespace is none.
    Namespace,
    /// An id where none belongs, none where one belongs, or one that is too large.
    Id,
    /// The payload is no JSON.
    Syntax,
    /// The payload is nested too deeply.
    Depth,
    /// A CONNECT's payload is no object.
    NoObject,
    /// A DISCONNECT with a payload.
    Disconnect,
    /// The payload of an event is no array that begins with a name.
    NoEvent,
    /// The payload of an ack is no array.
    NoAck,
    /// A CONNECT_ERROR's payload is neither an object nor a text.
    NoError,
    /// An event with one of the six reserved names.
    Reserved,
    /// More arguments than [`MAX_ARGUMENTS`].
    TooManyArguments,
    /// What looks like a placeholder is none, or its number is out of range, missing, or there twice.
    Placeholder,
    /// Bytes that no packet has announced.
    Unannounced,
    /// A text where the bytes that a packet has announced are due.
    Interrupted,
    /// A packet and its attachments have more bytes than their terms allow.
    TooLarge {
        /// How many they allow.
        bytes: usize,
    },
    /// The bytes that a packet has announced did not all come in time.
    Late,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Type => "a packet of Socket.IO begins with 0 to 6",
            Self::Attachments => "behind the 5 or 6 of a binary packet stand a number and -",
            Self::TooManyAttachments => {
                return write!(f, "a packet has at most {MAX_ATTACHMENTS} attachments");
            }
            Self::Namespace => return InvalidNamespace.fmt(f),
            Self::Id => {
                "an ack has an id, an event may have one, nothing else has; it is below 2^64"
            }
            Self::Syntax => "the payload is not JSON",
            Self::Depth => {
                return write!(
                    f,
                    "the payload is nested deeper than {} levels",
                    Json::MAX_DEPTH
                );
            }
            Self::NoObject => "the payload of a CONNECT is an object, or missing",
            Self::Disconnect => "a DISCONNECT has no payload",
            Self::NoEvent => "the payload of an event is an array that begins with its name",
            Self::NoAck => "the payload of an ack is an array",
            Self::NoError => "the payload of a CONNECT_ERROR is an object or a text",
            Self::Reserved => "this name of an event is the library's own",
            Self::TooManyArguments => {
                return write!(f, "an event has at most {MAX_ARGUMENTS} arguments");
            }
            Self::Placeholder => {
                r#"each attachment has one placeholder {"_placeholder":true,"num":n}, counted from 0"#
            }
            Self::Unannounced => "these bytes are no packet's",
            Self::Interrupted => "a packet's attachments follow it with nothing in between",
            Self::TooLarge { bytes } => {
                return write!(f, "a packet and its attachments have at most {bytes} bytes");
            }
            Self::Late => "the attachments of a packet did not come in time",
        };
        f.write_str(text)
    }
}

impl From<InvalidNamespace> for Fault {
    fn from(_: InvalidNamespace) -> Self {
        Self::Namespace
    }
}

impl From<InvalidJson> for Fault {
    fn from(error: InvalidJson) -> Self {
        match error {
            InvalidJson::Syntax(_) => Self::Syntax,
            InvalidJson::Depth => Self::Depth,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::Syntax | Fault::Depth => Code::InvalidJson,
            Fault::Reserved => Code::ReservedEvent,
            Fault::TooLarge { .. } | Fault::TooManyAttachments | Fault::TooManyArguments => {
                Code::TooLarge
            }
            Fault::Late => Code::Timeout,
            Fault::Type
            | Fault::Attachments
            | Fault::Namespace
            | Fault::Id
            | Fault::NoObject
            | Fault::Disconnect
            | Fault::NoEvent
            | Fault::NoAck
            | Fault::NoError
            | Fault::Placeholder
            | Fault::Unannounced
            | Fault::Interrupted => Code::ProtocolError,
        };
        Self::new(code, fault.to_string())
    }
}
