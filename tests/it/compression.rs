//! Long answers are compressed for those who ask; streams and short answers are not.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::http::{Answer, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const KEY: (&str, &str) = ("X-API-Key", "the-key-of-compression");
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");
const HISTORY: &str = "/v1/rooms/r/events?limit=1000";
const POLL: &str = "/v1/stream?room=r&since=earliest";

/// A gateway whose room `r` holds so many events of 100 bytes and more.
async fn gate(events: usize) -> Gate {
    let key = api_key("a", KEY.1, "a");
    let role = "[roles.a]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nadmin = true\n";
    let gate = Gate::start(&format!("{key}{role}")).await;
    let event = json!({"room": "r", "event": "e", "data": "x".repeat(100)});
    for _ in 0..events / 100 {
        let body = json!({"events": vec![event.clone(); 100]}).to_string();
        let answer = gate
            .request("POST", "/v1/publish", &[KEY, GZIP], &body)
            .await;
        assert_eq!(answer.status(), 202);
        // Long as it is, it answers what was sent.
        assert_eq!(answer.header("content-encoding"), None);
    }
    gate
}

async fn get(gate: &Gate, target: &str, accept_encoding: Option<&str>) -> Answer {
    let coding = accept_encoding.map(|value| ("Accept-Encoding", value));
    let headers: Vec<_> = [KEY].into_iter().chain(coding).collect();
    let answer = gate.request("GET", target, &headers, "").await;
    assert_eq!(answer.status(), 200, "{target}");
    answer
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut out = Vec::new();
    GzDecoder::new(&*answer.body).read_to_end(&mut out).unwrap();
    out
}

fn varies_by(answer: &Answer, what: &str) -> bool {
    let lines = answer.head.headers.iter();
    let mut vary = lines.filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
    vary.any(|(_, value)| value.contains(what))
}

#[tokio::test]
async fn history_polls_and_metrics_come_compressed_to_those_who_ask() {
    // Below and above the length from which another thread does it.
    for events in [100, 900] {
        let gate = gate(events).await;
        for target in [HISTORY, POLL] {
            let (plain, coded) = (
                get(&gate, target, None).await,
                get(&gate, target, Some("gzip, deflate, br")).await,
            );
            assert_eq!(unpacked(&coded), plain.body, "{target}");
            assert!(coded.body.len() < plain.body.len() / 4, "{target}");
            let length = coded.header("content-length").unwrap();
            assert_eq!(length, coded.body.len().to_string());
        }
        let metrics = get(&gate, "/metrics", Some("gzip")).await;
        let text = String::from_utf8(unpacked(&metrics)).unwrap();
        assert!(text.contains("\ngatecast_log_events "));
    }
}

#[tokio::test]
async fn who_does_not_ask_gets_the_answer_as_it_is_and_caches_are_told() {
    let gate = gate(100).await;
    for accept in [
        None,
        Some(""),
        Some("br"),
        Some("gzip;q=0"),
        Some("identity"),
        Some("*;q=0"),
        Some("identity, gzip;q=0.5"),
    ] {
        let answer = get(&gate, HISTORY, accept).await;
        assert_eq!(answer.header("content-encoding"), None, "{accept:?}");
        assert!(varies_by(&answer, "Accept-Encoding"), "{accept:?}");
        assert!(varies_by(&answer, "Origin"), "{accept:?}");
        assert!(answer.json()["events"].is_array(), "{accept:?}");
    }
    for accept in ["*", "x-gzip", "gzip;q=0.1", "identity;q=0.5, gzip"] {
        let answer = get(&gate, HISTORY, Some(accept)).await;
        let page: Value = serde_json::from_slice(&unpacked(&answer)).unwrap();
        assert_eq!(
            page["events"].as_array().map(Vec::len),
            Some(100),
            "{accept}"
        );
        assert!(varies_by(&answer, "Accept-Encoding"), "{accept}");
    }
}

#[tokio::test]
async fn a_short_answer_is_not_worth_it() {
    let gate = gate(0).await;
    for target in [HISTORY, "/v1/stream?room=r"] {
        let answer = get(&gate, target, Some("gzip")).await;
        assert_eq!(answer.header("content-encoding"), None, "{target}");
        assert!(varies_by(&answer, "Accept-Encoding"), "{target}");
    }
    let refused = gate.request("GET", HISTORY, &[GZIP], "").await;
    assert_eq!(refused.code(), "unauthorized");
    assert_eq!(refused.header("content-encoding"), None);
}

#[tokio::test]
async fn a_head_request_tells_what_a_get_would() {
    let gate = gate(100).await;
    let answer = gate.request("HEAD", HISTORY, &[KEY, GZIP], "").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.is_empty());
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!((1..5000).contains(&length), "{length}");
}

#[tokio::test]
async fn a_stream_is_never_compressed() {
    let gate = gate(100).await;
    let target = "/v1/stream?room=r&since=earliest";
    let mut socket = gate.connect().await;
    let headers = [KEY, GZIP, ("Accept", "text/event-stream")];
    socket.send(request("GET", target, &headers, "")).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.header("content-encoding"), None);
    assert!(body.event("e").await.contains("xxxx"));
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, target, &[KEY, GZIP])
        .await
        .unwrap();
    assert_eq!(socket.head.header("content-encoding"), None);
    socket.text().await;
    assert!(socket.text().await.contains("xxxx"));
}

#[tokio::test]
async fn the_length_of_an_answer_is_blurred() {
    let gate = gate(100).await;
    let mut lengths = std::collections::HashSet::new();
    for _ in 0..30 {
        lengths.insert(get(&gate, HISTORY, Some("gzip")).await.body.len());
    }
    // Thirty throws of a die with a hundred sides.
    assert!(lengths.len() > 5, "{lengths:?}");
}
