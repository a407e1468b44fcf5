//! The objects of the contract, with exactly the keys that it gives them.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value<'a> {
    #[serde(rename = "type")]
    _kind: &'a str,
    pub(super) room: String,
    pub(super) key: String,
    pub(super) event: String,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
    pub(super) ts: u64,
}

/// An envelope, in the order of its keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Envelope<'a> {
    /// None of an event that is in no log.
    pub(in super::super) id: Option<String>,
    pub(in super::super) room: String,
    pub(in super::super) event: String,
    #[serde(borrow)]
    pub(in super::super) data: &'a RawValue,
    pub(in super::super) ts: u64,
    #[serde(rename = "from")]
    _from: Option<String>,
    pub(in super::super) key: Option<String>,
    /// The events that a flush stands for.
    #[serde(default)]
    pub(in super::super) of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer<'a> {
    pub(super) cursor: Option<String>,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
    pub(super) gaps: Vec<Json>,
    #[serde(borrow, default)]
    pub(super) control: Vec<&'a RawValue>,
    #[serde(rename = "more")]
    _more: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backfill<'a> {
    #[serde(rename = "type")]
    _kind: &'a str,
    pub(super) room: String,
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ack<'a> {
    #[serde(rename = "type")]
    _kind: &'a str,
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) room: String,
    /// The past of a room that was joined by another request comes in the answer.
    #[serde(default)]
    pub(super) gaps: Vec<Json>,
    #[serde(borrow, default)]
    pub(super) events: Vec<&'a RawValue>,
}
