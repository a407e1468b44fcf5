//! Rooms that are none, that are not granted, or too many.

use super::{BACKEND, EVENT_STREAM, READER, Witness, dial, gate, refused, websocket};
use crate::support::http;
use crate::support::websocket::WebSocket;

/// Names that break a rule, as they stand in a URL.
const INVALID: [&str; 11] = [
    "a%20b",
    "a::b",
    ":a",
    "a:",
    "..",
    "a:.:b",
    "*",
    "org:*",
    "a%0Ab",
    "k%C3%BCche",
    "a%00b",
];

#[tokio::test]
async fn what_is_no_room_is_refused_on_every_door() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let long = "x".repeat(201);
    for name in INVALID.into_iter().chain([long.as_str()]) {
        let stream = format!("/v1/stream?room={name}");
        let poll = gate.request("GET", &stream, &[READER], "").await;
        refused(&poll, 400, "invalid_room", name);
        let sse = gate
            .request("GET", &stream, &[READER, EVENT_STREAM], "")
            .await;
        refused(&sse, 400, "invalid_room", name);
        let socket = WebSocket::upgrade(gate.connect().await, &stream, &[READER]).await;
        assert_eq!(socket.err().map(|head| head.status), Some(400), "{name}");
        let history = format!("/v1/rooms/{name}/events");
        let answer = gate.request("GET", &history, &[READER], "").await;
        assert!(
            matches!(answer.status(), 400 | 404),
            "{name}: {}",
            answer.text()
        );
        let answer = gate
            .request("POST", &history, &[BACKEND], r#"{"event":"e"}"#)
            .await;
        assert!(
            matches!(answer.status(), 400 | 404),
            "{name}: {}",
            answer.text()
        );
    }
    let mut socket = websocket(&gate, "/v1/stream?room=open", READER).await;
    for name in ["a b", "a::b", "*", "", "a\\nb"] {
        let message = format!(r#"{{"type":"subscribe","ref":"{name}","room":"{name}"}}"#);
        socket.say(&message).await;
        assert_eq!(socket.json().await["code"], "invalid_room", "{name}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_room_without_grant_is_refused_on_every_door_and_named() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for room in ["secret", "orga", "_gateway", "user:ann", "open:more"] {
        let stream = format!("/v1/stream?room=open&room={room}");
        for headers in [&[READER][..], &[READER, EVENT_STREAM]] {
            let answer = gate.request("GET", &stream, headers, "").await;
            refused(&answer, 403, "forbidden", room);
            assert!(answer.text().contains(room), "{}", answer.text());
        }
        let history = format!("/v1/rooms/{room}/events");
        let answer = gate.request("GET", &history, &[READER], "").await;
        refused(&answer, 403, "forbidden", room);
        let mut socket = dial(&gate, &stream, &[READER]).await;
        let error = socket.json().await;
        assert_eq!(
            (&error["code"], &error["room"]),
            (&"forbidden".into(), &room.into())
        );
        assert_eq!(socket.closed().await.0, Some(3501));
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_wildcard_grant_reaches_neither_the_gateways_rooms_nor_a_users() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for room in ["_gateway", "user:ann"] {
        let target = format!("/v1/rooms/{room}/events");
        let answer = gate
            .request("POST", &target, &[BACKEND], r#"{"event":"e"}"#)
            .await;
        refused(&answer, 403, "forbidden", room);
        let answer = gate.request("GET", &target, &[BACKEND], "").await;
        refused(&answer, 403, "forbidden", room);
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn more_rooms_than_a_stream_may_have_are_refused_whole() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let rooms = |count: usize| {
        (0..count)
            .map(|number| format!("&room=org:{number}"))
            .collect::<String>()
    };
    let eleven = format!("/v1/stream?{}", rooms(11));
    for headers in [&[READER][..], &[READER, EVENT_STREAM]] {
        refused(
            &gate.request("GET", &eleven, headers, "").await,
            400,
            "too_many_rooms",
            "eleven",
        );
    }
    let target = format!("/v1/stream?{}", rooms(10));
    let mut socket = websocket(&gate, &target, READER).await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"open"}"#)
        .await;
    let error = socket.json().await;
    assert_eq!(error["code"], "too_many_rooms", "{error}");
    assert!(
        error["limit"]
            .as_str()
            .unwrap_or_default()
            .contains("rooms_per_stream"),
        "{error}"
    );
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn ten_thousand_rooms_in_a_query_are_more_than_a_head_may_be() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let rooms: String = (0..10_000)
        .map(|number| format!("room=org:{number}&"))
        .collect();
    let mut socket = gate.connect().await;
    socket
        .send(http::request(
            "GET",
            &format!("/v1/stream?{rooms}"),
            &[READER],
            "",
        ))
        .await;
    assert_eq!(socket.answer("GET").await.status(), 431);
    witness.is_served(&gate).await;
}
