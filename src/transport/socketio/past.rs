//! The past of a room: of events that were written as envelopes, the arguments that Socket.IO tells.

use serde_json::value::RawValue;

use crate::model::json::Json;
use crate::wire::control::Envelope;

/// An event of the past, as its envelope tells it.
pub(super) struct Past {
    /// Its name.
    pub(super) event: String,
    /// Its payload.
    pub(super) data: Json,
    /// What else it says: what events that come live say of themselves.
    pub(super) meta: Json,
}

impl Past {
    /// Reads an envelope; nothing where it is none.
    pub(super) fn read(Envelope(envelope): &Envelope) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            event: String,
            #[serde(borrow)]
            data: &'a RawValue,
            #[serde(borrow)]
            room: &'a RawValue,
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            ts: &'a RawValue,
            #[serde(borrow)]
            from: Option<&'a RawValue>,
            #[serde(borrow)]
            key: Option<&'a RawValue>,
            #[serde(borrow)]
            of: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = serde_json::from_slice(envelope).ok()?;
        let rest = [
            ("room", Some(fields.room)),
            ("id", fields.id),
            ("ts", Some(fields.ts)),
            ("from", fields.from),
            ("key", fields.key),
            ("of", fields.of),
        ];
        let members: Vec<_> = rest
            .iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":{}", (*value)?.get())))
            .collect();
        Some(Self {
            event: fields.event,
            data: Json::from_raw(fields.data).ok()?,
            meta: Json::parse(&format!("{{{}}}", members.join(","))).ok()?,
        })
    }
}
