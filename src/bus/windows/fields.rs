//! What windows read and write of payloads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::event::Key;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::time::UnixMillis;

use super::Raw;

/// The key that the field `name` of `data` gives: a text, a number or a truth value, as it is written. Nothing where it is
/// something else, or cannot be a key.
pub(super) fn key_in(data: &Json, name: &str) -> Option<Key> {
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(data.as_str()).ok()?;
    let value = fields.get(name)?.get();
    match value.as_bytes().first()? {
        b'"' => Key::parse(&serde_json::from_str::<String>(value).ok()?).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Key::parse(value).ok(),
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    count: usize,
    events: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: Position,
    data: &'a RawValue,
    ts: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

pub(super) fn batch(events: &[Raw]) -> Json {
    let items = events.iter().filter_map(|raw| {
        Some(Item {
            id: raw.position,
            data: serde_json::from_str(raw.data.as_str()).ok()?,
            ts: raw.ts,
            from: raw.from.as_deref(),
            key: raw.options.key.as_ref().map(Key::as_str),
        })
    });
    let events: Vec<_> = items.collect();
    let count = events.len();
    // Payloads that were checked, two levels deeper than each may be by itself: three short of what parsers take.
    Json::around(&Batch { count, events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_what_the_field_says_if_that_can_be_one() {
        for (data, key) in [
            (r#"{"unit":"a b","n":1}"#, Some("a b")),
            (r#"{"unit":7}"#, Some("7")),
            (r#"{"unit":1.50}"#, Some("1.50")),
            (r#"{"unit":true}"#, Some("true")),
            (r#"{"un\u0069t":"x"}"#, Some("x")),
            (r#"{"unit":null}"#, None),
            (r#"{"unit":""}"#, None),
            (r#"{"unit":[7]}"#, None),
            (r#"{"other":7}"#, None),
            (r#"[7]"#, None),
            ("7", None),
        ] {
            let found = key_in(&Json::parse(data).unwrap(), "unit");
            assert_eq!(found.as_ref().map(Key::as_str), key, "{data}");
        }
    }
}
