//! A backend that takes its time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::backend::{Backend, Does};
use super::{emit, gate, post};
use crate::support::websocket::{Message, PING, frame};
use crate::support::{Gate, KEY};

const MESSAGES: &str = "/v1/messages";

#[tokio::test]
async fn a_stream_has_one_message_at_the_backend_and_its_answers_come_in_order() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), r#"{"ack": 1}"#.into())).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    for reference in 1..=3 {
        socket.say(&emit(reference, "a")).await;
    }
    socket.say(r#"{"type":"ping","ref":4}"#).await;
    backend.was_asked(1).await;
    // Others are answered meanwhile, and it is given what is published.
    let told = post(&gate, "/v1/rooms/r/events", r#"{"event":"e"}"#).await;
    assert_eq!(told.status(), 202);
    assert_eq!(socket.json().await["event"], "e");
    assert_eq!(backend.asked().len(), 1);
    for reference in 1..=3 {
        held.add_permits(1);
        assert_eq!(socket.json().await["ref"], reference);
    }
    assert_eq!(socket.json().await["ref"], 4);
    let order: Vec<_> = backend
        .asked()
        .iter()
        .map(|asked| asked.json()["data"]["n"].clone())
        .collect();
    assert_eq!(order, [json!(1), json!(2), json!(3)]);
    assert_eq!(backend.most_under_way(), 1);
}

#[tokio::test]
async fn streams_wait_for_themselves_alone() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate(&backend, "").await;
    let (mut one, mut other) = (gate.websocket().await, gate.websocket().await);
    one.say(&emit(1, "a")).await;
    other.say(&emit(2, "a")).await;
    backend.was_asked(2).await;
    held.add_permits(2);
    assert_eq!(one.json().await["ref"], 1);
    assert_eq!(other.json().await["ref"], 2);
}

#[tokio::test]
async fn one_principal_has_few_messages_without_a_stream_at_the_backend() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate(&backend, "").await;
    let message = emit(1, "a");
    let asking = futures_util::future::join_all((0..16).map(|_| post(&gate, MESSAGES, &message)));
    let more = async {
        backend.was_asked(16).await;
        let refused = post(&gate, MESSAGES, &message).await;
        assert_eq!((refused.status(), &*refused.code()), (429, "rate_limited"));
        let told = refused.json();
        assert_eq!(told["limit"], "emits");
        assert!(told["retry_after_ms"].as_u64() > Some(0), "{told}");
        // A stream has a place of its own.
        let mut socket = gate.websocket().await;
        socket.say(&emit(2, "a")).await;
        backend.was_asked(17).await;
        held.add_permits(17);
        assert_eq!(socket.json().await["ref"], 2);
    };
    let (answers, ()) = Box::pin(async { tokio::join!(asking, more) }).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    held.add_permits(1);
    assert_eq!(post(&gate, MESSAGES, &message).await.status(), 200);
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_answered_for_when_its_time_is_over() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let gate = gate(&backend, "timeout = \"5s\"\n").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    backend.was_asked(1).await;
    gate.hand.advance(Duration::from_secs(5));
    let told = socket.json().await;
    assert_eq!(
        (&told["ref"], &told["code"]),
        (&json!(1), &json!("hook_failed"))
    );
}

#[tokio::test]
async fn who_waits_for_the_backend_is_not_taken_for_silent_and_its_pings_are_answered_then() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let more = format!(
        "emit = [\"*\"]\n{}[server]\nheartbeat = \"1s\"\nsilence = \"4s\"\n",
        super::hook(&backend, "timeout = \"30s\"\n")
    );
    let gate = Gate::open("", &more).await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    socket.socket.send(frame(0x80 | PING, true, b"?")).await;
    backend.was_asked(1).await;
    for _ in 0..20 {
        gate.hand.advance(Duration::from_secs(1));
        // Each second has been seen once its heartbeat comes.
        while socket.json().await["type"] != "heartbeat" {}
    }
    held.add_permits(1);
    assert_eq!(socket.json().await, json!({"type": "ack", "ref": 1}));
    loop {
        match socket.next().await {
            Some(Message::Pong(payload)) => break assert_eq!(payload, b"?"),
            Some(Message::Ping(_) | Message::Text(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_is_missed_by_nobody() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    backend.was_asked(1).await;
    let seen = gate.request("GET", "/v1/admin/streams", &[KEY], "").await;
    assert_eq!(seen.json()["streams"].as_array().map(Vec::len), Some(1));
    gate.request("POST", "/v1/admin/disconnect", &[KEY], r#"{"room":"r"}"#)
        .await;
    assert_eq!(socket.closed().await.0, Some(3504));
}
