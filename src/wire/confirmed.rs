//! Who has confirmed an event, as its publisher is told.

use serde::Serialize;

use crate::model::time::UnixMillis;

/// What became of an event whose publisher waited for confirmations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// Who has confirmed it, in the order in which they did; each principal once.
    pub confirmed: Vec<Confirmation>,
    /// Whether all have that were waited for.
    pub complete: bool,
}

/// One confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// Whose.
    pub principal: String,
    /// From which stream; nothing where it came without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// When.
    pub ts: UnixMillis,
}
