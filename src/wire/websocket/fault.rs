//! What a client may do wrong in its frames.

use std::fmt;

/// Why a connection cannot go on (RFC 6455 §7.1.7), sorted by the close code that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The framing is not the standard's: 1002.
    Protocol(Violation),
    /// A text message or a close reason is not UTF-8: 1007.
    Utf8,
    /// What came compressed does not decompress (RFC 7692 §7.2.2): 1007, data that is not of its kind.
    Deflate,
    /// A message is larger than its terms allow, as it came or decompressed: 1009.
    TooLarge,
    /// A message has more empty frames than anything sensible needs: 1009, the standard allows them.
    EmptyFrames,
}

/// A frame that the standard does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit that no extension gave a meaning (RFC 6455 §5.2, RFC 7692 §6).
    ReservedBit,
    /// A reserved opcode (§5.2).
    ReservedOpcode,
    /// A frame of a client that is not masked (§5.1).
    Unmasked,
    /// A control frame in fragments (§5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (§5.5).
    LongControl,
    /// A length in more bytes than it needs, or with its highest bit set (§5.2).
    Length,
    /// A continuation where no message was begun (§5.4).
    NothingToContinue,
    /// A message where another one has not ended (§5.4).
    Unfinished,
    /// A close frame with a body of one byte (§5.5.1).
    CloseBody,
    /// A close code that may not be sent (§7.4).
    CloseCode,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBit => "a reserved bit is set",
            Self::ReservedOpcode => "an opcode is reserved",
            Self::Unmasked => "a client's frames are masked",
            Self::FragmentedControl => "a control frame is not fragmented",
            Self::LongControl => "a control frame has at most 125 bytes",
            Self::Length => "a length is written in the fewest bytes, and below 2^63",
            Self::NothingToContinue => "a continuation without a message",
            Self::Unfinished => "a message begins before another one has ended",
            Self::CloseBody => "a close frame is empty or begins with a code of two bytes",
            Self::CloseCode => "this close code is not to be sent",
        })
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Protocol(violation)
    }
}
