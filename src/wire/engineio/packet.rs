//! Packets ("Protocol" and "Packet encoding" of the document).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use bytes::Bytes;

use super::fault::Fault;

/// What bytes begin with where everything is text.
pub(super) const BINARY: u8 = b'b';

/// Not every client pads.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const ANY_PADDING: GeneralPurposeConfig =
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// What a packet is for. Its number is the first character of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The server's answer to a handshake.
    Open,
    /// The transport can be closed.
    Close,
    /// A server's heartbeat; of a client only the probe of an upgrade.
    Ping,
    /// The answer to a ping, with its data.
    Pong,
    /// What is carried for Socket.IO.
    Message,
    /// An upgrade is complete.
    Upgrade,
    /// Nothing: it ends a poll that waits.
    Noop,
}

impl Kind {
    /// All of them, each at the place that its number says.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Close,
        Self::Ping,
        Self::Pong,
        Self::Message,
        Self::Upgrade,
        Self::Noop,
    ];

    /// Its number, as it is written.
    #[must_use]
    pub const fn digit(self) -> u8 {
        match self {
            Self::Open => b'0',
            Self::Close => b'1',
            Self::Ping => b'2',
            Self::Pong => b'3',
            Self::Message => b'4',
            Self::Upgrade => b'5',
            Self::Noop => b'6',
        }
    }

    /// A packet of this kind: a text message of a WebSocket, or an item of a payload.
    #[must_use]
    pub fn packet(self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + data.len());
        out.push(self.digit());
        out.extend_from_slice(data);
        out
    }

    fn of_digit(digit: u8) -> Option<Self> {
        let number = usize::from(digit.checked_sub(b'0')?);
        Self::ALL.get(number).copied()
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A packet of text.
    Text {
        /// What it is for.
        kind: Kind,
        /// What it carries; most kinds carry nothing.
        data: &'a str,
    },
    /// A message of bytes. On a WebSocket it is a binary message and nothing else, in a payload it is base64.
    Binary(Bytes),
}

impl<'a> Packet<'a> {
    /// Reads a text message of a WebSocket, or an item of a payload. A binary message of a WebSocket needs no reading: all of
    /// it is the [`Packet::Binary`].
    ///
    /// Data is taken of every kind, as the original takes it: whoever knows the kind knows whether it means something. It
    /// takes base64 on a WebSocket too, which has binary messages for that; so do we.
    ///
    /// # Errors
    /// It is empty, or begins with no number of a kind; or behind `b` stands no base64.
    pub fn from_text(text: &'a str) -> Result<Self, Fault> {
        let first = text.bytes().next().ok_or(Fault::Empty)?;
        let rest = text.get(1..).unwrap_or_default();
        if first == BINARY {
            let bytes = LENIENT.decode(rest).map_err(|_| Fault::Base64)?;
            return Ok(Self::Binary(bytes.into()));
        }
        let kind = Kind::of_digit(first).ok_or(Fault::Kind)?;
        Ok(Self::Text { kind, data: rest })
    }
}
