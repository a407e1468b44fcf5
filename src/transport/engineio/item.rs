//! Packets that have come.

use bytes::Bytes;

use crate::wire::engineio::payload::{Payload, Terms};
use crate::wire::engineio::{Fault, Kind, Packet};

/// One packet that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A packet of text, and what it carries.
    Text(Kind, String),
    /// A message of bytes.
    Binary(Bytes),
}

impl Item {
    /// What a text message of a WebSocket is.
    ///
    /// # Errors
    /// It is no packet.
    pub fn of_text(text: &str) -> Result<Self, Fault> {
        Packet::from_text(text).map(Self::from)
    }

    /// What the body of a POST holds.
    ///
    /// # Errors
    /// It is too large, or something in it is no packet.
    pub fn all_of(body: &[u8], terms: Terms) -> Result<Vec<Self>, Fault> {
        let packets = Payload::new(body, terms)?;
        packets.map(|packet| packet.map(Self::from)).collect()
    }

    /// What it takes while it waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Text(_, text) => text.len(),
                Self::Binary(bytes) => bytes.len(),
            }
    }
}

impl From<Packet<'_>> for Item {
    fn from(packet: Packet<'_>) -> Self {
        match packet {
            Packet::Text { kind, data } => Self::Text(kind, data.to_owned()),
            Packet::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
