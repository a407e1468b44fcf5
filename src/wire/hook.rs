//! What is asked of a backend's webhooks, and told them, and what they answer.
//!
//! Bodies are JSON objects whose first key is `type`, the hook's name.

mod answer;
mod body;
mod deed;
mod notice;
mod question;

use serde_json::{Map, Value};

use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::transport::Transport;

pub use answer::{
    Answered, First, KEPT_CLAIMS, MAX_CLAIMS, MAX_LIST, MAX_ROOMS, Misunderstood, Reply, Welcome,
};
pub use deed::Deed;
pub use notice::Notice;
pub use question::{Connect, Message, Subscribe};

/// Whom a question or a notice is about. It is the same for all that concern one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The stream, also before it begins; nothing for who has none.
    pub stream: Option<StreamId>,
    /// Who the credential says that the client is, as it is shown.
    pub principal: String,
    /// In which role.
    pub role: String,
    /// How the client is reached.
    pub transport: Transport,
    /// In which language.
    pub dialect: Dialect,
    /// What the credential says of it: a token's claims, and those that the `connect` hook has added. Never the
    /// credential.
    pub claims: Map<String, Value>,
    /// The headers of its request that the hook's configuration names, in lower case.
    pub headers: Vec<(String, String)>,
}

#[cfg(test)]
mod tests;
