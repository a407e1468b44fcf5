//! Packets ("Protocol" and "Packet encoding" of the document).

use bytes::Bytes;

use super::fault::Fault;

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
    /// Reads a text message of a WebSocket. A binary one needs no reading: all of it is the [`Packet::Binary`].
    ///
    /// Data is taken of every kind, as the original takes it: whoever knows the kind knows whether it means something.
    /// `b` and base64, which the original's parser takes here too, belong in payloads; a WebSocket has binary messages.
    ///
    /// # Errors
    /// It is empty, or begins with no number of a kind.
    pub fn from_text(text: &'a str) -> Result<Self, Fault> {
        let first = text.bytes().next().ok_or(Fault::Empty)?;
        let kind = Kind::of_digit(first).ok_or(Fault::Kind)?;
        let data = text.get(1..).unwrap_or_default();
        Ok(Self::Text { kind, data })
    }
}

/// Writes a packet of text behind `out`: a text message of a WebSocket, or an item of a payload.
pub(super) fn push(out: &mut Vec<u8>, kind: Kind, data: &[u8]) {
    out.push(kind.digit());
    out.extend_from_slice(data);
}

impl Kind {
    /// A packet of this kind as text.
    #[must_use]
    pub fn packet(self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + data.len());
        push(&mut out, self, data);
        out
    }
}
