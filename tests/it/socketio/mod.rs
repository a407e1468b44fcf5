//! Socket.IO from outside: sessions by polling and by WebSocket, packet by packet.

mod ends;
mod events;
mod heartbeats;
mod hooked;
mod http2;
mod namespaces;
mod recovery;
mod requests;
mod upgrades;

use serde_json::Value;

use crate::support::Gate;
use crate::support::socketio::{POLLING, Polling};
use crate::support::websocket::{Message, WebSocket};

/// A handshake by WebSocket.
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A client by WebSocket that has had its handshake.
async fn websocket(gate: &Gate) -> WebSocket {
    let mut socket = upgrade(gate, WEBSOCKET).await;
    assert!(socket.text().await.starts_with("0{"));
    socket
}

async fn upgrade(gate: &Gate, target: &str) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, target, &[])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"))
}

/// The next packet of Socket.IO; pings are answered.
async fn packet(socket: &mut WebSocket) -> String {
    loop {
        match socket.text().await {
            ping if ping == "2" => socket.say("3").await,
            packet => return packet,
        }
    }
}

/// A client by WebSocket that has joined the main namespace with this credential, and the answer to that.
async fn joined(gate: &Gate, auth: &str) -> (WebSocket, Value) {
    let mut socket = websocket(gate).await;
    socket.say(&format!("40{auth}")).await;
    let answer = packet(&mut socket).await;
    let told = answer.strip_prefix("40");
    let told = told.unwrap_or_else(|| panic!("not let in: {answer}"));
    (socket, serde_json::from_str(told).unwrap())
}

/// The close code and reason, past whatever comes before them.
async fn closed(socket: &mut WebSocket) -> (Option<u16>, String) {
    loop {
        match socket.next().await {
            Some(Message::Close(code, reason)) => return (code, reason),
            Some(Message::Text(_) | Message::Ping(_) | Message::Pong(_)) => {}
            None => panic!("the connection ended without a close frame"),
        }
    }
}

/// The credential of a gateway that is open, as a client joins with it.
fn auth() -> String {
    format!(r#"{{"apiKey":"{}"}}"#, crate::support::KEY.1)
}

async fn publish(gate: &Gate, room: &str, event: &str) -> String {
    let target = format!("/v1/rooms/{room}/events");
    let headers = [crate::support::KEY, ("Content-Type", "application/json")];
    let answer = gate.request("POST", &target, &headers, event).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap_or_default().to_owned()
}
