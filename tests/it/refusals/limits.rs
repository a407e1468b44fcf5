//! Limits: each refusal names its limit, and those within theirs notice nothing.

use std::time::Duration;

use super::{
    BACKEND, EVENT_STREAM, PUBLISH, READER, Witness, configuration, dial, gate, refused, websocket,
};
use crate::support::Gate;
use crate::support::http::{self, Next};
use crate::support::patiently;

#[tokio::test]
async fn messages_beyond_the_rate_are_refused_until_time_has_passed() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = websocket(&gate, "/v1/stream?room=open", READER).await;
    let mut refusals = 0;
    for number in 1..=30 {
        socket
            .say(&format!(r#"{{"type":"ping","ref":{number}}}"#))
            .await;
        let answer = socket.json().await;
        assert_eq!(answer["ref"], number, "{answer}");
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "rate_limited", "{answer}");
            assert!(
                answer["limit"]
                    .as_str()
                    .unwrap_or_default()
                    .contains("messages"),
                "{answer}"
            );
            assert!(
                answer["retry_after_ms"]
                    .as_u64()
                    .is_some_and(|pause| pause > 0),
                "{answer}"
            );
            refusals += 1;
        }
    }
    assert_eq!(refusals, 10, "20 messages a second, and time stands still");
    gate.hand.advance(Duration::from_secs(1));
    socket.say(r#"{"type":"ping","ref":"later"}"#).await;
    assert_eq!(socket.json().await["type"], "ack");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_limit_is_named_by_its_key() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let event = format!(r#"{{"event":"e","data":"{}"}}"#, "x".repeat(2000));
    let body = format!(r#"{{"event":"e","data":"{}"}}"#, "x".repeat(9000));
    let rooms: String = (0..11)
        .map(|number| format!("&room=org:{number}"))
        .collect();
    for (method, target, body, key) in [
        ("POST", PUBLISH.to_owned(), event.as_str(), "event"),
        ("POST", PUBLISH.to_owned(), body.as_str(), "body"),
        ("GET", format!("/v1/stream?{rooms}"), "", "rooms_per_stream"),
    ] {
        let answer = gate.request(method, &target, &[BACKEND], body).await;
        let problem = answer.json();
        assert_eq!(problem["limit"], key, "{problem}");
    }
    witness.is_served(&gate).await;
}

/// A proxy sends a body whole before it reads the answer. The connection was closed over the rest, and the reset made
/// a 502 of the refusal.
#[tokio::test]
async fn whoever_sends_a_body_that_is_too_large_can_read_why_and_go_on() {
    let gate = gate().await;
    let mut socket = gate.connect().await;
    let body = "x".repeat(1 << 20);
    socket
        .send(http::request("POST", PUBLISH, &[BACKEND], &body))
        .await;
    assert_eq!(socket.answer("POST").await.code(), "too_large");
    socket.send(http::request("GET", "/healthz", &[], "")).await;
    assert_eq!(socket.answer("GET").await.status(), 200);
}

#[tokio::test]
async fn a_full_gateway_turns_away_whom_it_cannot_hold_and_takes_them_when_there_is_room() {
    let gate = Gate::start(&configuration("connections = 4")).await;
    let mut witness = Witness::join(&gate).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(websocket(&gate, "/v1/stream?room=open", READER).await);
    }

    let event = r#"{"event":"e"}"#;
    for (method, target, headers, body) in [
        ("GET", "/v1/stream?room=open", &[READER][..], ""),
        (
            "GET",
            "/v1/stream?room=open&on_error=status",
            &[READER, EVENT_STREAM],
            "",
        ),
        ("GET", "/v1/rooms/open/events", &[READER], ""),
        ("POST", PUBLISH, &[BACKEND], event),
    ] {
        let answer = gate.request(method, target, headers, body).await;
        refused(&answer, 503, "overloaded", target);
        assert_eq!(answer.json()["limit"], "connections");
        let pause: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&pause), "{pause}");
    }
    assert_eq!(gate.request("GET", "/healthz", &[], "").await.status(), 200);

    let mut socket = gate.connect().await;
    let request = http::request("GET", "/v1/stream?room=open", &[READER, EVENT_STREAM], "");
    socket.send(request).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(
        head.status, 200,
        "an EventSource would never come back from another status"
    );
    let problem = body.block().await.unwrap();
    assert!(problem.starts_with("event: problem\nretry: "), "{problem}");
    assert!(problem.contains(r#""code":"overloaded""#), "{problem}");
    assert_eq!(
        gate.hasten(Duration::from_secs(1), body.end()).await,
        Next::Cut,
        "cut, so that every client comes back"
    );

    let mut socket = dial(&gate, "/v1/stream?room=open", &[READER]).await;
    assert_eq!(socket.json().await["code"], "overloaded");
    assert_eq!(socket.closed().await.0, Some(3002));

    drop(held);
    let taken = patiently(Duration::from_secs(10), async {
        loop {
            let mut socket = gate.connect().await;
            socket
                .send(http::request("GET", "/v1/stream?room=open", &[READER], ""))
                .await;
            if socket
                .try_answer("GET")
                .await
                .is_some_and(|answer| answer.status() == 200)
            {
                return;
            }
        }
    });
    assert_eq!(taken.await, Some(()), "there is room again");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_costs_nobody_anything_and_is_sent_away() {
    let gate = Gate::start(
        &configuration("")
            .replace("event = \"1KiB\"", "event = \"64KiB\"")
            .replace("body = \"8KiB\"", "body = \"1MiB\""),
    )
    .await;
    let mut witness = Witness::join(&gate).await;
    let mut lazy = gate.connect().await;
    lazy.send(http::request(
        "GET",
        "/v1/stream?room=org:flood",
        &[READER, EVENT_STREAM],
        "",
    ))
    .await;
    lazy.until(b"\r\n\r\n").await.unwrap();
    let event = format!(
        r#"{{"room":"org:flood","event":"e","data":"{}"}}"#,
        "x".repeat(60_000)
    );
    let body = format!(r#"{{"events":[{}]}}"#, vec![event; 16].join(","));
    for _ in 0..12 {
        let answer = gate.request("POST", "/v1/publish", &[BACKEND], &body).await;
        assert_eq!(answer.status(), 202, "{}", answer.text());
    }
    witness.is_served(&gate).await;
    // Past the stall limit of 30 s, which is longer than two heartbeats: the witness has read them.
    for _ in 0..40 {
        gate.hand.advance(Duration::from_secs(1));
        patiently(Duration::from_millis(5), std::future::pending::<()>()).await;
    }
    let stream = lazy.rest().await;
    assert!(
        stream.len() < 12 * 16 * 60_000,
        "cut before the end: {} bytes",
        stream.len()
    );
    assert!(
        !stream.ends_with(b"0\r\n\r\n"),
        "a stream that shall be resumed is cut"
    );
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_refused_request_is_not_counted_as_a_message() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let answer = gate
        .request("POST", PUBLISH, &[READER], r#"{"event":"e"}"#)
        .await;
    refused(&answer, 403, "forbidden", "no grant");
    for _ in 0..40 {
        witness.is_served(&gate).await;
    }
}
