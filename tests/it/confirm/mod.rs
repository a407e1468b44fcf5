//! Events that must be seen: their publisher waits until they were confirmed.

mod answers;
mod over_http;
mod over_websocket;
mod strangers;

use serde_json::{Value, json};

use crate::support::http::{self, Answer};
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key};

pub(super) const ANN: (&str, &str) = ("x-api-key", "the-key-of-the-nurse-ann");
pub(super) const BOB: (&str, &str) = ("x-api-key", "the-key-of-the-nurse-bob");
pub(super) const EVE: (&str, &str) = ("x-api-key", "the-key-of-the-stranger-eve");

pub(super) async fn gate() -> Gate {
    let keys = api_key("ann", ANN.1, "nurse")
        + &api_key("bob", BOB.1, "nurse")
        + &api_key("eve", EVE.1, "other");
    let roles = "[roles.nurse]\nsubscribe = [\"ward\"]\nrooms = [\"ward\"]\n[roles.other]\nsubscribe = [\"lobby\"]\nrooms = [\"lobby\"]\n";
    Gate::open(
        &keys,
        &format!("{roles}[roles.a.limits]\nmessages = \"1000/s\"\n"),
    )
    .await
}

/// A nurse's WebSocket, welcomed; and its stream.
pub(super) async fn nurse(gate: &Gate, key: (&str, &str)) -> (WebSocket, String) {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream", &[key])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    let stream = socket.json().await["stream"].as_str().unwrap().to_owned();
    (socket, stream)
}

/// The body of an alert whose publisher waits for `of`, for so many seconds.
pub(super) fn alert(of: Value, seconds: u64) -> String {
    let ack = json!({"timeout": format!("{seconds}s"), "of": of});
    json!({"event": "alert", "data": 7, "ack": ack}).to_string()
}

/// Publishes it to the ward; the answer is still to come.
pub(super) async fn publish(gate: &Gate, body: &str, headers: &[(&str, &str)]) -> Socket {
    let mut socket = gate.connect().await;
    let all: Vec<_> = [KEY].iter().chain(headers).copied().collect();
    let request = http::request("POST", "/v1/rooms/ward/events", &all, body);
    socket.send(request).await;
    socket
}

/// The id of the next event of a stream.
pub(super) async fn next_id(socket: &mut WebSocket) -> String {
    let event = socket.json().await;
    let id = event["id"].as_str().unwrap_or_else(|| panic!("{event}"));
    id.to_owned()
}

/// Confirms the next event of a stream; gives its id.
pub(super) async fn confirm_next(socket: &mut WebSocket) -> String {
    let id = next_id(socket).await;
    is_confirmed(socket, &id).await;
    id
}

/// Confirms an event that is waited for.
pub(super) async fn is_confirmed(socket: &mut WebSocket, id: &str) {
    assert_eq!(
        confirm(socket, id).await,
        json!({"type": "ack", "ref": "c"})
    );
}

/// What a stream is told that confirms.
pub(super) async fn confirm(socket: &mut WebSocket, id: &str) -> Value {
    let message = json!({"type": "confirm", "id": id, "ref": "c"});
    socket.say(&message.to_string()).await;
    socket.json().await
}

/// The same by a request of its own.
pub(super) async fn post_confirm(gate: &Gate, key: (&str, &str), query: &str, id: &str) -> Answer {
    let message = json!({"type": "confirm", "id": id}).to_string();
    let target = format!("/v1/messages{query}");
    gate.request("POST", &target, &[key], &message).await
}

/// Who has confirmed, and whether that was all.
pub(super) fn confirmed(answer: &Value) -> (Vec<&str>, bool) {
    let who = answer["confirmed"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let who = who.iter().map(|one| one["principal"].as_str().unwrap());
    (who.collect(), answer["complete"].as_bool().unwrap())
}
