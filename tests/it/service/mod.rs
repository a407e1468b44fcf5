//! A backend's own connection: it moves, ends and lists streams, and publishes to one of them.

mod behind;
mod crowdiant;
mod ending;
mod listing;
mod moving;
mod one_stream;
mod own_rooms;
mod polls;

use serde_json::{Value, json};

use crate::support::http::{self, Answer, Body};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

/// The backend's key.
pub(super) const SYSTEM: (&str, &str) = ("x-api-key", "the-key-of-the-system-of-the-venue");
/// Two waiters'.
pub(super) const ANN: (&str, &str) = ("x-api-key", "the-key-of-the-waiter-ann");
pub(super) const BOB: (&str, &str) = ("x-api-key", "the-key-of-the-waiter-bob");
pub(super) const EVENT_STREAM: (&str, &str) = ("accept", "text/event-stream");

pub(super) const ROLES: &str = r#"
    [roles.system]
    service = true
    presence = ["*"]
    subscribe = ["*"]
    publish = ["*", "user:*"]
    [roles.system.limits]
    messages = "1000/s"
    [roles.waiter]
    rooms = ["venue"]
    subscribe = ["venue", "menu", "user:{sub}"]
    publish = ["*"]
    limits = { rooms_per_stream = 3 }
"#;

pub(super) async fn gate() -> Gate {
    gate_with("").await
}

pub(super) async fn gate_with(more: &str) -> Gate {
    gate_with_keys("", more).await
}

pub(super) async fn gate_with_keys(keys: &str, more: &str) -> Gate {
    let keys = api_key("system", SYSTEM.1, "system")
        + &api_key("ann", ANN.1, "waiter")
        + &api_key("bob", BOB.1, "waiter")
        + keys;
    Gate::open(&keys, &format!("{ROLES}{more}")).await
}

/// A WebSocket in these rooms, or in its role's, welcomed; and its name.
pub(super) async fn websocket(
    gate: &Gate,
    key: (&str, &str),
    rooms: &[&str],
) -> (WebSocket, String) {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, &target(rooms), &[key])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    let welcome = socket.json().await;
    let stream = welcome["stream"].as_str().unwrap().to_owned();
    (socket, stream)
}

/// The backend's WebSocket.
pub(super) async fn system(gate: &Gate) -> WebSocket {
    websocket(gate, SYSTEM, &["system"]).await.0
}

/// An event stream, as [`websocket`].
pub(super) async fn sse(gate: &Gate, key: (&str, &str), rooms: &[&str]) -> (Body, String) {
    let mut socket = gate.connect().await;
    let request = http::request("GET", &target(rooms), &[EVENT_STREAM, key], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = data(&body.event("welcome").await);
    let stream = welcome["stream"].as_str().unwrap().to_owned();
    (body, stream)
}

fn target(rooms: &[&str]) -> String {
    let rooms: Vec<_> = rooms.iter().map(|room| format!("room={room}")).collect();
    format!("/v1/stream?{}", rooms.join("&"))
}

/// The data of a block of an event stream.
pub(super) fn data(block: &str) -> Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

/// Says `message` under a name, and gives what answers it; nothing else comes meanwhile.
pub(super) async fn asked(socket: &mut WebSocket, message: Value) -> Value {
    let mut message = message;
    message["ref"] = json!("asked");
    socket.say(&message.to_string()).await;
    let answer = socket.json().await;
    assert_eq!(answer["ref"], "asked", "{answer}");
    answer
}

/// The same by a request of its own.
pub(super) async fn posted(gate: &Gate, key: (&str, &str), query: &str, message: Value) -> Answer {
    let target = format!("/v1/messages{query}");
    gate.request("POST", &target, &[key], &message.to_string())
        .await
}

pub(super) fn publish(room: &str, data: impl Into<Value>) -> Value {
    json!({"type": "publish", "room": room, "event": "e", "data": data.into()})
}

/// The rooms of a welcome.
pub(super) fn rooms(welcome: &Value) -> Vec<&str> {
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    let rooms = welcome["rooms"].as_array().unwrap().iter();
    rooms.map(|room| room.as_str().unwrap()).collect()
}
