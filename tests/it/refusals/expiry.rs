//! A token that ends while its stream goes on.

use std::time::Duration;

use super::credentials::until;
use super::{BACKEND, EVENT_STREAM, Witness, dial, gate, refused};
use crate::support::http;
use crate::support::{Gate, patiently};

/// A stream of Ann's, whose token lives for another minute by the gateway's own clock.
async fn expiring(gate: &Gate, witness: &mut Witness) -> (String, String) {
    witness.is_served(gate).await;
    let history = gate
        .request("GET", "/v1/rooms/open/events", &[BACKEND], "")
        .await
        .json();
    let now = history["events"][0]["ts"].as_u64().unwrap() / 1000;
    let token = until(now + 60);
    let target = format!("/v1/stream?room=open&access_token={token}");
    (target, history["cursor"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does_and_its_client_is_told_to_come_back() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (target, cursor) = expiring(&gate, &mut witness).await;
    let mut socket = dial(&gate, &target, &[]).await;
    let welcome = socket.json().await;
    let left = welcome["expires_in_ms"].as_u64().unwrap();
    assert!((58_000..=60_000).contains(&left), "{welcome}");
    let mut sse = gate.connect().await;
    sse.send(http::request("GET", &target, &[EVENT_STREAM], ""))
        .await;
    let (_, mut body) = sse.open_body("GET").await;
    body.event("welcome").await;
    let mut poll = gate.connect().await;
    let held = format!("{target}&since={cursor}&wait=55");
    poll.send(http::request("GET", &held, &[], "")).await;

    gate.hand.advance(Duration::from_secs(50));
    witness.is_served(&gate).await;
    body.event("proof").await;
    assert_eq!(
        poll.answer("GET").await.json()["events"][0]["event"],
        "proof"
    );
    gate.hand.advance(Duration::from_secs(12));
    body.event("session_expired").await;
    assert_eq!(socket.closed().await.0, Some(3006));
    let end = gate.hasten(Duration::from_millis(100), body.end()).await;
    assert_eq!(end, http::Next::Cut);
    let answer = gate.request("GET", &held, &[], "").await;
    refused(&answer, 401, "unauthorized", "a minute later");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_poll_is_not_held_beyond_the_end_of_its_token() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (target, cursor) = expiring(&gate, &mut witness).await;
    gate.hand.advance(Duration::from_secs(30));
    let mut poll = gate.connect().await;
    let held = format!("{target}&since={cursor}&wait=55");
    poll.send(http::request("GET", &held, &[], "")).await;
    let mut waited = 0;
    let answer = loop {
        match patiently(Duration::from_millis(20), poll.answer("GET")).await {
            Some(answer) => break answer,
            None => gate.hand.advance(Duration::from_secs(1)),
        }
        waited += 1;
    };
    assert!(
        answer.status() == 200 && waited < 50,
        "{waited} s: {}",
        answer.text()
    );
    witness.is_served(&gate).await;
}
