//! Keys that are replaced while streams are held that came with them.

use std::time::Duration;

use super::{Key, fetches, is, known, known_with, publish, stream_of, told};
use crate::support::http::request;
use crate::support::websocket::{Message, WebSocket};
use crate::support::{Gate, within};

/// So that a background fetch comes before the end of a WebSocket that says nothing.
const MINUTELY: &str = "jwks_refresh = \"1m\"";

pub(super) async fn websocket(gate: &Gate, token: &str) -> WebSocket {
    let target = format!("/v1/stream?room=open&access_token={token}");
    let socket = WebSocket::upgrade(gate.connect().await, &target, &[]).await;
    let mut socket = socket.ok().unwrap();
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

#[tokio::test]
async fn streams_end_whose_key_is_gone_and_the_others_miss_nothing() {
    let (old, kept, new) = (Key::new("1"), Key::new("2"), Key::new("3"));
    let (issuer, gate) = known_with(&[&old, &kept], MINUTELY).await;
    let mut leaving = websocket(&gate, &old.token("ann")).await;
    let mut staying = websocket(&gate, &kept.token("bob")).await;
    let mut streams = Vec::new();
    for key in [&old, &kept] {
        let mut socket = gate.connect().await;
        socket.send(stream_of(&key.token("cy"))).await;
        let (_, mut body) = socket.open_body("GET").await;
        body.event("welcome").await;
        streams.push(body);
    }
    publish(&gate, "before").await;
    issuer.publishes(&[&kept, &new]);
    gate.hand.advance(Duration::from_secs(60));
    fetches(&gate, "ok", 2).await;
    is(&told(&gate, &old.token("dee")).await, 401);
    publish(&gate, "after").await;

    let (mut seen, mut code) = (Vec::new(), None);
    while code.is_none() {
        match leaving.next().await.unwrap() {
            Message::Close(closing, _) => code = closing,
            Message::Text(text) => seen.push(text),
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    assert_eq!(code, Some(3500), "{seen:?}");
    let seen = seen.concat();
    assert!(
        seen.contains("before") && !seen.contains("\"after\""),
        "{seen}"
    );
    let mut events = Vec::new();
    while events.len() < 2 {
        let message = staying.json().await;
        events.extend(message["event"].as_str().map(str::to_owned));
    }
    assert_eq!(events, ["before", "after"]);
    let [leaving, staying] = &mut streams[..] else {
        panic!("two streams");
    };
    leaving.event("before").await;
    let said = gate.hasten(Duration::from_millis(100), async {
        let mut said = Vec::new();
        while let Some(block) = leaving.block().await {
            said.push(block);
        }
        said
    });
    let said = said.await;
    let last = said.last().unwrap();
    assert!(last.contains("unauthorized"), "{said:?}");
    assert!(!said.concat().contains("after"), "{said:?}");
    staying.event("before").await;
    staying.event("after").await;
    is(&told(&gate, &new.token("eve")).await, 200);
}

#[tokio::test]
async fn a_poll_is_answered_when_its_key_is_gone_and_its_client_is_known_no_more() {
    let (old, new) = (Key::new("1"), Key::new("2"));
    let (issuer, gate) = known(&[&old]).await;
    publish(&gate, "first").await;
    let token = old.token("ann");
    let answer = told(&gate, &token).await;
    let cursor = answer.json()["cursor"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=open&access_token={token}&since={cursor}&wait=55");
    let mut poll = gate.connect().await;
    poll.send(request("GET", &target, &[], "")).await;
    gate.polls_wait(1).await;
    issuer.publishes(&[&new]);
    gate.hand.advance(Duration::from_secs(30));
    let asking = async { while told(&gate, &new.token("bob")).await.status() != 200 {} };
    within("the new key", asking).await;
    publish(&gate, "secret").await;
    let answer = poll.answer("GET").await;
    assert!(!answer.text().contains("secret"), "{}", answer.text());
    is(&told(&gate, &token).await, 401);
}

#[tokio::test]
async fn a_key_of_the_same_name_that_is_another_key_ends_what_the_first_one_signed() {
    let (first, second) = (Key::new("1"), Key::new("1"));
    let (issuer, gate) = known_with(&[&first], MINUTELY).await;
    let token = first.token("ann");
    is(&told(&gate, &token).await, 200);
    let mut socket = websocket(&gate, &token).await;
    issuer.publishes(&[&second]);
    gate.hand.advance(Duration::from_secs(60));
    fetches(&gate, "ok", 2).await;
    assert_eq!(socket.closed().await.0, Some(3500));
    is(&told(&gate, &token).await, 401);
    is(&told(&gate, &second.token("ann")).await, 200);
}

#[tokio::test]
async fn what_a_token_was_swapped_for_ends_with_its_key() {
    let (old, new) = (Key::new("1"), Key::new("2"));
    let (issuer, gate) = known_with(&[&old, &new], MINUTELY).await;
    let mut streams = Vec::new();
    for key in [&old, &new] {
        let bearer = format!("Bearer {}", key.token("ann"));
        let headers = [("Authorization", bearer.as_str())];
        let body = r#"{"url":true,"rooms":["open"]}"#;
        let answer = gate.request("POST", "/v1/session", &headers, body).await;
        is(&answer, 200);
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let target = url
            .strip_prefix("http://localhost:8080")
            .unwrap()
            .to_owned();
        let mut socket = gate.connect().await;
        socket
            .send(request("GET", &target, &[super::EVENT_STREAM], ""))
            .await;
        let (head, mut body) = socket.open_body("GET").await;
        assert_eq!(head.status, 200);
        body.event("welcome").await;
        streams.push((target, body));
    }
    issuer.publishes(&[&new]);
    gate.hand.advance(Duration::from_secs(60));
    fetches(&gate, "ok", 2).await;
    publish(&gate, "after").await;
    let [(gone, leaving), (_, staying)] = &mut streams[..] else {
        panic!("two streams");
    };
    let said = gate.hasten(Duration::from_millis(100), async {
        let mut said = String::new();
        while let Some(block) = leaving.block().await {
            said += &block;
        }
        said
    });
    let said = said.await;
    assert!(
        said.contains("unauthorized") && !said.contains("after"),
        "{said}"
    );
    staying.event("after").await;
    let again = gate.request("GET", gone, &[], "").await;
    is(&again, 401);
}
