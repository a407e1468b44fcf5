//! L1, pure: who a client is and what it may do. No I/O, no clock: time and bytes are arguments.

pub mod api_key;
pub mod credentials;
pub mod emits;
pub mod grants;
pub mod jwt;
pub mod roles;
pub mod ticket;

mod access;
mod added;
mod authority;
mod digest;
mod spoken;

use std::collections::BTreeMap;

pub use access::Access;
pub use added::Added;
pub use authority::Authority;
pub use authority::tickets::Swapped;
pub use spoken::SpokenRoom;

/// Everything that decides who may do what, as the configuration gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The role of a client without credential; without it such a client is refused.
    pub anonymous: Option<String>,
    /// The query parameter that may carry a token or key; without it none may.
    pub query: Option<String>,
    /// The token issuers.
    pub jwt: Vec<jwt::Settings>,
    /// The API keys.
    pub api_keys: Vec<api_key::Settings>,
    /// The tickets that credentials are swapped for.
    pub tickets: ticket::Settings,
    /// The roles by name.
    pub roles: BTreeMap<String, roles::Settings>,
    /// What is published of what clients emit.
    pub emit: emits::All,
}
