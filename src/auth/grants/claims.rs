//! Claims as parts of room names.

use serde_json::{Map, Value};

use crate::model::room::is_part_byte;

/// The claim that `name` names: a claim of exactly this name, else the way through nested objects, `a.b`.
///
/// The exact name comes first because claims with namespaces hold dots: `https://example.com/org`.
pub(crate) fn lookup<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (outer, inner) = name.split_once('.')?;
    lookup(claims.get(outer)?.as_object()?, inner)
}

/// What a placeholder stands for: one text for a scalar, one each for an array's scalars, at most `most`.
/// Objects, null, fractions and the empty string stand for nothing.
pub(super) fn texts(claim: Option<&Value>, most: usize) -> Vec<String> {
    match claim {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().filter_map(text).take(most).collect(),
        Some(value) => text(value).into_iter().take(most).collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(escape(text)),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// Writes each byte that cannot stand in a part of a room name as `~XX`. `~` is written so too: otherwise
/// the claims `a:b` and `a~3Ab` would open the same room.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_part_byte(byte) && byte != b'~' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("~{byte:02X}"));
        }
    }
    escaped
}
