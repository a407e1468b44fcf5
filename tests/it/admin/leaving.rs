//! Streams that operators end: at once and for good, or to come back.

use std::time::Duration;

use super::{KEY, TV, ask, code, data, gate, publish, sse, websocket};
use crate::support::http::Next;

#[tokio::test]
async fn who_is_disconnected_is_told_and_stays_away_and_the_others_go_on() {
    let gate = gate().await;
    let (mut socket, _) = websocket(&gate, TV).await;
    let (mut body, _) = sse(&gate, TV).await;
    let (mut other, _) = websocket(&gate, KEY).await;
    let answer = ask(&gate, "disconnect", r#"{"principal":"tv"}"#).await;
    assert_eq!(answer.json()["streams"], 2, "{}", answer.text());
    let told = socket.json().await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&"error".into(), &"disconnected".into())
    );
    assert_eq!(socket.closed().await.0, Some(3504));
    assert_eq!(data(&body.event("problem").await)["code"], "disconnected");
    assert_eq!(body.end().await, Next::Clean);
    publish(&gate, "r").await;
    assert_eq!(other.json().await["event"], "e");
}

#[tokio::test]
async fn one_stream_is_ended_by_its_name() {
    let gate = gate().await;
    let (mut socket, name) = websocket(&gate, TV).await;
    let (mut other, _) = websocket(&gate, TV).await;
    let target = format!("/v1/admin/streams/{name}");
    let answer = gate.request("DELETE", &target, &[KEY], "").await;
    assert_eq!(answer.status(), 204);
    socket.json().await;
    assert_eq!(socket.closed().await.0, Some(3504));
    let again = gate.request("DELETE", &target, &[KEY], "").await;
    assert_eq!(code(&again), (404, "unknown_stream".into()));
    publish(&gate, "r").await;
    assert_eq!(other.json().await["event"], "e");
}

#[tokio::test]
async fn a_role_and_a_room_are_drained_within_their_window_and_come_back() {
    for order in [
        r#"{"role":"viewer","window_ms":8000}"#,
        r#"{"room":"r","window_ms":8000}"#,
    ] {
        let gate = gate().await;
        let (mut socket, _) = websocket(&gate, TV).await;
        let (mut body, _) = sse(&gate, TV).await;
        let answer = ask(&gate, "drain", order).await;
        assert_eq!(answer.json()["streams"], 2, "{}", answer.text());
        gate.hand.advance(Duration::from_secs(9));
        let told = loop {
            let told = socket.json().await;
            if told["type"] != "heartbeat" {
                break told;
            }
        };
        assert_eq!(
            (&told["type"], &told["code"]),
            (&"bye".into(), &"draining".into())
        );
        assert_eq!(told["reconnect"], true);
        assert_eq!(socket.closed().await.0, Some(3001));
        assert_eq!(data(&body.event("bye").await)["reconnect"], true);
        let end = gate.hasten(Duration::from_millis(100), body.end()).await;
        assert_eq!(end, Next::Cut);
        let (mut back, _) = websocket(&gate, TV).await;
        publish(&gate, "r").await;
        assert_eq!(back.json().await["event"], "e");
    }
}

#[tokio::test]
async fn a_drain_of_the_node_asks_whoever_runs_it_to_stop() {
    let gate = gate().await;
    let answer = ask(&gate, "drain", r#"{"node":true}"#).await;
    assert_eq!(answer.status(), 202);
    gate.gateway().asked_to_stop().await;
}

#[tokio::test]
async fn an_order_that_names_nobody_or_too_much_is_refused() {
    let gate = gate().await;
    for (path, body, expected) in [
        ("disconnect", "{}", "bad_request"),
        ("disconnect", r#"{"who":"tv"}"#, "bad_request"),
        ("disconnect", r#"{"stream":"x"}"#, "bad_request"),
        ("disconnect", r#"{"room":"a::b"}"#, "invalid_room"),
        ("disconnect", r#"{"transport":"pigeon"}"#, "bad_request"),
        ("disconnect", r#"{"dialect":"esperanto"}"#, "bad_request"),
        ("disconnect", "{", "invalid_json"),
        ("drain", "{}", "bad_request"),
        ("drain", r#"{"node":true,"role":"viewer"}"#, "bad_request"),
        ("drain", r#"{"role":"viewer","room":"r"}"#, "bad_request"),
    ] {
        let answer = ask(&gate, path, body).await;
        assert_eq!(code(&answer), (400, expected.into()), "{path} {body}");
    }
}
