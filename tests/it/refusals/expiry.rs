//! A token that ends while its stream goes on.

use std::time::Duration;

use super::credentials::{JWT, author, issued, until};
use super::{BACKEND, EVENT_STREAM, Witness, configuration, dial, gate, refused};
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

/// The data of an event.
fn data(block: &str) -> serde_json::Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

/// An `auth` for the stream of this name, by another request.
async fn renew(gate: &Gate, stream: &str, by: &str, token: &str) -> http::Answer {
    let target = format!("/v1/messages?stream={stream}&access_token={by}");
    let body = format!(r#"{{"type":"auth","ref":1,"token":"{token}"}}"#);
    gate.request("POST", &target, &[], &body).await
}

#[tokio::test]
async fn a_token_that_is_renewed_in_place_leaves_its_stream_where_it_stood() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (target, _) = expiring(&gate, &mut witness).await;
    let now = gate.clock().unix().0 / 1000;
    let (old, new) = (until(now + 60), until(now + 150));
    let mut socket = dial(&gate, &target, &[]).await;
    socket.json().await;
    let mut sse = gate.connect().await;
    sse.send(http::request("GET", &target, &[EVENT_STREAM], ""))
        .await;
    let (_, mut body) = sse.open_body("GET").await;
    let welcome = data(&body.event("welcome").await);
    let stream = welcome["stream"].as_str().unwrap().to_owned();

    gate.hand.advance(Duration::from_secs(40));
    let left = data(&body.event("token_expiring").await)["expires_in_ms"].as_u64();
    assert!((15_000..=20_000).contains(&left.unwrap()), "{left:?}");
    // Before the renewal, which might otherwise come first and forestall it.
    while socket.json().await["type"] != "token_expiring" {}
    socket
        .say(&format!(r#"{{"type":"auth","ref":7,"token":"{new}"}}"#))
        .await;
    let mut seen = Vec::new();
    while seen
        .last()
        .is_none_or(|last: &serde_json::Value| last["type"] != "ack")
    {
        let message = socket.json().await;
        if message["type"] != "heartbeat" {
            seen.push(message);
        }
    }
    let types: Vec<_> = seen
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["welcome", "ack"]);
    let left = seen[0]["expires_in_ms"].as_u64().unwrap();
    assert!((100_000..=110_000).contains(&left), "{}", seen[0]);

    // Neither somebody else nor somebody else's credential.
    refused(
        &renew(&gate, &stream, &author("bob"), &new).await,
        404,
        "unknown_stream",
        "by Bob",
    );
    refused(
        &renew(&gate, &stream, &old, &author("bob")).await,
        403,
        "forbidden",
        "as Bob",
    );
    refused(
        &renew(&gate, &stream, &old, "nonsense").await,
        401,
        "unauthorized",
        "as nobody",
    );
    let answer = renew(&gate, &stream, &old, &new).await;
    assert_eq!(
        (answer.status(), &answer.json()["type"]),
        (200, &"ack".into())
    );
    assert_eq!(data(&body.event("welcome").await)["stream"], *stream);

    // Beyond the end of the old one.
    gate.hand.advance(Duration::from_secs(30));
    witness.is_served(&gate).await;
    body.event("proof").await;
    while socket.json().await["event"] != "proof" {}
    socket.say(r#"{"type":"ping","ref":8}"#).await;
    while socket.json().await["ref"] != 8 {}
    gate.hand.advance(Duration::from_secs(60));
    body.event("token_expiring").await;
    while socket.json().await["type"] != "token_expiring" {}
    gate.hand.advance(Duration::from_secs(30));
    body.event("session_expired").await;
    assert_eq!(socket.closed().await.0, Some(3006));
}

#[tokio::test]
async fn a_token_that_is_too_old_ends_its_streams_as_one_that_has_ended() {
    let aged = format!("{JWT}max_age = \"60s\"\n");
    let gate = Gate::start(&configuration("").replace(JWT, &aged)).await;
    let mut witness = Witness::join(&gate).await;
    let now = gate.clock().unix().0 / 1000;
    // `exp` lies decades ahead.
    let target = format!("/v1/stream?room=open&access_token={}", issued(now));
    let mut socket = dial(&gate, &target, &[]).await;
    let mut sse = gate.connect().await;
    sse.send(http::request("GET", &target, &[EVENT_STREAM], ""))
        .await;
    let (_, mut body) = sse.open_body("GET").await;
    let welcomes = [socket.json().await, data(&body.event("welcome").await)];
    for welcome in welcomes {
        let left = welcome["expires_in_ms"].as_u64().unwrap();
        assert!((58_000..=60_000).contains(&left), "{welcome}");
    }

    gate.hand.advance(Duration::from_secs(29));
    witness.is_served(&gate).await;
    // Nothing was said before the event, half a minute ahead of the end.
    loop {
        let message = socket.json().await;
        assert_ne!(message["type"], "token_expiring");
        if message["event"] == "proof" {
            break;
        }
    }
    gate.hand.advance(Duration::from_secs(2));
    let left = data(&body.event("token_expiring").await)["expires_in_ms"].as_u64();
    assert!((27_000..=30_000).contains(&left.unwrap()), "{left:?}");
    while socket.json().await["type"] != "token_expiring" {}
    gate.hand.advance(Duration::from_secs(30));
    body.event("session_expired").await;
    assert_eq!(socket.closed().await.0, Some(3006));
    let end = gate.hasten(Duration::from_millis(100), body.end()).await;
    assert_eq!(end, http::Next::Cut);

    let answer = gate.request("GET", &target, &[], "").await;
    refused(&answer, 401, "unauthorized", "a minute later");
    assert!(answer.text().contains("too old"), "{}", answer.text());
    let young = issued(gate.clock().unix().0 / 1000);
    let target = format!("/v1/stream?room=open&access_token={young}");
    assert_eq!(
        dial(&gate, &target, &[]).await.json().await["type"],
        "welcome"
    );
    witness.is_served(&gate).await;
}
