//! What one principal may ask for, and hold open.

use std::time::Duration;

use super::{
    ANN, BOB, EVENT_STREAM, POLL, STREAM, gate, http2, is_served_in_time, limited, no_stream_opens,
    no_stream_opens_on, publish, sse, websocket,
};
use crate::support::within;

#[tokio::test]
async fn requests_beyond_the_rate_are_refused_whatever_they_are() {
    let gate = gate("requests = \"4/h\"", "").await;
    let mut open = websocket(&gate, &[ANN]).await;
    assert_eq!(publish(&gate, ANN, "r", "e").await.status(), 202);
    assert_eq!(open.json().await["event"], "e");
    for target in ["/v1/negotiate", "/v1/rooms/r/events"] {
        assert_eq!(gate.request("GET", target, &[ANN], "").await.status(), 200);
    }
    for (method, target, body) in [
        ("GET", "/v1/negotiate", ""),
        ("GET", "/v1/rooms/r/events", ""),
        ("GET", "/metrics", ""),
        ("DELETE", "/v1/rooms/r/events", ""),
        ("POST", "/v1/rooms/r/events", r#"{"event":"e"}"#),
        (
            "POST",
            "/v1/publish",
            r#"{"events":[{"room":"r","event":"e"}]}"#,
        ),
        ("POST", "/v1/messages", r#"{"type":"ping"}"#),
    ] {
        limited(
            &gate.request(method, target, &[ANN], body).await,
            "requests",
        );
    }
    no_stream_opens(&gate, &[ANN], "requests").await;
    no_stream_opens_on(&gate, &mut http2(&gate).await, &[ANN], "requests").await;
    assert_eq!(
        publish(&gate, BOB, "r", "f").await.status(),
        202,
        "another principal's are its own"
    );
    assert_eq!(
        open.json().await["event"],
        "f",
        "and nothing was published before it"
    );
    gate.hand.advance(Duration::from_secs(900));
    assert_eq!(publish(&gate, ANN, "r", "e").await.status(), 202);
    limited(&publish(&gate, ANN, "r", "e").await, "requests");
}

#[tokio::test]
async fn a_principal_has_as_many_streams_as_it_may_on_all_transports_together() {
    let gate = gate("per_principal = 3", "").await;
    let first = sse(&gate, &[ANN]).await;
    let _second = websocket(&gate, &[ANN]).await;
    let mut http2 = http2(&gate).await;
    let _third = http2.open("GET", STREAM, &[ANN, EVENT_STREAM], None).await;
    no_stream_opens(&gate, &[ANN], "per_principal").await;
    no_stream_opens_on(&gate, &mut http2, &[ANN], "per_principal").await;
    assert_eq!(
        publish(&gate, ANN, "r", "e").await.status(),
        202,
        "what is no stream goes on"
    );
    let _other = websocket(&gate, &[BOB]).await;
    drop(first);
    is_served_in_time(&gate, STREAM, &[ANN]).await;
    let _again = websocket(&gate, &[ANN]).await;
    no_stream_opens(&gate, &[ANN], "per_principal").await;
}

#[tokio::test]
async fn a_poll_that_waits_is_a_stream_and_one_that_was_answered_is_none() {
    let gate = gate("per_principal = 1", "").await;
    for _ in 0..3 {
        assert_eq!(gate.request("GET", STREAM, &[ANN], "").await.status(), 200);
    }
    let mut waiting = gate.connect().await;
    waiting
        .send(crate::support::http::request("GET", POLL, &[ANN], ""))
        .await;
    within("the poll", async {
        let metrics = async || gate.request("GET", "/metrics", &[BOB], "").await;
        let line = r#"gatecast_streams{transport="long-poll",dialect="native",http="1.1"} 1"#;
        while !metrics().await.text().contains(line) {}
    })
    .await;
    no_stream_opens(&gate, &[ANN], "per_principal").await;
    assert_eq!(publish(&gate, BOB, "r", "e").await.status(), 202);
    assert_eq!(waiting.answer("GET").await.status(), 200);
    let _next = websocket(&gate, &[ANN]).await;
}

#[tokio::test]
async fn a_stream_that_was_refused_for_another_reason_holds_no_place() {
    let gate = gate("per_principal = 1\nper_ip = 100", "").await;
    for _ in 0..5 {
        let answer = gate
            .request("GET", "/v1/stream?room=", &[ANN, EVENT_STREAM], "")
            .await;
        assert_eq!(answer.status(), 400);
    }
    let _stream = sse(&gate, &[ANN]).await;
}

#[tokio::test]
async fn a_roles_own_limits_come_before_the_gateways() {
    let keys = crate::support::api_key("wall", "wall-key", "wall");
    let more = format!(
        "[roles.wall]\nsubscribe = [\"r\"]\nlimits = {{ per_principal = 1, requests = \"100/s\" }}\n{keys}"
    );
    let gate = gate("per_principal = 2\nrequests = \"2/h\"", &more).await;
    let wall = ("X-API-Key", "wall-key");
    let _first = websocket(&gate, &[wall]).await;
    no_stream_opens(&gate, &[wall], "per_principal").await;
    let _one = websocket(&gate, &[ANN]).await;
    let _two = websocket(&gate, &[ANN]).await;
    no_stream_opens(&gate, &[ANN], "requests").await;
}
