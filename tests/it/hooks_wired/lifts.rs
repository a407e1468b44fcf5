//! Rooms and rights that come or go while a stream lasts: a renewal, a reload, and what is taken back while the backend
//! thinks.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::backend::{Backend, Does, says};
use super::{KEY, cursor, hook, no, publish, websocket};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const TV: (&str, &str) = ("x-api-key", "the-key-of-a-television");
const TABS: &str = "rooms = [\"tab:*\"]\n";
const BOTH: &str = "rooms = [\"lobby\", \"tab:7\"]\n";
const ONE: &str = "rooms = [\"lobby\"]\n";

/// A gateway whose televisions get these rooms if they name none, and whose `subscribe` hook lets into tabs.
async fn venue(backend: &Backend, rooms: &str) -> Gate {
    let tv = api_key("tv", TV.1, "tv");
    let role = format!("[roles.tv]\n{rooms}subscribe = [\"*\"]\n");
    Gate::open(
        "",
        &format!("{tv}{role}{}", hook("subscribe", backend, TABS)),
    )
    .await
}

/// What a renewal is answered with, up to its `ack`.
async fn renew(socket: &mut WebSocket) -> Vec<Value> {
    let auth = json!({"type": "auth", "ref": 1, "token": TV.1});
    socket.say(&auth.to_string()).await;
    let mut told = Vec::new();
    loop {
        told.push(socket.json().await);
        assert_ne!(told.last().unwrap()["type"], "error", "{told:?}");
        // A welcome may come on either side of the ack.
        if told.iter().any(|one| one["type"] == "ack")
            && told.iter().any(|one| one["type"] == "welcome")
        {
            return told;
        }
    }
}

fn rooms(told: &[Value]) -> &Value {
    let welcome = told.iter().find(|one| one["type"] == "welcome");
    &welcome.unwrap()["rooms"]
}

/// What is published to a tab does not reach it, and what is published to the lobby does.
async fn reads_the_lobby_alone(gate: &Gate, socket: &mut WebSocket) {
    publish(gate, "tab:7", "secret").await;
    publish(gate, "lobby", "public").await;
    loop {
        let told = socket.json().await;
        assert_ne!(told["event"], "secret");
        if told["event"] == "public" {
            return;
        }
    }
}

/// A television that came back and was refused the tab.
async fn barred(gate: &Gate) -> WebSocket {
    let since = cursor(gate).await;
    let mut socket = websocket(gate, &format!("/v1/stream?since={since}"), &[TV]).await;
    assert_eq!(socket.json().await["rooms"], json!(["lobby"]));
    let gap = socket.json().await;
    assert_eq!(
        (&gap["room"], &gap["reason"]),
        (&json!("tab:7"), &json!("unauthorized"))
    );
    socket
}

#[tokio::test]
async fn a_room_that_was_refused_is_not_got_by_showing_the_same_credential_again() {
    let backend = Backend::start(no()).await;
    let gate = venue(&backend, BOTH).await;
    let mut socket = barred(&gate).await;
    let told = renew(&mut socket).await;
    assert_eq!(rooms(&told), &json!(["lobby"]));
    assert_eq!(backend.asked().len(), 2, "it is asked about again");
    reads_the_lobby_alone(&gate, &mut socket).await;
}

#[tokio::test]
async fn a_room_that_was_refused_is_not_got_by_a_reload() {
    let backend = Backend::start(no()).await;
    let gate = venue(&backend, BOTH).await;
    let mut socket = barred(&gate).await;
    let toml = gate
        .toml()
        .replace(BOTH, &format!("{BOTH}emit = [\"seen\"]\n"));
    gate.reload(&toml).await.unwrap();
    reads_the_lobby_alone(&gate, &mut socket).await;
    assert_eq!(backend.asked().len(), 1);
}

#[tokio::test]
async fn rooms_that_a_role_gets_are_joined_by_a_renewal_once_the_backend_has_said_yes() {
    let backend = Backend::start(says("{}")).await;
    let gate = venue(&backend, ONE).await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    assert_eq!(socket.json().await["rooms"], json!(["lobby"]));
    let toml = gate.toml().replace(ONE, BOTH);
    gate.reload(&toml).await.unwrap();
    reads_the_lobby_alone(&gate, &mut socket).await;
    assert!(backend.asked().is_empty(), "a reload asks nobody");
    let told = renew(&mut socket).await;
    assert_eq!(rooms(&told), &json!(["lobby", "tab:7"]));
    assert_eq!(backend.asked().len(), 1);
    assert_eq!(backend.asked()[0].json()["room"], "tab:7");
    publish(&gate, "tab:7", "e").await;
    while socket.json().await["event"] != "e" {}
}

#[tokio::test]
async fn rooms_that_a_role_gets_are_not_joined_by_a_renewal_without_an_answer() {
    let backend = Backend::start(super::backend::refuses("500 Internal Server Error")).await;
    let gate = venue(&backend, ONE).await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    socket.json().await;
    let toml = gate.toml().replace(ONE, BOTH);
    gate.reload(&toml).await.unwrap();
    let told = renew(&mut socket).await;
    assert_eq!(rooms(&told), &json!(["lobby"]));
    assert_eq!(backend.asked().len(), 1);
    reads_the_lobby_alone(&gate, &mut socket).await;
}

/// A guest that says who it is, while the backend is asked about it and does not answer yet. It names no room, and so
/// gets those of its role.
async fn guest(gate: &Gate, backend: &Backend) -> WebSocket {
    let mut socket = websocket(gate, "/v1/stream", &[]).await;
    assert_eq!(socket.json().await["rooms"], json!(["r"]));
    let auth = json!({"type": "auth", "ref": 1, "token": TV.1});
    socket.say(&auth.to_string()).await;
    backend.was_asked(1).await;
    socket
}

/// A gateway with guests, of whom the backend takes long to say whether they may read tabs.
async fn with_guests(held: &Arc<Semaphore>) -> (Gate, Backend) {
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let tv = api_key("tv", TV.1, "tv");
    let roles = format!(
        "[roles.tv]\n{BOTH}subscribe = [\"*\"]\n[roles.guest]\nrooms = [\"r\"]\nsubscribe = [\"r\"]\n"
    );
    let hook = hook("subscribe", &backend, TABS);
    let gate = Gate::open(
        "auth.anonymous = \"guest\"\n",
        &format!("{tv}{roles}{hook}"),
    )
    .await;
    (gate, backend)
}

#[tokio::test]
async fn a_credential_that_is_revoked_while_the_backend_thinks_is_worth_nothing() {
    let held = Arc::new(Semaphore::new(0));
    let (gate, backend) = with_guests(&held).await;
    let mut socket = guest(&gate, &backend).await;
    let revoked = gate
        .request("POST", "/v1/admin/revoke", &[KEY], r#"{"key": "tv"}"#)
        .await;
    assert_eq!(revoked.status(), 202);
    held.add_permits(1);
    let told = socket.json().await;
    assert_eq!(told["code"], "revoked", "{told}");
}

#[tokio::test]
async fn rights_that_go_while_the_backend_thinks_are_gone_and_rooms_that_come_are_not_joined() {
    let held = Arc::new(Semaphore::new(0));
    let (gate, backend) = with_guests(&held).await;
    let mut socket = guest(&gate, &backend).await;
    let toml = gate.toml().replace(
        &format!("{BOTH}subscribe = [\"*\"]"),
        "rooms = [\"lobby\", \"tab:8\"]\nsubscribe = [\"lobby\", \"r\", \"tab:8\"]",
    );
    gate.reload(&toml).await.unwrap();
    held.add_permits(2);
    let told = socket.json().await;
    assert_eq!(told["rooms"], json!(["r", "lobby"]), "{told}");
    assert_eq!(backend.asked().len(), 1);
}
