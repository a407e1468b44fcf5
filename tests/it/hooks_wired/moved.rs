//! Rooms that a service gives and takes while the backend is asked about them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::backend::{Backend, Does, says};
use super::{KEY, hook, publish, websocket};
use crate::support::Gate;

async fn venue(backend: &Backend) -> Gate {
    let hook = hook("subscribe", backend, "rooms = [\"tab:*\"]\n");
    let gate = Gate::open("", &hook).await;
    let own = "[roles.a]\n";
    let toml = gate.toml().replace(own, "[roles.a]\nservice = true\n");
    gate.reload(&toml).await.unwrap();
    gate
}

async fn moved(gate: &Gate, how: &str, stream: &Value) {
    let message = json!({"type": how, "ref": 2, "room": "tab:7", "stream": stream}).to_string();
    let answer = gate.request("POST", "/v1/messages", &[KEY], &message).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

fn subscribe() -> String {
    json!({"type": "subscribe", "ref": 1, "room": "tab:7"}).to_string()
}

#[tokio::test]
async fn a_room_that_is_taken_while_its_client_asks_for_it_again_stays_taken() {
    let backend = Backend::start(says("{}")).await;
    let gate = venue(&backend).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r&room=tab:7", &[KEY]).await;
    let stream = socket.json().await["stream"].clone();
    gate.hand.advance(Duration::from_secs(30));
    assert_eq!(socket.json().await["type"], "heartbeat");
    let held = Arc::new(Semaphore::new(0));
    backend.does(Does::Holds(held.clone(), "{}".into()));
    socket.say(&subscribe()).await;
    backend.was_asked(2).await;
    moved(&gate, "leave", &stream).await;
    assert_eq!(socket.json().await["rooms"], json!(["r"]));
    held.add_permits(1);
    let told = socket.json().await;
    assert_eq!((&told["type"], &told["ref"]), (&json!("error"), &json!(1)));
    publish(&gate, "tab:7", "secret").await;
    publish(&gate, "r", "last").await;
    assert_eq!(socket.json().await["event"], "last");
}

#[tokio::test]
async fn a_room_that_is_given_again_meanwhile_is_had_by_both() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = venue(&backend).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    let stream = socket.json().await["stream"].clone();
    socket.say(&subscribe()).await;
    backend.was_asked(1).await;
    moved(&gate, "leave", &stream).await;
    moved(&gate, "join", &stream).await;
    assert_eq!(socket.json().await["rooms"], json!(["r", "tab:7"]));
    held.add_permits(1);
    let told = socket.json().await;
    assert_eq!((&told["type"], &told["ref"]), (&json!("ack"), &json!(1)));
    publish(&gate, "tab:7", "only").await;
    publish(&gate, "r", "last").await;
    assert_eq!(socket.json().await["event"], "only");
    assert_eq!(socket.json().await["event"], "last");
}
