//! Clients that stop reading: what they may not hold up.

use std::time::Duration;

use serde_json::json;

use crate::support::http::request;
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key};

async fn gate(more: &str) -> Gate {
    let reader = api_key("reader", "reader-key", "reader");
    let role = "[roles.reader]
subscribe = [\"*\"]
";
    Gate::open("", &format!("{reader}{role}{more}")).await
}

/// Publishes more than the kernel's buffers between gateway and client hold; gives the connection that it used.
async fn flood(gate: &Gate, bytes: usize) -> Socket {
    let mut socket = gate.connect().await;
    let event = json!({"room": "r", "event": "e", "data": "x".repeat(bytes)});
    let body = json!({"events": vec![event; 100.min(900_000 / bytes)]}).to_string();
    for _ in 0..20_000_000 / body.len() {
        socket
            .send(request("POST", "/v1/publish", &[KEY], &body))
            .await;
        assert_eq!(socket.answer("POST").await.status(), 202);
    }
    socket
}

async fn event_source(gate: &Gate) -> Socket {
    let mut socket = gate.connect().await;
    let headers = [KEY, ("Accept", "text/event-stream")];
    socket
        .send(request("GET", "/v1/stream?room=r", &headers, ""))
        .await;
    socket.until(b"event: welcome").await.unwrap();
    socket
}

#[tokio::test]
async fn a_drain_does_not_wait_for_clients_that_stopped_reading() {
    for bytes in [100, 50_000] {
        let mut gate =
            gate("[rooms.\"r\"]\nhistory = { events = 100000, bytes = \"64MiB\" }\n").await;
        let (_sse, _socket) = (event_source(&gate).await, gate.websocket().await);
        flood(&gate, bytes).await;
        let before = gate.elapsed();
        gate.stop().await;
        let took = gate.elapsed() - before;
        assert!(
            took <= Duration::from_secs(6),
            "{took:?} of virtual time with events of {bytes} bytes"
        );
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_half_a_minute_is_given_up_and_its_place_is_free() {
    let gate = gate("[limits]\nconnections = 2\n").await;
    let _stalled = event_source(&gate).await;
    let socket = flood(&gate, 50_000).await;
    let full = WebSocket::upgrade(socket, "/v1/stream?room=r", &[KEY]).await;
    assert!(full.is_ok());
    let refused = gate.request("GET", "/v1/stream?room=r", &[KEY], "").await;
    assert_eq!(refused.status(), 503);
    let freed = async {
        while gate
            .request("GET", "/v1/stream?room=r", &[KEY], "")
            .await
            .status()
            != 200
        {}
    };
    gate.hasten(Duration::from_secs(5), freed).await;
}

#[tokio::test]
async fn who_may_publish_nothing_cannot_make_the_gateway_take_a_megabyte_in() {
    let gate = gate("").await;
    let reader = ("X-API-Key", "reader-key");
    let body =
        json!({"events": [{"room": "r", "event": "e", "data": "x".repeat(200_000)}]}).to_string();
    let answer = gate.request("POST", "/v1/publish", &[reader], &body).await;
    assert_eq!((answer.status(), answer.code()), (413, "too_large".into()));
    // Refused by its head alone: the body never comes.
    let mut socket = gate.connect().await;
    socket
        .send("POST /v1/rooms/r/events HTTP/1.1\r\nHost: a\r\nX-API-Key: reader-key\r\nContent-Length: 900000\r\n\r\n")
        .await;
    assert_eq!(socket.answer("POST").await.status(), 403);
}

#[tokio::test]
async fn a_message_for_a_stream_is_answered_though_its_client_has_stopped_reading() {
    let gate = gate("").await;
    let mut socket = gate.connect().await;
    let headers = [KEY, ("Accept", "text/event-stream")];
    socket
        .send(request("GET", "/v1/stream?room=r", &headers, ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let stream = welcome
        .split("\"stream\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    flood(&gate, 50_000).await;
    let message = json!({"type": "subscribe", "ref": 1, "room": "other"}).to_string();
    let target = format!("/v1/messages?stream={stream}");
    let answer = gate.request("POST", &target, &[KEY], &message).await;
    assert_eq!(
        answer.json(),
        json!({"type": "ack", "ref": 1, "room": "other"})
    );
}

#[tokio::test]
async fn a_drain_does_not_wait_for_half_a_request() {
    let mut gate = gate("").await;
    let (mut head, mut body) = (gate.connect().await, gate.connect().await);
    head.send("GET /v1/stream HTTP/1.1\r\nHos").await;
    let key = KEY.1;
    body.send(format!(
        "POST /v1/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n\r\n{{\"e"
    ))
    .await;
    // Whoever is answered on a connection opened later has seen both of them accepted.
    assert_eq!(gate.request("GET", "/healthz", &[], "").await.status(), 200);
    let before = gate.elapsed();
    gate.stop().await;
    let took = gate.elapsed() - before;
    assert!(took <= Duration::from_secs(6), "{took:?} of virtual time");
}

#[tokio::test]
async fn an_event_source_that_talks_is_let_go_and_delays_nobody() {
    let gate = gate("").await;
    let mut other = gate.websocket().await;
    let mut talker = event_source(&gate).await;
    talker.send(vec![b'x'; 200_000]).await;
    assert!(!talker.rest().await.ends_with(b"0\r\n\r\n"));
    let body = json!({"event": "e", "data": 1}).to_string();
    gate.request("POST", "/v1/rooms/r/events", &[KEY], &body)
        .await;
    assert_eq!(other.json().await["data"], 1);
}

#[tokio::test]
async fn a_client_that_is_behind_is_heard_before_it_has_caught_up() {
    let gate = gate("[rooms.\"r\"]\nhistory = { events = 1000, bytes = \"64MiB\" }\n").await;
    drop(flood(&gate, 50_000).await);
    let socket = gate.connect().await;
    let target = "/v1/stream?room=r&since=earliest";
    let mut socket = WebSocket::upgrade(socket, target, &[KEY]).await.unwrap();
    socket.say(r#"{"type":"ping","ref":1}"#).await;
    let mut events = 0;
    while socket.json().await["type"] != "ack" {
        events += 1;
    }
    assert!((1..300).contains(&events), "{events} of 400");
}
