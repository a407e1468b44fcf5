//! The backend in the life of a stream: asked before there is one and before it joins a room, and told what becomes of
//! it.

mod adding;
mod connecting;
mod crowd;
mod ends;
mod late;
mod lifts;
mod looking;
mod moved;

mod polls;
mod rooms;

use serde_json::{Value, json};

use crate::hooks::backend::{self, Backend, Does, says};
use crate::support::http::{Answer, Body, Head, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

/// What requests are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ACCEPT: (&str, &str) = ("Accept", "text/event-stream");

/// The table of this hook.
fn hook(kind: &str, backend: &Backend, more: &str) -> String {
    let url = backend.url();
    format!("[hooks.{kind}]\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n{more}")
}

/// A gateway with this one hook.
async fn gate(kind: &str, backend: &Backend, more: &str) -> Gate {
    Gate::open("", &hook(kind, backend, more)).await
}

/// Says no.
fn no() -> Does {
    says(r#"{"refuse": {"code": "full", "message": "no table is free"}}"#)
}

async fn websocket(gate: &Gate, target: &str, headers: &[(&str, &str)]) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, target, headers)
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"))
}

/// The head of an event stream, and what comes behind it.
async fn event_source(gate: &Gate, target: &str) -> (Head, Body) {
    let mut socket = gate.connect().await;
    socket
        .send(request("GET", target, &[KEY, ACCEPT], ""))
        .await;
    socket.open_body("GET").await
}

/// The payload of the next block of this name.
async fn told(body: &mut Body, name: &str) -> Value {
    let block = body.event(name).await;
    let data = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap()).unwrap()
}

async fn get(gate: &Gate, target: &str) -> Answer {
    gate.request("GET", target, &[KEY], "").await
}

/// The position where the log is.
async fn cursor(gate: &Gate) -> String {
    let answer = get(gate, "/v1/stream?room=r&wait=0&transport=long-poll").await;
    answer.json()["cursor"].as_str().unwrap().to_owned()
}

async fn publish(gate: &Gate, room: &str, event: &str) {
    let target = format!("/v1/rooms/{room}/events");
    let body = json!({"event": event}).to_string();
    let answer = gate.request("POST", &target, &[KEY], &body).await;
    assert_eq!(answer.status(), 202);
}
