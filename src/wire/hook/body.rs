//! A body, on its way to a hook.

use std::collections::BTreeMap;

use http::HeaderName;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::About;
use crate::model::dialect::Dialect;
use crate::model::hook::Kind;
use crate::model::json::Json;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;

/// What all bodies have, and what is this hook's own.
#[derive(Serialize)]
struct Body<'a, T> {
    r#type: &'static str,
    ts: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    principal: &'a str,
    role: &'a str,
    transport: Transport,
    #[serde(skip_serializing_if = "Dialect::is_native")]
    dialect: Dialect,
    claims: &'a Map<String, Value>,
    headers: BTreeMap<&'a str, String>,
    #[serde(flatten)]
    own: T,
}

/// The body for the hook of `kind`, which may see the headers that are `shown`, of what happened at `ts`.
pub(super) fn to_json(
    kind: Kind,
    about: &About,
    shown: &[HeaderName],
    ts: UnixMillis,
    own: impl Serialize,
) -> String {
    let body = Body {
        r#type: kind.as_str(),
        ts,
        stream: about.stream.map(|stream| stream.to_string()),
        principal: &about.principal,
        role: &about.role,
        transport: about.transport,
        dialect: about.dialect,
        claims: &about.claims,
        headers: headers(about, shown),
        own,
    };
    // Its keys are texts, and its values are JSON: it can be written.
    serde_json::to_string(&body).unwrap_or_default()
}

/// Of those that the client has sent, those that the hook may see; several of one name as one (RFC 9110 §5.3).
fn headers<'a>(about: &'a About, shown: &[HeaderName]) -> BTreeMap<&'a str, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in &about.headers {
        if !shown.iter().any(|one| one.as_str() == name) {
            continue;
        }
        headers
            .entry(name.as_str())
            .and_modify(|all: &mut String| {
                all.push_str(", ");
                all.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    headers
}

/// A payload, token for token.
pub(super) struct Payload<'a>(pub(super) &'a Json);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.0.as_str()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
