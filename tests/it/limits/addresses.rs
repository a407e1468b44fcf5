//! What one address may open, and how fast.

use std::time::Duration;

use super::{
    ANN, BOB, EVENT_STREAM, POLL, STREAM, ask_from, configuration, from, gate, http2,
    is_served_in_time, limited, no_lasting_stream_opens_on, no_stream_opens_on, sse_on, websocket,
};
use crate::support::http;
use crate::support::http2::Http2;
use crate::support::tls::Certificate;
use crate::support::{Gate, within};

/// Returns once so many streams are open, asking on a connection that is there.
async fn streams(http2: &mut Http2, count: usize) {
    within("the streams", async {
        loop {
            let (_, metrics) = http2.request("GET", "/metrics", &[ANN], None).await;
            let open = metrics
                .lines()
                .filter_map(|line| line.strip_prefix("gatecast_streams{"));
            let counts = open.filter_map(|line| line.split_once(' ')?.1.parse::<usize>().ok());
            if counts.sum::<usize>() == count {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_has_as_many_connections_as_it_may_and_others_have_theirs() {
    let gate = gate("per_ip = 2", "").await;
    let first = websocket(&gate, &[ANN]).await;
    let _second = websocket(&gate, &[BOB]).await;
    let answer = ask_from(&gate, 1, STREAM, &[ANN]).await;
    limited(&answer, "per_ip");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some("\"per_ip\";q=2;qu=\"concurrent-requests\"")
    );
    let health = ask_from(&gate, 1, "/healthz", &[]).await;
    assert_eq!(
        health.status(),
        200,
        "a probe is answered on any connection"
    );
    let _other = sse_on(from(&gate, 2).await, &[ANN]).await;
    drop(first);
    is_served_in_time(&gate, "/v1/negotiate", &[ANN]).await;
}

#[tokio::test]
async fn streams_on_one_connection_count_one_by_one() {
    let gate = gate("per_ip = 2", "").await;
    let mut http2 = http2(&gate).await;
    let stream = http2.open("GET", STREAM, &[ANN, EVENT_STREAM], None).await;
    assert_eq!(stream.head.status, 200);
    let poll = http2.send("GET", POLL, &[BOB], None).await;
    streams(&mut http2, 2).await;
    no_stream_opens_on(&gate, &mut http2, &[ANN], "per_ip").await;
    let (status, _) = http2.request("GET", "/v1/negotiate", &[ANN], None).await;
    assert_eq!(status, 200, "what is no stream goes on");
    drop(poll);
    streams(&mut http2, 1).await;
    let again = http2.open("GET", STREAM, &[ANN, EVENT_STREAM], None).await;
    assert_eq!(
        again.head.headers.get("content-type").unwrap(),
        "text/event-stream"
    );
    let mut again = again;
    assert!(again.block().await.unwrap().contains("event: welcome"));
}

#[tokio::test]
async fn connections_that_come_too_fast_are_told_so_until_time_has_passed() {
    let gate = gate("handshakes = \"3/s\"", "").await;
    for _ in 0..3 {
        assert_eq!(
            ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await.status(),
            200
        );
    }
    let answer = ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await;
    limited(&answer, "handshakes");
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some("\"handshakes\";q=3;w=1")
    );
    assert_eq!(answer.json()["retry_after_ms"], 334);
    assert_eq!(
        ask_from(&gate, 2, "/v1/negotiate", &[ANN]).await.status(),
        200
    );
    gate.hand.advance(Duration::from_millis(333));
    limited(
        &ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await,
        "handshakes",
    );
    gate.hand.advance(Duration::from_millis(1));
    assert_eq!(
        ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await.status(),
        200
    );
}

#[tokio::test]
async fn streams_that_come_too_fast_on_one_connection_are_told_so_and_polls_are_none() {
    let gate = gate("handshakes = \"3/h\"", "").await;
    let mut http2 = http2(&gate).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = http2.open("GET", STREAM, &[ANN, EVENT_STREAM], None).await;
        assert!(stream.block().await.unwrap().contains("event: welcome"));
        streams.push(stream);
    }
    no_lasting_stream_opens_on(&gate, &mut http2, &[ANN], "handshakes").await;
    for _ in 0..10 {
        let (status, _) = http2.request("GET", STREAM, &[ANN], None).await;
        assert_eq!(status, 200);
    }
    gate.hand.advance(Duration::from_secs(3600));
    let mut stream = http2.open("GET", STREAM, &[ANN, EVENT_STREAM], None).await;
    assert!(stream.block().await.unwrap().contains("event: welcome"));
}

#[tokio::test]
async fn over_tls_a_connection_that_comes_too_fast_costs_no_handshake() {
    let certificate = Certificate::new();
    let first = certificate.toml();
    let gate = Gate::start(&configuration(&first, "handshakes = \"2/s\"", "")).await;
    for _ in 0..2 {
        let connected = certificate.speak(gate.address(), "http/1.1").await;
        let mut socket = crate::support::socket::Socket::over(connected);
        socket
            .send(http::request("GET", "/v1/negotiate", &[ANN], ""))
            .await;
        assert_eq!(socket.answer("GET").await.status(), 200);
    }
    let versions = &[&rustls::version::TLS13, &rustls::version::TLS12];
    let refused = certificate
        .connect(gate.address(), &["http/1.1"], versions)
        .await;
    assert!(refused.is_err());
    gate.hand.advance(Duration::from_secs(1));
    certificate.speak(gate.address(), "http/1.1").await;
}
