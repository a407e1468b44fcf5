//! What is answered. Whatever is not understood is no answer: a misspelt word must not pass for a yes.

use serde_json::{Map, Value};

use super::Deed;
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::room::Room;

/// An answer: yes, with what belongs to it, or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered<T> {
    /// It may be.
    Yes(T),
    /// It may not be.
    No {
        /// What programs of the backend's own call the reason.
        code: Option<Box<str>>,
        /// A sentence for people.
        message: Box<str>,
    },
}

/// What comes with a yes to `connect`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Rooms to join besides, without repetition.
    pub rooms: Vec<Room>,
    /// Claims to add; none of those that say who somebody is, and for how long.
    pub claims: Map<String, Value>,
    /// What this stream is to be told first, in this order.
    pub first: Vec<First>,
}

/// A message for one stream, before all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// Its name.
    pub event: EventName,
    /// Its payload.
    pub data: Json,
}

/// What comes with a yes to `message`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What its sender is told, as `data` of the `ack`.
    pub ack: Option<Json>,
    /// What is to be done, in this order.
    pub deeds: Vec<Deed>,
}

/// A body that is no answer, and why, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misunderstood(pub String);
