//! What operators see and do.

mod explaining;
mod leaving;
mod looking;
mod reloading;
mod revoking;

use serde_json::Value;

use crate::support::http::{self, Answer, Body};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key};

/// A viewer's key, beside [`KEY`], who is the operator.
pub(super) const TV: (&str, &str) = ("x-api-key", "the-key-of-a-viewer-tv");
pub(super) const EVENT_STREAM: (&str, &str) = ("accept", "text/event-stream");
pub(super) const SECRET: &str = "the-secret-of-the-operators-tests-32-bytes";

/// Its configuration without the operator.
pub(super) fn viewers() -> String {
    let tv = api_key("tv", TV.1, "viewer");
    let jwt =
        format!("[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\nleeway = \"0s\"\n");
    format!("{tv}{jwt}")
}

pub(super) const VIEWER: &str =
    "[roles.viewer]\nsubscribe = [\"r\", \"s\"]\nrooms = [\"r\"]\npublish = [\"r\"]\n";

pub(super) async fn gate() -> Gate {
    Gate::open(&viewers(), VIEWER).await
}

/// A token of this subject, for another hour.
pub(super) fn token(gate: &Gate, subject: &str, id: Option<&str>) -> String {
    use gatecast::auth::jwt::{Algorithm, sign};
    use gatecast::model::secret::Secret;
    let now = gate.clock().unix().0 / 1000;
    let mut claims = serde_json::json!({
        "sub": subject, "role": "viewer", "iat": now, "exp": now + 3600,
    });
    if let Some(id) = id {
        claims["jti"] = id.into();
    }
    sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap()
}

pub(super) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// An event stream in the room `r`, welcomed; and its name.
pub(super) async fn sse(gate: &Gate, key: (&str, &str)) -> (Body, String) {
    let mut socket = gate.connect().await;
    let request = http::request("GET", "/v1/stream?room=r", &[EVENT_STREAM, key], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = data(&body.event("welcome").await);
    let stream = welcome["stream"].as_str().unwrap().to_owned();
    (body, stream)
}

/// A WebSocket in the room `r`, welcomed; and its name.
pub(super) async fn websocket(gate: &Gate, key: (&str, &str)) -> (WebSocket, String) {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream?room=r", &[key])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    let welcome = socket.json().await;
    let stream = welcome["stream"].as_str().unwrap().to_owned();
    (socket, stream)
}

/// The data of an event.
pub(super) fn data(block: &str) -> Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

pub(super) async fn ask(gate: &Gate, path: &str, body: &str) -> Answer {
    gate.request("POST", &format!("/v1/admin/{path}"), &[KEY], body)
        .await
}

pub(super) async fn publish(gate: &Gate, room: &str) -> Value {
    let target = format!("/v1/rooms/{room}/events");
    let answer = gate
        .request("POST", &target, &[KEY], r#"{"event":"e","data":1}"#)
        .await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()
}

/// The code of a refusal.
pub(super) fn code(answer: &Answer) -> (u16, String) {
    let code = answer.json()["code"].as_str().unwrap().to_owned();
    (answer.status(), code)
}
