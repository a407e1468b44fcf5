//! A gateway that stops while the backend is asked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::backend::{Backend, Does};
use super::{emit, gate};

#[tokio::test]
async fn what_the_backend_says_in_time_is_told_before_the_stream_ends() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), r#"{"ack": 1}"#.into())).await;
    let mut gate = gate(&backend, "timeout = \"30s\"\n").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    backend.was_asked(1).await;
    let stopping = gate.begin_stop().await;
    // Beyond the time that its turn to leave comes in.
    gate.hand.advance(Duration::from_millis(1500));
    held.add_permits(1);
    assert_eq!(
        socket.json().await,
        json!({"type": "ack", "ref": 1, "data": 1})
    );
    let bye = gate.hasten(Duration::from_millis(100), socket.json()).await;
    assert_eq!(bye["type"], "bye");
    assert_eq!(socket.closed().await.0, Some(3001));
    drop(socket);
    let late = gate.hasten(Duration::from_millis(100), stopping).await;
    assert_eq!(late.unwrap(), []);
}

#[tokio::test]
async fn a_backend_that_takes_longer_does_not_hold_it_up() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let mut gate = gate(&backend, "timeout = \"30s\"\n").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    backend.was_asked(1).await;
    let stopping = gate.begin_stop().await;
    let bye = gate.hasten(Duration::from_millis(100), socket.json()).await;
    assert_eq!(bye["type"], "bye");
    assert_eq!(socket.closed().await.0, Some(3001));
    drop(socket);
    let late = gate.hasten(Duration::from_millis(100), stopping).await;
    assert_eq!(late.unwrap(), []);
}
