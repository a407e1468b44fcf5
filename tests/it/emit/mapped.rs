//! What is emitted and published, because the configuration says so.

use serde_json::{Value, json};

use super::backend::{Backend, says};
use super::{answer, emit, gate, held, post};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const WAITER: (&str, &str) = ("x-api-key", "the-key-of-a-waiter");

/// A waiter may emit orders and say things, and publish nothing but to the floor.
async fn restaurant(room: &str) -> Gate {
    let waiter = api_key("ben", WAITER.1, "waiter");
    let more = format!(
        r#"{waiter}[roles.waiter]
sender = true
rooms = ["floor"]
subscribe = ["floor", "kitchen:*"]
publish = ["floor"]
emit = ["order", "say"]
[emit.order]
room = "{room}"
event = "order:placed"
[emit.say]
"#
    );
    Gate::open("", &more).await
}

async fn waiter(gate: &Gate) -> WebSocket {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream", &[WAITER])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    socket.text().await;
    socket
}

fn say(room: Option<&str>) -> String {
    json!({"type": "emit", "ref": 2, "event": "say", "room": room}).to_string()
}

#[tokio::test]
async fn a_mapped_emit_is_an_event_of_the_room_that_its_senders_claims_make() {
    let gate = restaurant("kitchen:{sub}").await;
    let mut socket = waiter(&gate).await;
    let told = answer(&mut socket, &emit(7, "order")).await;
    let events = held(&gate, "kitchen:ben").await;
    assert_eq!(
        told,
        json!({"type": "ack", "ref": 7, "id": events[0]["id"], "room": "kitchen:ben"})
    );
    let event = |event: &Value| ["event", "from", "data"].map(|field| event[field].to_string());
    assert_eq!(
        event(&events[0]),
        ["\"order:placed\"", "\"ben\"", "{\"n\":7}"]
    );
    let posted = gate
        .request("POST", "/v1/messages", &[WAITER], &emit(8, "order"))
        .await;
    assert_eq!((posted.status(), &posted.json()["ref"]), (200, &json!(8)));
    assert_eq!(held(&gate, "kitchen:ben").await.len(), 2);
}

#[tokio::test]
async fn who_has_no_claim_for_the_room_may_not_emit_it() {
    let gate = restaurant("kitchen:{venue}").await;
    let told = answer(&mut waiter(&gate).await, &emit(7, "order")).await;
    assert_eq!(told["code"], "forbidden");
    assert!(
        told["message"].as_str().unwrap().contains("claim"),
        "{told}"
    );
}

#[tokio::test]
async fn an_emit_that_has_a_room_of_its_own_goes_to_no_other() {
    let gate = restaurant("kitchen:{sub}").await;
    let mut socket = waiter(&gate).await;
    let to = |room| json!({"type": "emit", "ref": 1, "event": "order", "room": room}).to_string();
    let told = answer(&mut socket, &to("floor")).await;
    assert_eq!(told["code"], "bad_request");
    let told = answer(&mut socket, &to("kitchen:ben")).await;
    assert_eq!(told["type"], "ack");
}

#[tokio::test]
async fn an_emit_that_is_published_where_it_says_needs_a_grant_to_publish_there() {
    let gate = restaurant("kitchen:{sub}").await;
    let mut socket = waiter(&gate).await;
    socket.say(&say(Some("floor"))).await;
    let (one, other) = (socket.json().await, socket.json().await);
    let told = if one["type"] == "ack" { &one } else { &other };
    assert_eq!(
        (&told["type"], &told["room"]),
        (&json!("ack"), &json!("floor"))
    );
    assert_eq!(held(&gate, "floor").await[0]["event"], "say");
    let told = answer(&mut socket, &say(Some("kitchen:1"))).await;
    assert_eq!(told["code"], "forbidden");
    let told = answer(&mut socket, &say(None)).await;
    assert_eq!(told["code"], "bad_request");
}

#[tokio::test]
async fn a_mapped_emit_counts_among_the_publishes_and_is_no_larger() {
    let gate = Gate::open(
        "",
        "emit = [\"a\"]\nlimits = { publishes = \"1/min\" }\n[emit.a]\nroom = \"b\"\n",
    )
    .await;
    let mut socket = gate.websocket().await;
    assert_eq!(answer(&mut socket, &emit(1, "a")).await["type"], "ack");
    let told = answer(&mut socket, &emit(2, "a")).await;
    assert_eq!(
        (&told["code"], &told["limit"]),
        (&json!("rate_limited"), &json!("publishes"))
    );
}

#[tokio::test]
async fn what_is_mapped_is_not_told_the_backend() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "[emit.a]\nroom = \"b\"\n").await;
    let told = post(&gate, "/v1/messages", &emit(1, "a")).await.json();
    assert_eq!(told["room"], "b");
    post(&gate, "/v1/messages", &emit(2, "c")).await;
    let asked = backend.was_asked(1).await;
    assert_eq!((asked.len(), &asked[0].json()["event"]), (1, &json!("c")));
}
