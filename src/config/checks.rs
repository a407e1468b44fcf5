//! Rules for texts. Each error says what is wrong and what to write instead.

use crate::auth::jwt::KeyUrl;
use crate::auth::{SpokenRoom, emits, grants};
use crate::hooks::{self, Kind};
use crate::model::event::EventName;
use crate::model::host::HostPattern;
use crate::model::network::Proxies;
use crate::model::room::Room;
use crate::wire::base_url::BaseUrl;
use crate::wire::socketio::{Namespace, RESERVED};

/// The name of a role, an API key or a key id: 1 to 64 bytes without surprises in logs and headers.
pub(super) fn name(text: &str) -> Result<(), String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(fine) {
        return Ok(());
    }
    Err("is no name: use 1 to 64 of A-Z a-z 0-9 _ - .".into())
}

/// What stands in tokens: anything that is there and can be printed.
pub(super) fn visible(text: &str) -> Result<(), String> {
    match text {
        "" => Err("is empty: leave the key out if it shall not be checked".into()),
        text if text.chars().any(char::is_control) => Err("holds a control character".into()),
        _ => Ok(()),
    }
}

/// Where a set of keys is fetched.
pub(super) fn key_url(text: &str) -> Result<(), String> {
    KeyUrl::parse(text).map(drop)
}

/// The query parameter that may carry a token.
pub(super) fn query(text: &str) -> Result<(), String> {
    /// What the routes use themselves.
    const TAKEN: [&str; 26] = [
        "room",
        "rooms",
        "since",
        "until",
        "limit",
        "reverse",
        "last_event_id",
        "lastEventId",
        "rewind",
        "snapshot",
        "origin",
        "transport",
        "dialect",
        "wait",
        "data",
        "padding",
        "heartbeat",
        "batch",
        "on_error",
        "stream",
        "event",
        "after",
        "prefix",
        "principal",
        "role",
        "ticket",
    ];
    if TAKEN.contains(&text) {
        return Err(
            "is a parameter of the gateway's own: choose another, such as access_token".into(),
        );
    }
    name(text)
}

/// What may have a limit of its own: the name of an event, or a type of client message.
pub(super) fn message_name(text: &str) -> Result<(), String> {
    let types = crate::wire::client::TYPES;
    match EventName::parse(text) {
        Ok(_) => Ok(()),
        Err(_) if types.contains(&text) => Ok(()),
        Err(why) => Err(format!(
            "is no name of an event that a client may publish ({why}), and none of the types of messages: {}",
            types.join(", ")
        )),
    }
}

/// The name of an event that a client may emit or publish.
pub(super) fn event(text: &str) -> Result<(), String> {
    EventName::parse(text)
        .map(drop)
        .map_err(|why| format!("is no name of an event: {why}"))
}

/// What a role may emit.
pub(super) fn emit(text: &str) -> Result<(), String> {
    emits::check_pattern(text).map_err(|why| format!("takes no such name: {why}"))
}

/// A grant: which rooms a role may use.
pub(super) fn grant(text: &str) -> Result<(), String> {
    grants::check_pattern(text).map_err(|why| format!("takes no such pattern: {why}"))
}

/// A room that a role joins by default, placeholders allowed.
pub(super) fn room_template(text: &str) -> Result<(), String> {
    grants::check_room_template(text).map_err(|why| format!("takes no such room: {why}"))
}

/// Whose history: a room, or the beginning of its name and `*`.
pub(super) fn history_pattern(text: &str) -> Result<(), String> {
    let sample = match text.strip_suffix('*') {
        Some(prefix) => format!("{prefix}x"),
        None => text.to_owned(),
    };
    match Room::parse(&sample) {
        Ok(_) => Ok(()),
        Err(_) if text.contains('{') => Err(
            "holds a placeholder: history is kept by room, whoever reads; write literal text, and `*` for the rest"
                .into(),
        ),
        Err(why) => Err(format!(
            "is no room name and no beginning of one with `*` as its last character: {why}"
        )),
    }
}

/// A hook.
pub(super) fn hook(text: &str) -> Result<(), String> {
    if Kind::parse(text).is_some() {
        return Ok(());
    }
    let all = Kind::ALL.iter().map(|kind| kind.as_str());
    let meant = super::suggest::nearest(text, all.clone())
        .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let all: Vec<_> = all.collect();
    Err(format!("is no hook: there are {}{meant}", all.join(", ")))
}

/// A header of a client's request that a hook may be shown.
pub(super) fn hook_header(text: &str) -> Result<(), String> {
    let name: http::HeaderName = text
        .parse()
        .map_err(|_| "is no name of a header".to_owned())?;
    hooks::forward::may_be_shown(&name)
}

/// What clients say: the name of an event, or the beginning of it and `*`.
pub(super) fn event_pattern(text: &str) -> Result<(), String> {
    let sample = match text.strip_suffix('*') {
        Some(beginning) => format!("{beginning}x"),
        None => text.to_owned(),
    };
    EventName::parse(&sample).map(drop).map_err(|why| {
        format!(
            "is no name of an event and no beginning of one with `*` as its last character: {why}"
        )
    })
}

/// Where Socket.IO is served.
pub(super) fn socketio_path(text: &str) -> Result<(), String> {
    /// What the gateway's own paths begin with.
    const OWN: [&str; 4] = ["v1", "healthz", "readyz", "metrics"];
    let between = text
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    let Some(between) = between else {
        return Err(
            "is no path to be served at: it begins and ends with `/`, and has something in between"
                .into(),
        );
    };
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
    // Clients and proxies resolve `.` and `..`, and many make one of two `/`: nobody would arrive.
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(fine);
    if !between.split('/').all(is_part) {
        return Err("has a part between `/` that is not of A-Z a-z 0-9 . _ ~ -, or is none".into());
    }
    match between.split('/').next() {
        Some(first) if OWN.contains(&first) => Err(format!(
            "is the gateway's own, as all of `/{first}`: choose another"
        )),
        _ => Ok(()),
    }
}

/// The name of a namespace of Socket.IO.
pub(super) fn namespace(text: &str) -> Result<(), String> {
    let Err(why) = Namespace::parse(text) else {
        return Ok(());
    };
    let meant = format!("/{text}");
    let instead = match Namespace::parse(&meant) {
        Ok(_) if !text.starts_with('/') => format!("; write {meant:?}"),
        Ok(_) | Err(_) => String::new(),
    };
    Err(format!("names no namespace: {why}{instead}"))
}

/// The name of an event as a client of Socket.IO emits it: whatever its library lets it.
pub(super) fn socketio_event(text: &str) -> Result<(), String> {
    if RESERVED.contains(&text) {
        return Err(
            "is a name that Socket.IO keeps for itself, so no client emits it: choose another"
                .into(),
        );
    }
    if (1..=EventName::MAX_BYTES).contains(&text.len()) {
        return Ok(());
    }
    Err(format!(
        "is no name of an event: use 1 to {} bytes",
        EventName::MAX_BYTES
    ))
}

/// A room that a client names by what it says.
pub(super) fn spoken_room(text: &str) -> Result<(), String> {
    let read = SpokenRoom::parse(text).map(drop);
    read.map_err(|why| format!("takes no such room: {why}"))
}

/// An origin as browsers send it (RFC 6454 §6.2), or `*`.
pub(super) fn origin(text: &str) -> Result<(), String> {
    if text == "*" {
        return Ok(());
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return Err("is no origin: it starts with https:// or http://".into());
    };
    if !matches!(scheme, "https" | "http") {
        return Err("is no origin of a page: it starts with https:// or http://".into());
    }
    if host.ends_with('/') || host.contains(['/', '?', '#', '@']) {
        return Err(
            "has more than scheme, host and port: browsers send no path and no final `/`".into(),
        );
    }
    if host.contains('*') {
        return Err("holds a wildcard: name each origin, or write \"*\" for all".into());
    }
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[]:".contains(&b);
    if host.is_empty() || !host.bytes().all(fine) {
        return Err(
            "has a host that no browser sends: lower-case ASCII, other names in Punycode".into(),
        );
    }
    Ok(())
}

/// A proxy that is trusted.
pub(super) fn proxy(text: &str) -> Result<(), String> {
    let read = Proxies::parse([text]).map(drop);
    read.map_err(|why| why.to_string())
}

/// A name that the gateway is reached by.
pub(super) fn host(text: &str) -> Result<(), String> {
    HostPattern::parse(text).map(drop)
}

/// Where clients reach the gateway.
pub(super) fn public_url(text: &str) -> Result<(), String> {
    let checked = BaseUrl::parse(text).map(drop);
    checked.map_err(|why| format!("is no URL to reach the gateway by: {why}"))
}

/// The filter of the log lines.
pub(super) fn filter(text: &str) -> Result<(), String> {
    crate::telemetry::check_filter(text).map_err(|why| format!("is no filter of log lines ({why})"))
}

/// Where spans go.
pub(super) fn otlp(text: &str) -> Result<(), String> {
    if !cfg!(feature = "otlp") {
        return Err("cannot be: this gatecast was built without otlp; build it with `--features otlp`, or take the key out".into());
    }
    let checked = BaseUrl::parse(text).map(drop);
    checked.map_err(|why| format!("is no URL of a collector: {why}"))
}

/// Where the audit log goes.
pub(super) fn audit(text: &str) -> Result<(), String> {
    if text == "stderr" || (text.starts_with('/') && !text.ends_with('/') && !text.contains('\0')) {
        return Ok(());
    }
    Err("is no place for the audit log: write stderr, or the absolute path of a file".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (
        super::super::kind::Check,
        &'static [&'static str],
        &'static [&'static str],
    );

    /// One byte more than the name of an event has.
    const LONG: &str = match std::str::from_utf8(&[b'a'; EventName::MAX_BYTES + 1]) {
        Ok(long) => long,
        Err(_) => "",
    };

    #[rustfmt::skip] // a table: the rule, what it takes, what it refuses
    const CASES: &[Case] = &[
        (name, &["a", "lobby-tv", "A.b_9"], &["", "a b", "ü", "a\n"]),
        (visible, &["https://id.example/", "ü"], &["", "a\nb"]),
        (key_url, &["https://id.example/keys", "http://localhost:81/"], &["", "http://id.example/keys", "https://u:p@id.example/"]),
        (query, &["access_token"], &["", "since", "ticket", "a=b"]),
        (history_pattern, &["a", "a:b", "*", "sensor:*", "se*", "_*"], &["", "a::*", "a*b", "**", "org:{org}:*", "a b"]),
        (message_name, &["kiosk_heartbeat", "a.b:c/d", "subscribe", "ping"], &["", "welcome", "a b", "open", "presence:join"]),
        (origin, &["*", "https://app.example", "http://[::1]:3000", "https://a.example:8443"],
            &["", "app.example", "https://app.example/", "https://*.example", "ftp://a", "https://A.example", "null", "https://"]),
        (event, &["a", "order:placed"], &["", "a b", "welcome", "a*"]),
        (emit, &["a", "a:*", "*"], &["", "a*b", "welcome", "a b"]),
        (grant, &["news", "org:{org}:*", "*"], &["", "a*b", "{", "a b"]),
        (room_template, &["news", "org:{org}:news"], &["", "org:*", "{"]),
        (public_url, &["https://live.example", "http://10.0.0.1:8080/live/"],
            &["", "live.example", "wss://live.example", "https://live.example/?a=1", "https://u@live.example", "https://a/../b"]),
        (proxy, &["10.0.0.0/8", "::1", "unix"], &["", "localhost", "10.0.0.1/8", "unix:/run/a"]),
        (host, &["live.example", "*.example", "localhost", "127.0.0.1", "[::1]", "LIVE.example"],
            &["", "*", "*.", "a.*.example", "https://live.example", "live.example:443", "live.example/", "live.example.", "a b", "::1", "ü.example"]),
        (audit, &["stderr", "/var/log/audit.jsonl"], &["", "stdout", "audit.jsonl", "/var/log/"]),
        (hook, &["connect", "unsubscribe"], &["", "conect", "emit", "Connect"]),
        (hook_header, &["x-tenant", "X-Tenant", "user-agent", "accept-language"],
            &["", "a b", "authorization", "Cookie", "x-api-key", "proxy-authorization", "connection", "host", "sec-websocket-protocol", "te"]),
        (event_pattern, &["note:add", "note:*", "n*", "*"], &["", "a*b", "**", "welcome", "presence:*", "a b"]),
        (socketio_path, &["/socket.io/", "/a/b-c_~9/", "/v1x/", "/live/v1/", "/.well-known/"],
            &["", "/", "//", "/a", "a/", "a", "/a//b/", "/a b/", "/ü/", "/a%20b/", "/../", "/a/./", "/v1/", "/v1/live/", "/healthz/", "/readyz/", "/metrics/a/"]),
        (namespace, &["/", "/admin", "/a/b ü"], &["", "admin", "/a,b", "/a\nb"]),
        (socketio_event, &["a", "tab:join", "two words", "subscribe", "ü"], &["", "connect", "disconnect", "newListener", LONG]),
        (spoken_room, &["presence", "tab:{tabId}", "org:{org}:site:{0}"], &["", "tab:*", "tab:{", "{a}{b}"]),
        (filter, &["info", "gatecast::transport=debug,info"], &["gatecast=loud", "=["]),
    ];

    #[test]
    fn each_rule_takes_what_it_should_and_nothing_else() {
        for (check, good, bad) in CASES {
            for text in *good {
                assert_eq!(check(text), Ok(()), "{text:?}");
            }
            for text in *bad {
                assert!(check(text).is_err(), "{text:?}");
            }
        }
    }
}
