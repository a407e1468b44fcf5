//! What holds for the rooms of one pattern, seen from outside.

mod batching;
mod conflating;
mod exceptions;
mod latest;
mod lifetimes;
mod overflow;
mod state;
mod volatile;

use serde_json::{Value, json};

use crate::support::http::{Answer, Body, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, within};

/// Publishes `body` to `room`; gives the id.
async fn publish(gate: &Gate, room: &str, body: Value) -> String {
    let answer = offer(gate, room, &body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn offer(gate: &Gate, room: &str, body: &Value) -> Answer {
    let target = format!("/v1/rooms/{room}/events");
    let body = body.to_string();
    gate.request("POST", &target, &[KEY], &body).await
}

/// What `body` is refused as.
async fn refused(gate: &Gate, room: &str, body: Value) -> (u16, String) {
    let answer = offer(gate, room, &body).await;
    (answer.status(), answer.code())
}

async fn poll(gate: &Gate, query: &str) -> Value {
    let target = format!("/v1/stream?transport=long-poll&{query}");
    let answer = gate.request("GET", &target, &[KEY], "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

/// Where the log is now.
async fn head(gate: &Gate, room: &str) -> String {
    let answer = poll(gate, &format!("room={room}")).await;
    answer["cursor"].as_str().unwrap().to_owned()
}

/// What a poll from `since` on is answered with, once there is something.
async fn next(gate: &Gate, room: &str, since: &str) -> Vec<Value> {
    let polled = async {
        loop {
            let answer = poll(gate, &format!("room={room}&since={since}&wait=0")).await;
            let events = answer["events"].as_array().unwrap().clone();
            if !events.is_empty() {
                return events;
            }
        }
    };
    within("an event", polled).await
}

/// A WebSocket that has been welcomed.
async fn websocket(gate: &Gate, query: &str) -> WebSocket {
    let target = format!("/v1/stream?{query}");
    let socket = WebSocket::upgrade(gate.connect().await, &target, &[KEY]).await;
    let mut socket = socket.unwrap_or_else(|head| panic!("refused: {head:?}"));
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

/// An event stream that has been welcomed.
async fn event_source(gate: &Gate, query: &str) -> Body {
    let mut socket = gate.connect().await;
    let headers = [KEY, ("Accept", "text/event-stream")];
    let target = format!("/v1/stream?{query}");
    socket.send(request("GET", &target, &headers, "")).await;
    let (_, mut body) = socket.open_body("GET").await;
    body.event("welcome").await;
    body
}

fn data(events: &[Value]) -> Vec<Value> {
    events.iter().map(|event| event["data"].clone()).collect()
}

fn reading(unit: u32, value: u32) -> Value {
    json!({"event": "reading", "data": {"unit": unit, "value": value}})
}
