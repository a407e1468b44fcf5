//! Roles: a named bundle of transports, default rooms, grants and limits.

use crate::model::limits::Limits;
use crate::model::transport::Transport;

/// One role, as configured. The texts are patterns and templates, checked by [`super::grants`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The transports, in order of preference.
    pub transports: Vec<Transport>,
    /// The rooms (placeholders allowed, no `*`) that a client gets which names none.
    pub rooms: Vec<String>,
    /// Which rooms it may read.
    pub subscribe: Vec<String>,
    /// Which rooms it may publish to.
    pub publish: Vec<String>,
    /// Whether its events carry `from`, the principal's name.
    pub sender: bool,
    /// May purge and use the admin routes.
    pub admin: bool,
    /// What each of its streams may use.
    pub limits: Limits,
}
