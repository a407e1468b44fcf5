//! Spans of requests that publish, as a collector gets them. Built with the feature `otlp` only.

use tokio::net::TcpListener;

use crate::support::socket::Socket;
use crate::support::{Gate, KEY, within};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that takes what comes: the bodies of the requests for `/v1/traces`, up to `count`.
async fn collected(listener: TcpListener, count: usize) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let (stream, _) = within("the gateway's client", listener.accept())
        .await
        .unwrap();
    let mut socket = Socket::over(stream);
    while bodies.len() < count {
        let head = String::from_utf8(socket.until(b"\r\n\r\n").await.unwrap()).unwrap();
        assert!(
            head.starts_with("POST /base/v1/traces HTTP/1.1\r\n"),
            "{head}"
        );
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        bodies.push(socket.exactly(length).await.unwrap());
        socket
            .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await;
    }
    bodies
}

async fn exporting(percent: u8) -> (TcpListener, Gate) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/base/", listener.local_addr().unwrap());
    let toml = format!("telemetry.otlp = {{ endpoint = \"{endpoint}\", percent = {percent} }}\n");
    (listener, Gate::open(&toml, "").await)
}

async fn publish(gate: &Gate, traceparent: Option<&str>) -> String {
    let header = traceparent.map(|value| ("traceparent", value));
    let headers: Vec<_> = [KEY].into_iter().chain(header).collect();
    let body = r#"{"event": "e", "data": 1}"#;
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &headers, body)
        .await;
    assert_eq!(answer.status(), 202);
    answer.header("x-request-id").unwrap().to_owned()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let pairs = digits.map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn count(body: &[u8], part: &[u8]) -> usize {
    body.windows(part.len()).filter(|at| *at == part).count()
}

/// A field of bytes in protobuf: the tag, the length, the bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [
        &[number << 3 | 2, u8::try_from(bytes.len()).unwrap()],
        bytes,
    ]
    .concat()
}

#[tokio::test]
async fn a_publish_is_a_span_in_the_trace_of_whoever_asked_and_the_collector_has_it_when_the_gateway_stops()
 {
    let (listener, mut gate) = exporting(100).await;
    let traced = format!("00-{TRACE}-{PARENT}-01");
    let id = publish(&gate, Some(&traced)).await;
    gate.request(
        "GET",
        "/v1/rooms/r/events",
        &[KEY, ("traceparent", &traced)],
        "",
    )
    .await;
    let (bodies, ()) = tokio::join!(collected(listener, 1), gate.stop());
    let body = &bodies[0];
    // opentelemetry.proto.trace.v1.Span: trace_id is 1, parent_span_id is 4, name is 5. The one that read is no span.
    assert_eq!(count(body, &field(1, &bytes(TRACE))), 1);
    assert_eq!(count(body, &field(4, &bytes(PARENT))), 1);
    let name = b"POST /v1/rooms/{room}/events";
    assert_eq!(count(body, &field(5, name)), 1);
    for part in [
        "gatecast",
        "http.response.status_code",
        "gatecast.request_id",
        &id,
    ] {
        assert!(count(body, part.as_bytes()) > 0, "{part}");
    }
}

#[tokio::test]
async fn a_trace_that_is_malformed_begins_anew_and_one_that_is_not_sampled_is_not_exported() {
    let (listener, mut gate) = exporting(100).await;
    let unsampled = format!("00-{TRACE}-{PARENT}-00");
    let left_out = publish(&gate, Some(&unsampled)).await;
    let malformed = format!("00-{TRACE}-{PARENT}-1");
    let anew = publish(&gate, Some(&malformed)).await;
    let alone = publish(&gate, None).await;
    let (bodies, ()) = tokio::join!(collected(listener, 1), gate.stop());
    let body = &bodies[0];
    for (id, times) in [(left_out, 0), (anew, 1), (alone, 1)] {
        assert_eq!(count(body, id.as_bytes()), times);
    }
    assert_eq!(count(body, &bytes(TRACE)), 0);
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_waited_for_by_nobody() {
    let (listener, mut gate) = exporting(100).await;
    drop(listener);
    publish(&gate, None).await;
    gate.stop().await;
}
