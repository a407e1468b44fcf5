//! Claims: a token that is signed well, whatever it says, gives exactly what the configuration grants for it.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::assert_tells_why;
use crate::auth::credentials::Credential;
use crate::auth::grants::MAX_EXPANDED;
use crate::auth::jwt::{self, Algorithm};
use crate::auth::ticket::Kind;
use crate::auth::{Access, Authority};
use crate::config;
use crate::model::code::Code;
use crate::model::id::Principal;
use crate::model::room::{Room, is_part_byte};
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

/// Claims as a JSON object; with a room on a line before it, whether they open that room is asked too.
pub fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (room, text) = text.split_once('\n').unwrap_or(("lobby", text));
    let Ok(Value::Object(claims)) = serde_json::from_str(text) else {
        return;
    };
    let secret = Secret::new(SECRET);
    let claims = Value::Object(claims);
    let token = jwt::sign(Algorithm::HS256, &secret, None, &claims).unwrap();
    let Value::Object(claims) = claims else {
        return;
    };
    let token = Credential::Token(Secret::new(token));
    match AUTHORITY.identify(&token, NOW) {
        Ok(access) => {
            assert_told_by_claims(&access, &claims);
            assert_swapped(&token, &access, room);
            Room::parse(room)
                .iter()
                .chain(&access.rooms)
                .for_each(|room| assert_granted(&access, &claims, room));
        }
        Err(refusal) => {
            assert_tells_why(&refusal);
            let lacks_role = claims.get("role") != Some(&Value::from("member"));
            if refusal.code == Code::Forbidden {
                assert!(lacks_role);
            } else {
                assert_eq!(refusal.code, Code::Unauthorized);
                assert!(!is_acceptable(&claims));
            }
        }
    }
}

/// What the token is swapped for gives the same rights, and not for longer.
fn assert_swapped(token: &Credential, access: &Access, room: &str) {
    let swapped = match AUTHORITY.session(token, None, NOW) {
        Ok(swapped) => swapped,
        Err(refusal) => return assert_eq!(refusal.code, Code::TooLarge),
    };
    let ticket = Credential::Ticket(Kind::Cookie, swapped.ticket);
    let again = AUTHORITY.identify(&ticket, NOW).unwrap();
    assert_eq!(again.principal, access.principal);
    assert_eq!(again.rooms, access.rooms);
    assert!(again.expires_at <= access.expires_at && again.expires_at > Some(NOW));
    for room in Room::parse(room).iter().chain(&access.rooms) {
        assert_eq!(again.may_subscribe(room), access.may_subscribe(room));
        assert_eq!(again.may_publish(room), access.may_publish(room));
    }
}

/// 2026-01-01.
const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
/// What the configuration has by default, in milliseconds.
const LEEWAY: u64 = 10_000;
const SECRET: &str = "the-secret-of-the-fuzzer-32-bytes-long";

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let toml = format!(
        r#"
        [auth.session]
        secret = "{SECRET}"
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "{SECRET}"
        [roles.member]
        rooms = ["org:{{org.id}}:news", "user:{{sub}}"]
        subscribe = ["lobby", "org:{{org.id}}:*", "user:{{sub}}", "{{team}}:board"]
        publish = ["*"]
        "#
    );
    let settings = config::load(Some(&toml), &[]).unwrap();
    Authority::new(settings.auth).unwrap()
});

fn assert_told_by_claims(access: &Access, claims: &Map<String, Value>) {
    assert!(is_acceptable(claims));
    assert!(access.expires_at > Some(NOW));
    let Principal::Subject { subject, .. } = &access.principal else {
        panic!("{:?}", access.principal);
    };
    assert_eq!(claims.get("sub").and_then(Value::as_str), Some(&**subject));
    assert_eq!(
        claims.get("role"),
        Some(&Value::from(access.role.name.as_str()))
    );
}

/// Whether the registered claims allow the token at [`NOW`] (RFC 7519 §4.1).
fn is_acceptable(claims: &Map<String, Value>) -> bool {
    let date = |name| claims.get(name).map(date);
    let ends = matches!(date("exp"), Some(Some(end)) if NOW.0 < end.saturating_add(LEEWAY));
    let begun = match date("nbf") {
        None => true,
        Some(begin) => begin.is_some_and(|begin| begin <= NOW.0 + LEEWAY),
    };
    let subject = claims.get("sub").and_then(Value::as_str);
    let named = subject.is_some_and(|subject| (1..=256).contains(&subject.len()));
    ends && begun && named && !claims.contains_key("aud")
}

/// A NumericDate (RFC 7519 §2) in milliseconds.
fn date(value: &Value) -> Option<u64> {
    let whole = value.as_u64().map(|seconds| seconds.saturating_mul(1000));
    let fraction = value.as_f64().filter(|seconds| *seconds >= 0.0);
    whole.or(fraction.map(|seconds| (seconds * 1000.0) as u64))
}

/// What the patterns of the role say about `room`, written out by hand.
fn assert_granted(access: &Access, claims: &Map<String, Value>, room: &Room) {
    let name = room.as_str();
    let nested = |outer: &str, inner: &str| claims.get(outer)?.get(inner);
    let organisation = claims.get("org.id").or_else(|| nested("org", "id"));
    let of_organisation = parts(organisation)
        .iter()
        .any(|part| begins(name, &format!("org:{part}:")));
    let own = parts(claims.get("sub"))
        .iter()
        .any(|part| name == format!("user:{part}"));
    let board = parts(claims.get("team"))
        .iter()
        .any(|part| name == format!("{part}:board") && part != "user" && !part.starts_with('_'));
    let expected = name == "lobby" || of_organisation || own || board;
    // Beyond so many grants the rest is dropped: never more than what is expected, and possibly less.
    let all = parts(organisation).len() + parts(claims.get("team")).len() + 1;
    let granted = access.may_subscribe(room);
    assert!(
        granted == expected || (expected && all > MAX_EXPANDED),
        "{name}"
    );
    let private = name.starts_with('_') || name.starts_with("user:");
    assert_eq!(access.may_publish(room), !private, "{name}");
}

fn begins(name: &str, start: &str) -> bool {
    name.len() > start.len() && name.starts_with(start)
}

/// The parts of room names that a claim stands for.
fn parts(claim: Option<&Value>) -> Vec<String> {
    let scalars = match claim {
        None => return Vec::new(),
        Some(Value::Array(values)) => &values[..],
        Some(value) => std::slice::from_ref(value),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let part = |text: String| -> String {
        let byte = |byte: u8| match is_part_byte(byte) && byte != b'~' {
            true => char::from(byte).to_string(),
            false => format!("~{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let parts = scalars.iter().filter_map(text).map(part);
    parts.filter(|part| !part.is_empty()).collect()
}
