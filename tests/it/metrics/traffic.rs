//! Known traffic on each transport, and what it adds up to.

use std::time::Duration;

use serde_json::{Value, json};

use super::exposition::Exposition;
use super::{BACKEND, READER, gate, numbers};
use crate::support::http::{Body, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, within};

const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");

pub(super) async fn publish(gate: &Gate, body: &Value) -> Value {
    let body = body.to_string();
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &[BACKEND], &body)
        .await;
    answer.json()
}

pub(super) async fn event_source(gate: &Gate, target: &str) -> Body {
    let mut socket = gate.connect().await;
    let headers = [READER, EVENT_STREAM];
    socket.send(request("GET", target, &headers, "")).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200);
    body.event("welcome").await;
    body
}

pub(super) async fn websocket(gate: &Gate, target: &str) -> WebSocket {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, target, &[READER]).await.unwrap();
    socket.text().await;
    socket
}

/// The numbers, once `series` has this value.
pub(super) async fn once(gate: &Gate, series: &str, value: f64) -> Exposition {
    within(series, async {
        loop {
            let numbers = numbers(gate).await;
            if numbers.get(series) == value {
                return numbers;
            }
        }
    })
    .await
}

fn start(of: &Value) -> &str {
    of["cursor"].as_str().unwrap()
}

#[tokio::test]
async fn deliveries_and_their_bytes_are_counted_on_each_transport() {
    let gate = gate().await;
    let head = gate
        .request("GET", "/v1/stream?room=r", &[READER], "")
        .await;
    let target = format!("/v1/stream?room=r&since={}", start(&head.json()));
    let mut sse = event_source(&gate, "/v1/stream?room=r").await;
    let mut raw = event_source(&gate, "/v1/stream?room=r&data=raw").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r").await;
    let mut poll = gate.connect().await;
    poll.send(request("GET", &target, &[READER], "")).await;
    once(
        &gate,
        "gatecast_streams{transport=\"long-poll\",dialect=\"native\",http=\"1.1\"}",
        1.0,
    )
    .await;

    publish(&gate, &json!({"event": "n", "data": 1})).await;
    let polled = poll.answer("GET").await.json()["events"][0].to_string();
    publish(&gate, &json!({"event": "n", "data": "zwei"})).await;
    let (mut blocks, mut raws, mut envelopes) = (0, 0, 0);
    for _ in 0..2 {
        blocks += sse.event("n").await.len() + 2;
        raws += raw.event("n").await.len() + 2;
        envelopes += socket.text().await.len();
    }

    let numbers = numbers(&gate).await;
    assert_eq!(
        numbers.set("gatecast_deliveries_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"native\",kind=\"live\"}",
                1.0
            ),
            ("{transport=\"sse\",dialect=\"native\",kind=\"live\"}", 4.0),
            (
                "{transport=\"websocket\",dialect=\"native\",kind=\"live\"}",
                2.0
            ),
        ]
    );
    assert_eq!(
        numbers.set("gatecast_delivered_bytes_total"),
        [
            ("{transport=\"long-poll\"}", polled.len() as f64),
            ("{transport=\"sse\"}", (blocks + raws) as f64),
            ("{transport=\"websocket\"}", envelopes as f64),
        ]
    );
    assert_eq!(
        numbers.set("gatecast_delivery_latency_seconds_count"),
        [
            ("{transport=\"long-poll\"}", 1.0),
            ("{transport=\"sse\"}", 4.0),
            ("{transport=\"websocket\"}", 2.0),
        ]
    );
    assert_eq!(
        numbers.set("gatecast_reader_lag_events_sum"),
        [
            ("{transport=\"long-poll\"}", 1.0),
            ("{transport=\"sse\"}", 4.0),
            ("{transport=\"websocket\"}", 2.0),
        ]
    );
    assert_eq!(numbers.get("gatecast_events_published_total"), 2.0);
    assert_eq!(numbers.get("gatecast_publish_latency_seconds_count"), 2.0);
    assert_eq!(numbers.get("gatecast_log_events"), 2.0);
    assert!(numbers.get("gatecast_log_bytes") > 1000.0);
    assert_eq!(numbers.set("gatecast_gaps_total"), []);
    assert_eq!(numbers.set("gatecast_refusals_total"), []);
    assert_eq!(
        numbers.set("gatecast_http_requests_total"),
        [
            ("{route=\"/metrics\",status=\"2xx\"}", numbers.get(SCRAPES)),
            ("{route=\"/v1/rooms/{room}/events\",status=\"2xx\"}", 2.0),
            ("{route=\"/v1/stream\",status=\"1xx\"}", 1.0),
            ("{route=\"/v1/stream\",status=\"2xx\"}", 4.0),
        ]
    );
}

const SCRAPES: &str = "gatecast_http_requests_total{route=\"/metrics\",status=\"2xx\"}";

#[tokio::test]
async fn streams_are_counted_from_their_opening_to_their_end() {
    let mut gate = gate().await;
    let sse = event_source(&gate, "/v1/stream?room=r").await;
    let first = websocket(&gate, "/v1/stream?room=r").await;
    let mut second = websocket(&gate, "/v1/stream?room=s").await;
    gate.request("GET", "/v1/stream?room=r", &[READER], "")
        .await;

    let open = numbers(&gate).await;
    assert_eq!(
        open.set("gatecast_streams"),
        [
            ("{transport=\"sse\",dialect=\"native\",http=\"1.1\"}", 1.0),
            (
                "{transport=\"websocket\",dialect=\"native\",http=\"1.1\"}",
                2.0
            ),
        ]
    );
    assert_eq!(
        open.set("gatecast_streams_opened_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"native\",http=\"1.1\"}",
                1.0
            ),
            ("{transport=\"sse\",dialect=\"native\",http=\"1.1\"}", 1.0),
            (
                "{transport=\"websocket\",dialect=\"native\",http=\"1.1\"}",
                2.0
            ),
        ]
    );

    drop((sse, first));
    second
        .say(r#"{"type": "auth", "ref": 1, "token": "a.b.c"}"#)
        .await;
    assert_eq!(second.json().await["code"], "unauthorized");
    // A frame that is not masked (RFC 6455 §5.1).
    second.socket.send([0x81, 0x01, b'x']).await;
    second.closed().await;
    once(
        &gate,
        "gatecast_streams{transport=\"sse\",dialect=\"native\",http=\"1.1\"}",
        0.0,
    )
    .await;
    let ended = once(
        &gate,
        "gatecast_streams{transport=\"websocket\",dialect=\"native\",http=\"1.1\"}",
        0.0,
    )
    .await;
    assert_eq!(
        ended.set("gatecast_streams_ended_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"native\",reason=\"answered\"}",
                1.0
            ),
            (
                "{transport=\"sse\",dialect=\"native\",reason=\"client\"}",
                1.0
            ),
            (
                "{transport=\"websocket\",dialect=\"native\",reason=\"client\"}",
                1.0
            ),
            (
                "{transport=\"websocket\",dialect=\"native\",reason=\"protocol_error\"}",
                1.0
            ),
        ]
    );
    assert_eq!(
        ended.set("gatecast_refusals_total"),
        [
            ("{code=\"protocol_error\",transport=\"websocket\"}", 1.0),
            ("{code=\"unauthorized\",transport=\"websocket\"}", 1.0),
        ]
    );
    gate.stop().await;
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let gate = gate().await;
    let sockets = [gate.connect().await, gate.connect().await];
    let open = "gatecast_connections{listener=\"http\"}";
    let numbers = once(&gate, open, 3.0).await;
    let accepted = 2.0 + numbers.get(SCRAPES) + 1.0;
    assert_eq!(
        numbers.set("gatecast_connections_accepted_total"),
        [("{listener=\"http\"}", accepted)]
    );
    drop(sockets);
    once(&gate, open, 1.0).await;
}

#[tokio::test]
async fn publishes_count_by_what_became_of_them() {
    let gate = gate().await;
    let key = ("Idempotency-Key", "once");
    for _ in 0..3 {
        let body = r#"{"event": "n"}"#;
        let answer = gate
            .request("POST", "/v1/rooms/r/events", &[BACKEND, key], body)
            .await;
        assert_eq!(answer.status(), 202);
    }
    assert_eq!(
        publish(&gate, &json!({"event": "welcome"})).await["code"],
        "reserved_event"
    );
    let body = r#"{"event": "n"}"#;
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &[READER], body)
        .await;
    assert_eq!(answer.status(), 403);
    let several = json!({"events": [
        {"room": "r", "event": "n"}, {"room": "r", "event": "gap"}, {"rooms": ["r", "s"], "event": "n"},
    ]});
    let several = several.to_string();
    gate.request("POST", "/v1/publish", &[BACKEND], &several)
        .await;
    gate.request("POST", "/v1/publish", &[READER], &several)
        .await;
    let message = r#"{"type": "publish", "ref": 1, "room": "r", "event": "n"}"#;
    gate.request("POST", "/v1/messages", &[BACKEND], message)
        .await;
    gate.request("POST", "/v1/messages", &[READER], message)
        .await;

    let numbers = numbers(&gate).await;
    assert_eq!(numbers.get("gatecast_events_published_total"), 4.0);
    assert_eq!(numbers.get("gatecast_publishes_repeated_total"), 2.0);
    assert_eq!(
        numbers.set("gatecast_publishes_refused_total"),
        [
            // The reader's: one, two of the three (the third has a name that is refused before), one by message.
            ("{code=\"forbidden\"}", 4.0),
            ("{code=\"reserved_event\"}", 3.0),
        ]
    );
    assert_eq!(
        numbers.set("gatecast_refusals_total"),
        [
            // Those inside the answer to several events are none of the request's.
            ("{code=\"forbidden\",transport=\"http\"}", 2.0),
            ("{code=\"reserved_event\",transport=\"http\"}", 1.0),
        ]
    );
}

#[tokio::test]
async fn what_a_client_missed_counts_as_replay_and_what_is_gone_as_a_gap() {
    let mut gate = gate().await;
    let first = publish(&gate, &json!({"event": "n"})).await;
    for _ in 0..1001 {
        publish(&gate, &json!({"event": "n"})).await;
    }
    let since = first["id"].as_str().unwrap();
    let target = format!("/v1/stream?room=r&room=s&since={since}");
    let answer = gate.request("GET", &target, &[READER], "").await.json();
    assert_eq!(answer["gaps"].as_array().map(Vec::len), Some(1));
    let mut socket = gate.connect().await;
    socket
        .send(request("GET", &target, &[READER, EVENT_STREAM], ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    body.event("gap").await;
    body.event("n").await;
    let refused = gate
        .request("GET", "/v1/stream?room=t", &[READER], "")
        .await;
    assert_eq!(refused.status(), 403);

    let numbers = numbers(&gate).await;
    let replayed = numbers.get(
        "gatecast_deliveries_total{transport=\"long-poll\",dialect=\"native\",kind=\"replay\"}",
    );
    assert_eq!(replayed, 500.0);
    // It found a thousand, and took what one answer holds.
    let waiting = numbers.get("gatecast_reader_lag_events_sum{transport=\"long-poll\"}");
    assert_eq!(waiting, 1000.0);
    let timed = numbers.get("gatecast_delivery_latency_seconds_count{transport=\"long-poll\"}");
    assert_eq!(timed, 0.0, "a replay says nothing about how fast we are");
    assert_eq!(
        numbers.set("gatecast_gaps_total"),
        [("{reason=\"evicted\"}", 2.0)]
    );
    assert_eq!(
        numbers.set("gatecast_refusals_total"),
        [("{code=\"forbidden\",transport=\"long-poll\"}", 1.0)]
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_slow_reader_shows_while_it_does_not_read_and_when_it_reads_on() {
    let gate = gate().await;
    let mut slow = event_source(&gate, "/v1/stream?room=r").await;
    let event = json!({"event": "n", "data": "x".repeat(50_000)});
    // More than the buffers between gateway and client hold, less than the room's history.
    let published = 80;
    for _ in 0..published {
        publish(&gate, &event).await;
    }
    gate.hand.advance(Duration::from_secs(8));
    let behind = numbers(&gate).await;
    assert!(behind.get("gatecast_slowest_reader_lag_events") > 10.0);
    assert_eq!(behind.get("gatecast_slowest_reader_lag_seconds"), 8.0);
    assert_eq!(behind.get("gatecast_log_oldest_age_seconds"), 8.0);

    for _ in 0..published {
        slow.event("n").await;
    }
    let caught_up = numbers(&gate).await;
    assert_eq!(caught_up.get("gatecast_slowest_reader_lag_events"), 0.0);
    assert_eq!(caught_up.get("gatecast_slowest_reader_lag_seconds"), 0.0);
    let waited = caught_up.get("gatecast_delivery_latency_seconds_sum{transport=\"sse\"}");
    assert!(waited >= 80.0, "{waited} s over all events");
    let reads = "gatecast_reader_lag_events_bucket{le=\"10.0\",transport=\"sse\"}";
    let all = "gatecast_reader_lag_events_count{transport=\"sse\"}";
    assert!(
        caught_up.get(reads) < caught_up.get(all),
        "no read found more than ten"
    );
}

#[tokio::test]
async fn a_client_that_takes_nothing_ends_as_slow() {
    let gate = gate().await;
    let _sse = event_source(&gate, "/v1/stream?room=r").await;
    let _websocket = websocket(&gate, "/v1/stream?room=r").await;
    let event = json!({"event": "n", "data": "x".repeat(50_000)});
    for _ in 0..200 {
        publish(&gate, &event).await;
    }
    for transport in ["sse", "websocket"] {
        let series = format!(
            "gatecast_streams_ended_total{{transport=\"{transport}\",dialect=\"native\",reason=\"slow\"}}"
        );
        let ended = async { while numbers(&gate).await.get(&series) == 0.0 {} };
        gate.hasten(Duration::from_secs(1), ended).await;
    }
}
