//! Cursors that are none, or of another gateway.

use super::{EVENT_STREAM, READER, Witness, dial, gate, refused};
use crate::support::http;

/// A cursor as another gateway would give it: well-formed, of an epoch that nobody knows here.
fn foreign() -> String {
    use gatecast::model::position::{Epoch, Position};
    let epoch = Epoch::from_random(12345);
    Position { epoch, seq: 7 }.to_cursor()
}

const UNREADABLE: [&str; 5] = ["nonsense", "0", "-1", "%00", "1zzzzzzzzzzzz10a"];

#[tokio::test]
async fn a_cursor_that_cannot_be_read_is_refused_where_the_client_can_bear_it() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let long = "1".repeat(4000);
    for cursor in UNREADABLE.into_iter().chain([long.as_str()]) {
        for target in [
            format!("/v1/stream?room=open&since={cursor}"),
            format!("/v1/rooms/open/events?since={cursor}"),
            format!("/v1/rooms/open/events?until={cursor}"),
        ] {
            let answer = gate.request("GET", &target, &[READER], "").await;
            refused(&answer, 400, "invalid_cursor", &target);
        }
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_event_stream_with_any_cursor_begins_with_a_gap() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let foreign = foreign();
    for cursor in UNREADABLE.into_iter().chain([foreign.as_str()]) {
        let target = format!("/v1/stream?room=open&since={cursor}");
        let mut socket = gate.connect().await;
        socket
            .send(http::request("GET", &target, &[READER, EVENT_STREAM], ""))
            .await;
        let (head, mut body) = socket.open_body("GET").await;
        assert_eq!(head.status, 200, "{cursor}");
        body.event("welcome").await;
        let gap = body.block().await.unwrap();
        assert!(
            gap.starts_with("event: gap\n") && gap.contains(r#""reason":"epoch""#),
            "{gap}"
        );
        assert!(!gap.contains("\nid:"), "a gap has no id: {gap}");
    }
    let headers = [READER, EVENT_STREAM, ("Last-Event-ID", "ümläut")];
    let mut socket = gate.connect().await;
    socket
        .send(http::request("GET", "/v1/stream?room=open", &headers, ""))
        .await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200);
    body.event("gap").await;
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_foreign_cursor_is_a_gap_on_the_other_transports() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let foreign = foreign();
    let target = format!("/v1/stream?room=open&since={foreign}");
    let poll = gate.request("GET", &target, &[READER], "").await.json();
    assert_eq!(poll["gaps"][0]["reason"], "epoch", "{poll}");
    assert_eq!(poll["gaps"][0]["from"], foreign.as_str(), "{poll}");
    let mut socket = super::websocket(&gate, &target, READER).await;
    let gap = socket.json().await;
    assert_eq!(
        (&gap["type"], &gap["reason"]),
        (&"gap".into(), &"epoch".into()),
        "{gap}"
    );
    let mut socket = dial(&gate, "/v1/stream?room=org:a", &[READER]).await;
    socket.json().await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"open","since":"nonsense"}"#)
        .await;
    assert_eq!(socket.json().await["code"], "invalid_cursor");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_cursor_beyond_the_end_is_a_gap_that_says_so() {
    use gatecast::model::position::Position;
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let target = "/v1/stream?room=open";
    let head = gate.request("GET", target, &[READER], "").await.json();
    let head = head["cursor"].as_str().unwrap().to_owned();
    let position = Position::parse_cursor(&head).unwrap();
    let seq = position.seq + 1000;
    let beyond = Position { seq, ..position }.to_cursor();
    let target = format!("{target}&since={beyond}");

    let poll = gate.request("GET", &target, &[READER], "").await.json();
    assert_eq!(
        poll["cursor"],
        head.as_str(),
        "it goes on from the end: {poll}"
    );
    let mut socket = super::websocket(&gate, &target, READER).await;
    for gap in [poll["gaps"][0].clone(), socket.json().await] {
        assert_eq!(gap["reason"], "future", "{gap}");
        assert_eq!(gap["from"], head.as_str(), "{gap}");
        assert_eq!(gap["to"], beyond.as_str(), "{gap}");
    }
    witness.is_served(&gate).await;
    assert_eq!(
        socket.json().await["event"],
        "proof",
        "what comes now is delivered"
    );
}

#[tokio::test]
async fn parameters_out_of_range_are_refused() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for target in [
        "/v1/stream?room=open&wait=56",
        "/v1/stream?room=open&wait=-1",
        "/v1/stream?room=open&wait=soon",
        "/v1/stream?room=open&rewind=0",
        "/v1/stream?room=open&rewind=1001",
        "/v1/stream?room=open&transport=pigeon",
        "/v1/stream?room=open&transport=sse&data=cooked",
        "/v1/stream?room=open&transport=sse&padding=7",
        "/v1/rooms/open/events?limit=0",
        "/v1/rooms/open/events?limit=1001",
        "/v1/rooms/open/events?limit=all",
        "/v1/rooms/open/events?reverse=maybe",
    ] {
        let answer = gate.request("GET", target, &[READER], "").await;
        refused(&answer, 400, "bad_request", target);
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_page_cannot_end_in_another_life_of_the_log() {
    let gate = gate().await;
    let other = super::gate().await;
    let foreign = other
        .request("GET", "/v1/rooms/open/events", &[READER], "")
        .await
        .json();
    let target = format!(
        "/v1/rooms/open/events?until={}",
        foreign["cursor"].as_str().unwrap()
    );
    let answer = gate.request("GET", &target, &[READER], "").await;
    refused(
        &answer,
        400,
        "invalid_cursor",
        "an empty page would say that there was nothing",
    );
}
