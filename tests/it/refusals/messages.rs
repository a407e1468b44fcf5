//! Client messages that cannot be carried out: each is answered, and the stream stays open.

use super::{BACKEND, EVENT_STREAM, READER, Witness, gate, refused, websocket};
use crate::support::http;

/// Wrong messages with what they are refused with. None of them has a `ref` that could be read, or it is 7.
const WRONG: [(&str, &str); 17] = [
    ("", "invalid_json"),
    ("hello", "invalid_json"),
    (r#"{"type":"ping""#, "invalid_json"),
    (r#"{"type":"ping"} x"#, "invalid_json"),
    ("[]", "bad_request"),
    ("null", "bad_request"),
    (r#"{"ref":7}"#, "bad_request"),
    (r#"{"ref":7,"type":3}"#, "bad_request"),
    (r#"{"ref":7,"type":"dance"}"#, "unknown_type"),
    (
        r#"{"ref":7,"type":"Subscribe","room":"open"}"#,
        "unknown_type",
    ),
    (r#"{"ref":{},"type":"ping"}"#, "bad_request"),
    (r#"{"ref":1.5,"type":"ping"}"#, "bad_request"),
    (r#"{"ref":7,"type":"subscribe"}"#, "bad_request"),
    (r#"{"ref":7,"type":"subscribe","room":7}"#, "bad_request"),
    (
        r#"{"ref":7,"type":"subscribe","room":"open","cursor":"x"}"#,
        "bad_request",
    ),
    (r#"{"ref":7,"type":"publish","room":"open"}"#, "bad_request"),
    (
        r#"{"ref":7,"type":"publish","room":"open","event":"bye"}"#,
        "reserved_event",
    ),
];

#[tokio::test]
async fn a_wrong_message_is_answered_and_the_websocket_stays_open() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = websocket(&gate, "/v1/stream?room=open", BACKEND).await;
    for (message, code) in WRONG {
        socket.say(message).await;
        let error = socket.json().await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&"error".into(), &code.into()),
            "{message}: {error}"
        );
        assert_eq!(
            error["ref"] == 7,
            message.contains(r#""ref":7"#),
            "{message}: {error}"
        );
    }
    socket.say(r#"{"type":"ping","ref":"still here"}"#).await;
    assert_eq!(socket.text().await, r#"{"type":"ack","ref":"still here"}"#);
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_wrong_message_by_post_is_answered_with_its_status() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = gate.connect().await;
    socket
        .send(http::request(
            "GET",
            "/v1/stream?room=open",
            &[BACKEND, EVENT_STREAM],
            "",
        ))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let json = welcome
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    let welcome: serde_json::Value = serde_json::from_str(json).unwrap();
    let target = format!(
        "/v1/messages?stream={}",
        welcome["stream"].as_str().unwrap()
    );
    for (message, code) in WRONG {
        let answer = gate.request("POST", &target, &[BACKEND], message).await;
        refused(&answer, 400, code, message);
    }
    let answer = gate
        .request("POST", &target, &[BACKEND], r#"{"type":"ping","ref":1}"#)
        .await;
    assert_eq!(answer.text().trim_end(), r#"{"type":"ack","ref":1}"#);
    for (who, stream) in [
        (READER, target.as_str()),
        (BACKEND, "/v1/messages?stream=nobody"),
    ] {
        let answer = gate
            .request("POST", stream, &[who], r#"{"type":"ping","ref":1}"#)
            .await;
        refused(&answer, 404, "unknown_stream", stream);
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_event_over_the_limit_is_refused_by_websocket_too() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = websocket(&gate, "/v1/stream?room=open", BACKEND).await;
    let data = "x".repeat(1023);
    socket
        .say(&format!(
            r#"{{"type":"publish","ref":7,"room":"open","event":"e","data":"{data}"}}"#
        ))
        .await;
    let error = socket.json().await;
    assert_eq!(
        (&error["ref"], &error["code"]),
        (&7.into(), &"too_large".into()),
        "{error}"
    );
    assert!(
        error["limit"]
            .as_str()
            .unwrap_or_default()
            .ends_with("event"),
        "{error}"
    );
    witness.is_served(&gate).await;
}
