//! What a packet says ("Exchange protocol" of the document).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::namespace::Namespace;
use crate::model::json::Json;

/// The names that no event may have: the libraries of both sides use them for what they tell themselves.
pub const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// The most arguments of an event or of its ack.
///
/// The original has no bound. Each argument is a value of its own here, which costs more than the two bytes that an empty
/// one needs on the wire.
pub const MAX_ARGUMENTS: usize = 256;

/// A packet with its attachments, if it had any, in their places.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Which conversation it is part of.
    pub namespace: Namespace,
    /// What it says.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A client wants to join the namespace, and says who it is, or who it was.
    Connect(Option<Auth>),
    /// Whoever sends this leaves the namespace.
    Disconnect,
    /// Something happened.
    Event(Event),
    /// An event arrived.
    Ack {
        /// Which one: an id that the receiver of this has given. Each direction and namespace counts for itself.
        id: u64,
        /// The answer.
        arguments: Vec<Json>,
    },
    /// The namespace cannot be joined. Servers send this; from a client it is a mistake.
    ConnectError(Json),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is called; never one of the [`RESERVED`] names. Nothing else is known of it.
    pub name: String,
    /// What it is told with, token for token.
    pub arguments: Vec<Json>,
    /// Under which id the sender wants to be answered.
    pub id: Option<u64>,
}

/// What a client joins with: an object of its own making, with credentials in it. It is never shown.
#[derive(Clone, PartialEq)]
pub struct Auth(pub(super) Json);

impl Auth {
    /// The object.
    #[must_use]
    pub const fn expose(&self) -> &Json {
        &self.0
    }

    /// The text of its member `name`, if it is one; of several the last, as JavaScript reads it.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(self.0.as_str()).ok()?;
        serde_json::from_str(members.get(name)?.get()).ok()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(…)")
    }
}
