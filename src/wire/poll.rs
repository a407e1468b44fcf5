//! Answers that hold several events: a poll, and a page of history.

use bytes::Bytes;
use serde::Serialize;

use crate::model::gap::Gap;
use crate::model::position::Position;

use super::control::{Control, Envelope};

/// The answer of a poll: the gaps stand for what precedes the events.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// What to send as `since` next.
    pub cursor: Position,
    /// Envelopes, ascending.
    pub events: Vec<Envelope>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Control messages.
    pub control: Vec<Control>,
    /// Whether the next poll will answer at once.
    pub more: bool,
}

/// A page of history.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Envelopes, in the order asked for.
    pub events: Vec<Envelope>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Where the next page begins: as `since`, in reverse as `until`.
    pub cursor: Position,
    /// Whether there is a next page.
    pub more: bool,
}

/// The JSON of an answer.
#[must_use]
pub fn to_json(answer: &impl Serialize) -> Bytes {
    // Positions, names and checked JSON: there is nothing in it that could fail.
    serde_json::to_vec(answer).unwrap_or_default().into()
}
