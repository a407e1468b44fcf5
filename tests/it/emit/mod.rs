//! What clients tell the backend: who may, what of it is published instead, and what the backend says to the rest.

mod deeds;
mod hooked;
mod mapped;
mod rights;
mod stopping;
mod waiting;

use serde_json::{Value, json};

use crate::hooks::backend::{self, Backend};
use crate::support::http::Answer;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

/// What requests are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The table of the `message` hook.
fn hook(backend: &Backend, more: &str) -> String {
    let url = backend.url();
    format!("[hooks.message]\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n{more}")
}

/// A gateway whose [`KEY`] may emit everything, and whose backend this is.
async fn gate(backend: &Backend, more: &str) -> Gate {
    Gate::open("", &format!("emit = [\"*\"]\n{}", hook(backend, more))).await
}

/// The message that emits `event`.
fn emit(reference: u32, event: &str) -> String {
    json!({"type": "emit", "ref": reference, "event": event, "data": {"n": reference}}).to_string()
}

async fn post(gate: &Gate, target: &str, message: &str) -> Answer {
    gate.request("POST", target, &[KEY], message).await
}

/// The answer to a message, and nothing else comes before it.
async fn answer(socket: &mut WebSocket, message: &str) -> Value {
    socket.say(message).await;
    socket.json().await
}

/// The events that a room holds: their names and payloads.
async fn held(gate: &Gate, room: &str) -> Vec<Value> {
    let target = format!("/v1/rooms/{room}/events");
    let held = gate.request("GET", &target, &[KEY], "").await.json();
    held["events"].as_array().unwrap().clone()
}
