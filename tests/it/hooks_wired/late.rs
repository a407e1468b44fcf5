//! A WebSocket that says later who it is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::backend::{Backend, Does, says};
use super::{KEY, gate, hook, no, websocket};
use crate::support::Gate;

fn auth() -> String {
    json!({"type": "auth", "ref": 1, "token": KEY.1}).to_string()
}

#[tokio::test]
async fn it_is_asked_about_when_it_has_said_so() {
    let backend = Backend::start(says(
        r#"{"rooms": ["secret"], "first": [{"event": "hello"}]}"#,
    ))
    .await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[]).await;
    assert!(backend.asked().is_empty());
    socket.say(&auth()).await;
    let welcome = socket.json().await;
    assert_eq!(welcome["rooms"], json!(["r", "secret"]));
    assert_eq!(socket.json().await["event"], "hello");
    assert_eq!(socket.json().await, json!({"type": "ack", "ref": 1}));
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(
        (&asked["stream"], &asked["principal"]),
        (&welcome["stream"], &json!("a"))
    );
}

#[tokio::test]
async fn a_no_ends_it() {
    let backend = Backend::start(no()).await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[]).await;
    socket.say(&auth()).await;
    let error = socket.json().await;
    assert_eq!(
        (&error["ref"], &error["code"]),
        (&json!(1), &json!("refused"))
    );
    assert_eq!(socket.closed().await.0, Some(3501));
}

#[tokio::test]
async fn it_was_in_time_however_long_the_backend_takes() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate("connect", &backend, "timeout = \"30s\"\n").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[]).await;
    gate.hand.advance(Duration::from_secs(9));
    socket.say(&auth()).await;
    backend.was_asked(1).await;
    for _ in 0..15 {
        gate.hand.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    held.add_permits(1);
    assert_eq!(socket.json().await["type"], "welcome");
}

#[tokio::test]
async fn who_was_anonymous_is_asked_about_again_when_it_has_a_name() {
    let backend = Backend::start(says(r#"{"rooms": ["lobby"]}"#)).await;
    let guest = "[roles.guest]\nsubscribe = [\"r\"]\n";
    let hook = hook("connect", &backend, "");
    let anonymous = "auth.anonymous = \"guest\"\n";
    let gate = Gate::open(anonymous, &format!("{guest}{hook}")).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[]).await;
    assert_eq!(socket.json().await["rooms"], json!(["r", "lobby"]));
    backend.does(says(r#"{"rooms": ["secret"], "first": [{"event": "hi"}]}"#));
    socket.say(&auth()).await;
    assert_eq!(
        socket.json().await["rooms"],
        json!(["r", "lobby", "secret"])
    );
    assert_eq!(socket.json().await["event"], "hi");
    assert_eq!(socket.json().await["type"], "ack");
    let asked = backend.was_asked(2).await;
    assert_eq!(asked[0].json()["stream"], asked[1].json()["stream"]);
    assert_eq!(asked[1].json()["principal"], "a");
    assert_eq!(asked[1].json()["rooms"], json!(["r", "lobby"]));
}
