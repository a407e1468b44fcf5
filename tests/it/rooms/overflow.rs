//! Readers that fall out of what a room keeps.

use serde_json::json;

use crate::support::http::request;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

/// Publishes far more than the kernel's buffers and the room hold.
async fn flood(gate: &Gate) {
    let mut socket = gate.connect().await;
    let event = json!({"room": "r", "event": "e", "data": "x".repeat(50_000)});
    let body = json!({"events": vec![event; 18]}).to_string();
    for _ in 0..25 {
        socket
            .send(request("POST", "/v1/publish", &[KEY], &body))
            .await;
        assert_eq!(socket.answer("POST").await.status(), 202);
    }
}

async fn stalled(overflow: &str) -> (Gate, WebSocket) {
    let room = format!("[rooms.\"r\"]\noverflow = \"{overflow}\"\nhistory = {{ events = 20 }}\n");
    let gate = Gate::open("", &room).await;
    let socket = gate.websocket().await;
    flood(&gate).await;
    (gate, socket)
}

#[tokio::test]
async fn by_default_it_is_told_the_gap_and_goes_on() {
    let (_gate, mut socket) = stalled("gap").await;
    loop {
        let message = socket.json().await;
        if message["type"] == "gap" {
            assert_eq!(message["reason"], "evicted");
            assert_eq!(socket.json().await["event"], "e");
            return;
        }
    }
}

#[tokio::test]
async fn where_the_room_says_so_it_is_ended_and_told_what_is_missing_when_it_is_back() {
    let (gate, mut socket) = stalled("disconnect").await;
    let mut last = String::new();
    let error = loop {
        let message = socket.json().await;
        match message["id"].as_str() {
            Some(id) => id.clone_into(&mut last),
            None => break message,
        }
    };
    assert_eq!(
        (&error["code"], &error["room"]),
        (&json!("slow"), &json!("r"))
    );
    assert_eq!(socket.closed().await.0, Some(3005));
    let target = format!("/v1/stream?room=r&since={last}");
    let mut socket = WebSocket::upgrade(gate.connect().await, &target, &[KEY])
        .await
        .unwrap();
    assert_eq!(socket.json().await["recovered"], false);
    assert_eq!(socket.json().await["type"], "gap");
    assert_eq!(socket.json().await["event"], "e");
}
