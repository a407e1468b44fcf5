//! Upgrades to WebSocket that are none (RFC 6455 §4.2), which no public test suite covers.

use super::{READER, Witness, gate, refused};
use crate::support::http;
use crate::support::websocket::{TEXT, UPGRADE, WebSocket, frame};

const STREAM: &str = "/v1/stream?room=open";

/// A good upgrade with one header changed (an empty value takes it away).
fn upgrade(name: &str, value: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = UPGRADE
        .iter()
        .chain([&READER])
        .filter(|(have, _)| *have != name)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    if !value.is_empty() {
        headers.push((name.to_owned(), value.to_owned()));
    }
    headers
}

fn request(method: &str, headers: &[(String, String)]) -> String {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    http::request(method, STREAM, &headers, "")
}

#[tokio::test]
async fn an_upgrade_that_is_wrong_gets_its_status() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (version, key) = ("Sec-WebSocket-Version", "Sec-WebSocket-Key");
    for (name, value, status, code) in [
        (version, "12", 426, "upgrade_required"),
        (version, "8", 426, "upgrade_required"),
        (version, "", 400, "bad_request"),
        (key, "", 400, "bad_request"),
        (key, "short", 400, "bad_request"),
        (
            key,
            "dGhlIHNhbXBsZSBub25jZSBpcyB0b28gbG9uZw==",
            400,
            "bad_request",
        ),
        ("Origin", "https://evil.test", 403, "origin_not_allowed"),
        ("Origin", "null", 403, "origin_not_allowed"),
        ("Origin", "http://app.test", 403, "origin_not_allowed"),
        (
            "Origin",
            "https://app.test.evil.test",
            403,
            "origin_not_allowed",
        ),
        ("Sec-WebSocket-Protocol", "chat", 400, "bad_request"),
        (
            "Sec-WebSocket-Protocol",
            "chat, gatecast.v2",
            400,
            "bad_request",
        ),
    ] {
        let mut socket = gate.connect().await;
        socket.send(request("GET", &upgrade(name, value))).await;
        let answer = socket.answer("GET").await;
        refused(&answer, status, code, &format!("{name}: {value}"));
        if status == 426 {
            assert_eq!(
                answer.header("sec-websocket-version"),
                Some("13"),
                "{value}"
            );
        }
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn two_keys_are_one_too_many() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut headers = upgrade("X-None", "");
    headers.push((
        "Sec-WebSocket-Key".into(),
        "AAAAAAAAAAAAAAAAAAAAAA==".into(),
    ));
    let mut socket = gate.connect().await;
    socket.send(request("GET", &headers)).await;
    refused(&socket.answer("GET").await, 400, "bad_request", "two keys");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_upgrade_by_post_is_no_method_of_the_stream() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = gate.connect().await;
    socket.send(request("POST", &upgrade("X-None", ""))).await;
    refused(
        &socket.answer("POST").await,
        405,
        "method_not_allowed",
        "POST",
    );
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_upgrade_over_http_1_0_is_no_upgrade() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = gate.connect().await;
    let request = request("GET", &upgrade("X-None", "")).replace("HTTP/1.1", "HTTP/1.0");
    socket.send(request).await;
    let answer = socket.answer("GET").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        answer.json()["cursor"].is_string(),
        "a poll is answered: {}",
        answer.text()
    );
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn half_an_upgrade_is_an_ordinary_request() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for (name, value) in [
        ("Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("Upgrade", ""),
    ] {
        let mut socket = gate.connect().await;
        socket.send(request("GET", &upgrade(name, value))).await;
        let answer = socket.answer("GET").await;
        assert_eq!(answer.status(), 200, "{name}: {value}: {}", answer.text());
        assert!(answer.json()["cursor"].is_string(), "{name}: {value}");
    }
    let target = "/v1/stream?room=open&transport=websocket";
    let answer = gate.request("GET", target, &[READER], "").await;
    refused(&answer, 426, "upgrade_required", "transport=websocket");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn what_is_unusual_and_allowed_is_answered_with_101() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for (name, value, protocol) in [
        ("Connection", "keep-alive, Upgrade", None),
        ("Upgrade", "WebSocket", None),
        ("Origin", "https://app.test", None),
        (
            "Sec-WebSocket-Extensions",
            "permessage-deflate; client_max_window_bits",
            None,
        ),
        (
            "Sec-WebSocket-Protocol",
            "chat, gatecast.v1",
            Some("gatecast.v1"),
        ),
        (
            "Sec-WebSocket-Protocol",
            "gatecast.v1, bearer.x",
            Some("gatecast.v1"),
        ),
    ] {
        let mut socket = gate.connect().await;
        socket.send(request("GET", &upgrade(name, value))).await;
        let head = socket.head().await.unwrap();
        assert_eq!(head.status, 101, "{name}: {value}");
        assert_eq!(
            head.header("connection"),
            Some("Upgrade"),
            "{name}: {value}"
        );
        assert_eq!(
            head.header("sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(
            head.header("sec-websocket-protocol"),
            protocol,
            "{name}: {value}"
        );
        assert_eq!(
            head.header("sec-websocket-extensions"),
            (name == "Sec-WebSocket-Extensions").then_some(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            ),
            "{name}: {value}"
        );
        let mut socket = WebSocket { socket, head };
        assert_eq!(socket.json().await["type"], "welcome", "{name}: {value}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn what_a_client_sends_together_with_its_upgrade_is_read() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut bytes = request("GET", &upgrade("X-None", "")).into_bytes();
    bytes.extend(frame(
        0x80 | TEXT,
        true,
        br#"{"type":"ping","ref":"early"}"#,
    ));
    let mut socket = gate.connect().await;
    socket.send(bytes).await;
    let head = socket.head().await.unwrap();
    assert_eq!(head.status, 101);
    let mut socket = WebSocket { socket, head };
    assert_eq!(socket.json().await["type"], "welcome");
    assert_eq!(socket.text().await, r#"{"type":"ack","ref":"early"}"#);
    witness.is_served(&gate).await;
}
