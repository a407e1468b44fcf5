//! Events that are not for all who are in the room.

use serde_json::{Value, json};

use super::{data, event_source, head, poll, publish, refused, websocket};
use crate::support::{Gate, KEY, api_key};

/// A gateway with a second reader, `b`.
async fn gate() -> Gate {
    let key = api_key("b", "the-key-of-another-reader", "b");
    Gate::open("", &format!("{key}[roles.b]\nsubscribe = [\"*\"]\n")).await
}

fn not_for(except: Value) -> Value {
    json!({"event": "e", "data": "private", "except": except})
}

fn to_all(text: &str) -> Value {
    json!({"event": "e", "data": text})
}

#[tokio::test]
async fn a_stream_that_chose_the_origin_does_not_get_it_and_the_others_do() {
    let gate = gate().await;
    let mut own = websocket(&gate, "room=r&origin=tab-7").await;
    let mut own_stream = event_source(&gate, "room=r&origin=tab-7").await;
    let mut other = websocket(&gate, "room=r&origin=tab-8").await;
    let begin = head(&gate, "r").await;
    publish(&gate, "r", not_for(json!({"origin": "tab-7"}))).await;
    publish(&gate, "r", to_all("next")).await;
    assert_eq!(own.json().await["data"], "next");
    assert!(own_stream.event("e").await.contains("next"));
    assert_eq!(other.json().await["data"], "private");
    assert_eq!(other.json().await["data"], "next");
    let of = |answer: Value| data(answer["events"].as_array().unwrap());
    let query = format!("room=r&since={begin}&wait=0");
    let own = poll(&gate, &format!("{query}&origin=tab-7")).await;
    assert_eq!(of(own), [json!("next")]);
    let other = poll(&gate, &query).await;
    assert_eq!(of(other), [json!("private"), json!("next")]);
}

#[tokio::test]
async fn principals_that_are_named_do_not_get_it() {
    let gate = gate().await;
    let mut own = websocket(&gate, "room=r").await;
    let mut other = crate::support::websocket::WebSocket::upgrade(
        gate.connect().await,
        "/v1/stream?room=r",
        &[(KEY.0, "the-key-of-another-reader")],
    )
    .await
    .unwrap();
    other.json().await;
    publish(&gate, "r", not_for(json!({"principals": ["b", "c"]}))).await;
    publish(&gate, "r", to_all("next")).await;
    assert_eq!(own.json().await["data"], "private");
    assert_eq!(other.json().await["data"], "next");
}

#[tokio::test]
async fn a_poll_that_waits_is_not_answered_by_what_is_not_for_it() {
    let gate = gate().await;
    let begin = head(&gate, "r").await;
    let mut socket = gate.connect().await;
    let target = format!("/v1/stream?transport=long-poll&room=r&since={begin}&wait=50&origin=o");
    socket
        .send(crate::support::http::request("GET", &target, &[KEY], ""))
        .await;
    gate.polls_wait(1).await;
    publish(&gate, "r", not_for(json!({"origin": "o"}))).await;
    let id = publish(&gate, "r", to_all("next")).await;
    let answer = socket.answer("GET").await.json();
    assert_eq!(data(answer["events"].as_array().unwrap()), [json!("next")]);
    assert_eq!(answer["cursor"], json!(id));
}

#[tokio::test]
async fn the_past_of_a_room_that_is_joined_holds_nothing_of_it_either() {
    let gate = gate().await;
    publish(&gate, "later", not_for(json!({"origin": "o"}))).await;
    publish(&gate, "later", to_all("next")).await;
    let mut socket = websocket(&gate, "room=r&origin=o").await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"later","since":"earliest"}"#)
        .await;
    let past = socket.json().await;
    assert_eq!(data(past["events"].as_array().unwrap()), [json!("next")]);
}

#[tokio::test]
async fn a_state_is_for_all() {
    let gate = gate().await;
    let mut body = not_for(json!({"origin": "o"}));
    body["key"] = json!("k");
    body["retain"] = json!(true);
    let expected = (400, "bad_request".to_owned());
    assert_eq!(refused(&gate, "r", body).await, expected);
}
