//! The `subscribe` hook lets into rooms.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::backend::{Backend, Does, refuses, says};
use super::{KEY, cursor, event_source, gate, hook, no, publish, told, websocket};
use crate::support::Gate;

const TABS: &str = "rooms = [\"tab:*\"]\n";

fn subscribe(reference: u32, room: &str) -> String {
    json!({"type": "subscribe", "ref": reference, "room": room}).to_string()
}

#[tokio::test]
async fn each_room_that_it_is_for_is_asked_about_and_a_no_names_it() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, TABS).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r&room=tab:1&room=tab:2", &[KEY]).await;
    let welcome = socket.json().await;
    assert_eq!(welcome["rooms"], json!(["r", "tab:1", "tab:2"]));
    let asked = backend.was_asked(2).await;
    let mut rooms: Vec<_> = asked.iter().map(|one| one.json()["room"].clone()).collect();
    rooms.sort_by_key(ToString::to_string);
    assert_eq!(rooms, [json!("tab:1"), json!("tab:2")]);
    assert_eq!(asked[0].json()["stream"], welcome["stream"]);
    backend.does(no());
    let mut socket = websocket(&gate, "/v1/stream?room=r&room=tab:3", &[KEY]).await;
    assert_eq!(
        socket.json().await,
        json!({"type": "error", "code": "refused", "message": "no table is free", "room": "tab:3", "reason": "full"})
    );
    assert_eq!(socket.closed().await.0, Some(3501));
}

#[tokio::test]
async fn who_comes_back_goes_on_without_the_rooms_that_it_is_refused_now() {
    let backend = Backend::start(no()).await;
    let gate = gate("subscribe", &backend, TABS).await;
    let since = cursor(&gate).await;
    let target = format!("/v1/stream?room=r&room=tab:1&since={since}");
    let (_, mut body) = event_source(&gate, &target).await;
    assert_eq!(told(&mut body, "welcome").await["rooms"], json!(["r"]));
    assert_eq!(
        told(&mut body, "gap").await,
        json!({"type": "gap", "room": "tab:1", "reason": "unauthorized"})
    );
    let target = format!("/v1/stream?room=tab:1&since={since}");
    assert_eq!(event_source(&gate, &target).await.0.status, 403);
}

#[tokio::test]
async fn who_comes_back_while_the_backend_fails_loses_no_room_but_comes_again() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let gate = gate("subscribe", &backend, TABS).await;
    let since = cursor(&gate).await;
    let target = format!("/v1/stream?room=r&room=tab:1&since={since}");
    let (head, mut body) = event_source(&gate, &target).await;
    assert_eq!(head.status, 200);
    assert_eq!(told(&mut body, "problem").await["code"], "hook_failed");
}

#[tokio::test]
async fn a_live_stream_is_asked_about_before_it_joins() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate("subscribe", &backend, TABS).await;
    let mut socket = gate.websocket().await;
    socket.say(&subscribe(1, "tab:1")).await;
    backend.was_asked(1).await;
    publish(&gate, "tab:1", "before").await;
    publish(&gate, "r", "meanwhile").await;
    assert_eq!(socket.json().await["event"], "meanwhile");
    held.add_permits(1);
    assert_eq!(
        socket.json().await,
        json!({"type": "ack", "ref": 1, "room": "tab:1"})
    );
    publish(&gate, "tab:1", "after").await;
    assert_eq!(socket.json().await["event"], "after");
    backend.does(no());
    socket.say(&subscribe(2, "tab:2")).await;
    let error = socket.json().await;
    assert_eq!(
        (&error["ref"], &error["code"], &error["room"]),
        (&json!(2), &json!("refused"), &json!("tab:2"))
    );
    socket.say(&subscribe(3, "other")).await;
    assert_eq!(socket.json().await["type"], "ack");
    assert_eq!(backend.asked().len(), 2);
}

#[tokio::test]
async fn a_join_by_another_request_is_asked_about_too() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, TABS).await;
    publish(&gate, "tab:1", "past").await;
    let (_, mut body) = event_source(&gate, "/v1/stream?room=r").await;
    let stream = told(&mut body, "welcome").await["stream"].clone();
    let target = format!("/v1/messages?stream={}", stream.as_str().unwrap());
    let since = json!({"type": "subscribe", "ref": 1, "room": "tab:1", "since": "earliest"});
    let answer = gate
        .request("POST", &target, &[KEY], &since.to_string())
        .await
        .json();
    assert_eq!(answer["events"][0]["event"], "past", "{answer}");
    assert_eq!(backend.was_asked(1).await[0].json()["stream"], stream);
    backend.does(no());
    let answer = gate
        .request("POST", &target, &[KEY], &subscribe(2, "tab:2"))
        .await;
    assert_eq!((answer.status(), &*answer.code()), (403, "refused"));
}

#[tokio::test]
async fn a_long_past_is_asked_about_once() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, TABS).await;
    for _ in 0..6 {
        let event = json!({"room": "tab:1", "event": "e"});
        let body = json!({"events": vec![event; 100]}).to_string();
        gate.request("POST", "/v1/publish", &[KEY], &body).await;
    }
    let mut socket = gate.websocket().await;
    let since = json!({"type": "subscribe", "ref": 1, "room": "tab:1", "since": "earliest"});
    socket.say(&since.to_string()).await;
    let mut past = 0;
    loop {
        let told = socket.json().await;
        match told["events"].as_array() {
            Some(events) => past += events.len(),
            None => break assert_eq!(told["type"], "ack"),
        }
    }
    assert_eq!((past, backend.asked().len()), (600, 1));
}

#[tokio::test]
async fn a_yes_holds_for_half_a_minute_for_the_same_credential_and_not_beyond_a_new_hook() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, TABS).await;
    for _ in 0..3 {
        let mut socket = websocket(&gate, "/v1/stream?room=tab:1", &[KEY]).await;
        assert_eq!(socket.json().await["type"], "welcome");
    }
    assert_eq!(backend.asked().len(), 1);
    gate.hand.advance(Duration::from_secs(30));
    websocket(&gate, "/v1/stream?room=tab:1", &[KEY]).await;
    backend.was_asked(2).await;
    let toml = gate.toml().replace("tab:*", "tab*");
    gate.reload(&toml).await.unwrap();
    websocket(&gate, "/v1/stream?room=tab:1", &[KEY]).await;
    backend.was_asked(3).await;
}

#[tokio::test]
async fn a_yes_for_want_of_an_answer_holds_for_nobody() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let open = format!("{TABS}on_failure = \"open\"\n");
    let gate = gate("subscribe", &backend, &open).await;
    let mut socket = websocket(&gate, "/v1/stream?room=tab:1", &[KEY]).await;
    assert_eq!(socket.json().await["type"], "welcome");
    backend.does(no());
    let mut socket = websocket(&gate, "/v1/stream?room=tab:1", &[KEY]).await;
    assert_eq!(socket.json().await["code"], "refused");
    assert_eq!(backend.asked().len(), 2);
}

#[tokio::test]
async fn a_room_that_the_backend_itself_adds_is_not_asked_about() {
    let connect = Backend::start(says(r#"{"rooms": ["tab:1"]}"#)).await;
    let subscribe = Backend::start(no()).await;
    let hooks = [
        hook("connect", &connect, ""),
        hook("subscribe", &subscribe, TABS),
    ];
    let gate = Gate::open("", &hooks.concat()).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    assert_eq!(socket.json().await["rooms"], json!(["r", "tab:1"]));
    assert!(subscribe.asked().is_empty());
}
