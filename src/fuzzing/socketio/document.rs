//! A decoder written from the protocol's document, in values of serde's and without any of our own code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

/// What a text and the bytes behind it are.
#[derive(Debug)]
pub(super) enum Read {
    /// `[type, namespace, id, payload]`, whose type does not tell binary packets apart.
    Packet(Value),
    /// No packet.
    Nothing,
    /// Its payload may be JSON; serde cannot make values of it.
    Unreadable,
}

const RESERVED: &str =
    " connect connect_error disconnect disconnecting newListener removeListener ";

/// Reads a packet with its attachments.
pub(super) fn read(text: &str, attachments: &[Bytes]) -> Read {
    let Some((mut kind, announced, namespace, id, payload)) = parts(text) else {
        return Read::Nothing;
    };
    let mut payload = match payload {
        "" => None,
        text => match serde_json::from_str::<Value>(text) {
            Ok(value) => Some(value),
            Err(_) => return Read::Unreadable,
        },
    };
    if let Some(announced) = announced {
        kind -= 3;
        let all = announced == attachments.len();
        if !all || announced > 0 && !payload.as_mut().is_some_and(|it| fill(it, attachments)) {
            return Read::Nothing;
        }
    }
    if kind == 2
        && let Some(name) = payload.as_mut().and_then(|items| items.get_mut(0))
        && name
            .as_i64()
            .is_some_and(|number| number.unsigned_abs() < 1 << 53)
    {
        *name = json!(name.to_string());
    }
    if !is_valid(kind, payload.as_ref()) {
        return Read::Nothing;
    }
    Read::Packet(json!([kind, namespace, id, payload.unwrap_or(Value::Null)]))
}

/// Type, attachments, namespace, id, and what is left.
type Parts<'a> = (u8, Option<usize>, &'a str, Option<u64>, &'a str);

/// `<type>[<attachments>-][<namespace>,][<ack id>][JSON]`.
fn parts(text: &str) -> Option<Parts<'_>> {
    let mut characters = text.chars();
    let kind = u8::try_from(characters.next()?.to_digit(7)?).ok()?;
    let mut rest = characters.as_str();
    let mut announced = None;
    if kind > 4 {
        let (number, behind) = rest.split_once('-')?;
        announced = Some(whole(number)?);
        rest = behind;
    }
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let payload = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let id = &rest[..rest.len() - payload.len()];
    let id = match id {
        "" => None,
        digits => Some(whole(digits)?),
    };
    Some((kind, announced, namespace, id, payload))
}

fn whole<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

fn is_valid(kind: u8, payload: Option<&Value>) -> bool {
    match (kind, payload) {
        (0, None | Some(Value::Object(_)))
        | (1, None)
        | (3, Some(Value::Array(_)))
        | (4, Some(Value::Object(_) | Value::String(_))) => true,
        (2, Some(Value::Array(items))) => {
            let name = items.first().and_then(Value::as_str);
            name.is_some_and(|name| name.contains(' ') || !RESERVED.contains(&format!(" {name} ")))
        }
        _ => false,
    }
}

/// Puts attachments in the places of placeholders.
fn fill(value: &mut Value, attachments: &[Bytes]) -> bool {
    if value["_placeholder"] == json!(true) {
        let number = value["num"].as_u64().and_then(|n| usize::try_from(n).ok());
        let Some(bytes) = number.and_then(|number| attachments.get(number)) else {
            return false;
        };
        *value = json!({"_encoding": "base64", "data": STANDARD.encode(bytes)});
        return true;
    }
    match value {
        Value::Array(items) => items.iter_mut().all(|item| fill(item, attachments)),
        Value::Object(members) => members.values_mut().all(|one| fill(one, attachments)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
