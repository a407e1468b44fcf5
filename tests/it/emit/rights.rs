//! Who may emit what, how large, and how often.

use serde_json::json;

use super::{answer, emit, post};
use crate::support::Gate;

const SOME: &str = "emit = [\"checkin:*\", \"note:add\"]\n";

#[tokio::test]
async fn a_role_emits_what_it_is_given_and_nothing_else() {
    let gate = Gate::open("", SOME).await;
    let mut socket = gate.websocket().await;
    for (event, code) in [
        ("checkin:start", "unhandled"),
        ("note:add", "unhandled"),
        ("note:remove", "forbidden"),
        ("checkin", "forbidden"),
    ] {
        let told = answer(&mut socket, &emit(1, event)).await;
        assert_eq!((&told["ref"], &told["code"]), (&json!(1), &json!(code)));
        let posted = post(&gate, "/v1/messages", &emit(1, event)).await;
        let status = if code == "unhandled" { 404 } else { 403 };
        assert_eq!((posted.status(), &*posted.code()), (status, code));
    }
}

#[tokio::test]
async fn a_role_that_is_given_nothing_emits_nothing() {
    let gate = Gate::open("", "").await;
    let told = answer(&mut gate.websocket().await, &emit(1, "a")).await;
    assert_eq!(told["code"], "forbidden");
}

#[tokio::test]
async fn what_is_emitted_is_no_larger_than_what_may_be_published() {
    let gate = Gate::open("", &format!("{SOME}limits = {{ event = \"100B\" }}\n")).await;
    let data = "x".repeat(101);
    let message = json!({"type": "emit", "ref": 1, "event": "note:add", "data": data}).to_string();
    let told = answer(&mut gate.websocket().await, &message).await;
    assert_eq!(
        (&told["code"], &told["limit"]),
        (&json!("too_large"), &json!("event"))
    );
    let posted = post(&gate, "/v1/messages", &message).await;
    assert_eq!(posted.status(), 413);
}

#[tokio::test]
async fn a_room_that_is_named_is_one_that_the_client_may_use() {
    let gate = Gate::open("", SOME).await;
    let mut socket = gate.websocket().await;
    let about = |room| json!({"type": "emit", "ref": 1, "event": "note:add", "room": room});
    let told = answer(&mut socket, &about("user:ann").to_string()).await;
    assert_eq!(
        (&told["code"], &told["room"]),
        (&json!("forbidden"), &json!("user:ann"))
    );
    let told = answer(&mut socket, &about("lobby").to_string()).await;
    assert_eq!(told["code"], "unhandled");
}

#[tokio::test]
async fn emits_are_limited_by_their_type_and_by_their_name_on_a_stream_and_without() {
    let rates = "limits.events = { emit = \"3/min\", \"note:add\" = \"2/min\" }\n";
    let gate = Gate::open("", &format!("{SOME}{rates}")).await;
    let mut socket = gate.websocket().await;
    for (event, code) in [
        ("note:add", "unhandled"),
        ("note:add", "unhandled"),
        ("note:add", "rate_limited"),
        ("checkin:a", "rate_limited"),
    ] {
        let told = answer(&mut socket, &emit(1, event)).await;
        assert_eq!(told["code"], code, "{event}");
        let posted = post(&gate, "/v1/messages", &emit(1, event)).await;
        assert_eq!(posted.code(), code, "{event}");
    }
}
