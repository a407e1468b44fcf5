//! What the backend is told, and what it says.

use serde_json::json;

use super::backend::{Backend, refuses, says};
use super::{answer, emit, gate, post};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

#[tokio::test]
async fn what_the_backend_says_is_the_ack_and_it_knows_who_has_said_what() {
    let backend = Backend::start(says(r#"{"ack": {"ok": 1.0}}"#)).await;
    let gate = gate(&backend, "headers = [\"x-tenant\"]\n").await;
    let headers = [KEY, ("X-Tenant", "acme"), ("X-Other", "no")];
    let mut socket = WebSocket::upgrade(gate.connect().await, "/v1/stream?room=r", &headers)
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    let welcome = socket.json().await;
    let message =
        json!({"type": "emit", "ref": "x", "event": "note:add", "room": "r", "data": [1]});
    socket.say(&message.to_string()).await;
    assert_eq!(
        socket.text().await,
        r#"{"type":"ack","ref":"x","data":{"ok":1.0}}"#
    );
    let asked = backend.was_asked(1).await;
    let mut body = asked[0].json();
    body["ts"] = json!(0);
    assert_eq!(
        body,
        json!({"type": "message", "ts": 0, "stream": welcome["stream"], "principal": "a", "role": "a",
            "transport": "websocket", "claims": {"sub": "a", "key": "a"}, "headers": {"x-tenant": "acme"},
            "event": "note:add", "room": "r", "data": [1]})
    );
}

#[tokio::test]
async fn a_backend_that_says_nothing_is_a_plain_ack_and_null_is_said() {
    let backend = Backend::start(says("")).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    assert_eq!(socket.text().await, r#"{"type":"ack","ref":1}"#);
    backend.does(says(r#"{"ack": null}"#));
    socket.say(&emit(2, "a")).await;
    assert_eq!(socket.text().await, r#"{"type":"ack","ref":2,"data":null}"#);
}

#[tokio::test]
async fn a_backend_that_says_no_is_quoted_and_one_that_fails_is_not() {
    let no = r#"{"refuse": {"code": "closed", "message": "the kitchen is closed"}}"#;
    let backend = Backend::start(says(no)).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    let told = answer(&mut socket, &emit(1, "a")).await;
    assert_eq!(
        told,
        json!({"type": "error", "ref": 1, "code": "refused", "message": "the kitchen is closed", "reason": "closed"})
    );
    let posted = post(&gate, "/v1/messages", &emit(1, "a")).await;
    assert_eq!((posted.status(), &*posted.code()), (403, "refused"));
    backend.does(refuses("500 Internal Server Error"));
    let told = answer(&mut socket, &emit(2, "a")).await;
    assert_eq!(
        (&told["ref"], &told["code"]),
        (&json!(2), &json!("hook_failed"))
    );
    assert!(told["retry_after_ms"].as_u64().is_some(), "{told}");
    let posted = post(&gate, "/v1/messages", &emit(1, "a")).await;
    assert_eq!(posted.status(), 503);
    assert!(posted.header("retry-after").is_some());
    // The stream goes on.
    let told = answer(&mut socket, r#"{"type":"ping","ref":3}"#).await;
    assert_eq!(told, json!({"type": "ack", "ref": 3}));
}

#[tokio::test]
async fn what_the_hook_is_not_for_nobody_takes() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "events = [\"note:*\"]\n").await;
    let mut socket = gate.websocket().await;
    assert_eq!(
        answer(&mut socket, &emit(1, "other")).await["code"],
        "unhandled"
    );
    assert_eq!(
        answer(&mut socket, &emit(2, "note:add")).await["type"],
        "ack"
    );
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn who_has_no_stream_is_told_in_the_response_and_who_has_one_names_it() {
    let backend = Backend::start(says(r#"{"ack": "yes"}"#)).await;
    let gate = gate(&backend, "").await;
    let told = post(&gate, "/v1/messages", &emit(1, "a")).await;
    assert_eq!(told.text(), r#"{"type":"ack","ref":1,"data":"yes"}"#);
    let stream = stream(&gate).await;
    let target = format!("/v1/messages?stream={stream}");
    let told = post(&gate, &target, &emit(2, "a")).await;
    assert_eq!(told.text(), r#"{"type":"ack","ref":2,"data":"yes"}"#);
    let asked = backend.was_asked(2).await;
    let (without, with) = (asked[0].json(), asked[1].json());
    assert!(without.get("stream").is_none(), "{without}");
    assert_eq!(
        (&with["stream"], &with["transport"]),
        (&json!(stream), &json!("sse"))
    );
}

#[tokio::test]
async fn an_ack_is_no_larger_than_an_event() {
    let ack = |bytes: usize| says(&json!({"ack": "x".repeat(bytes - 2)}).to_string());
    let backend = Backend::start(ack(64 << 10)).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    assert_eq!(answer(&mut socket, &emit(1, "a")).await["type"], "ack");
    backend.does(ack((64 << 10) + 1));
    let told = answer(&mut socket, &emit(2, "a")).await;
    assert_eq!(told["code"], "hook_failed");
}

/// The name of a stream that cannot send.
async fn stream(gate: &Gate) -> String {
    let mut socket = gate.connect().await;
    let accept = ("Accept", "text/event-stream");
    let request = crate::support::http::request("GET", "/v1/stream?room=r", &[KEY, accept], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let data = welcome.lines().find_map(|line| line.strip_prefix("data: "));
    let welcome: serde_json::Value = serde_json::from_str(data.unwrap()).unwrap();
    // It stays open as long as the test does.
    std::mem::forget(body);
    welcome["stream"].as_str().unwrap().to_owned()
}
