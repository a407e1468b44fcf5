//! Stopping: who is told what, when, and what is still finished.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::http::{self, Next, request};
use crate::support::http2::Http2;
use crate::support::{Gate, KEY, patiently};

const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
/// The gateway asks for the body: it has read the head, and the request is under way.
const EXPECT: (&str, &str) = ("Expect", "100-continue");
const SECOND: Duration = Duration::from_secs(1);

async fn event_source(gate: &Gate) -> http::Body {
    let mut socket = gate.connect().await;
    socket
        .send(request(
            "GET",
            "/v1/stream?room=r",
            &[KEY, EVENT_STREAM],
            "",
        ))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    body.event("welcome").await;
    body
}

#[tokio::test]
async fn every_transport_is_told_that_it_may_come_back_and_then_ended_in_its_own_way() {
    let mut gate = Gate::open("", "").await;
    let (mut sse, mut socket) = (event_source(&gate).await, gate.websocket().await);
    let history = gate
        .request("GET", "/v1/rooms/r/events", &[KEY], "")
        .await
        .json();
    let target = format!(
        "/v1/stream?room=r&since={}",
        history["cursor"].as_str().unwrap()
    );
    let mut poll = gate.connect().await;
    poll.send(request("GET", &target, &[KEY], "")).await;
    gate.polls_wait(1).await;
    gate.stop().await;

    let bye = sse.event("bye").await;
    let bye: serde_json::Value = serde_json::from_str(
        bye.lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        (&bye["code"], &bye["reconnect"]),
        (&json!("draining"), &json!(true))
    );
    assert!(
        (1000..=3000).contains(&bye["retry_after_ms"].as_u64().unwrap()),
        "{bye}"
    );
    assert_eq!(
        sse.end().await,
        Next::Cut,
        "an EventSource comes back from a body that breaks off"
    );

    let told: serde_json::Value = serde_json::from_str(&socket.text().await).unwrap();
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("bye"), &json!("draining"))
    );
    assert_eq!(socket.closed().await.0, Some(3001));

    let answer = poll.answer("GET").await;
    assert_eq!(answer.json()["control"][0]["type"], "bye");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn every_answer_of_a_drain_says_bye_whatever_ended_the_wait() {
    let mut gate = Gate::open("", "[server]\ndrain = \"60s\"\ndrain_window = \"30s\"\n").await;
    let history = gate.request("GET", "/v1/rooms/r/events", &[KEY], "").await;
    let cursor = history.json()["cursor"].as_str().unwrap().to_owned();
    let mut polls = Vec::new();
    for _ in 0..20 {
        let mut poll = gate.connect().await;
        let target = format!("/v1/stream?room=r&wait=1&since={cursor}");
        poll.send(request("GET", &target, &[KEY], "")).await;
        polls.push(poll);
    }
    gate.polls_wait(20).await;
    let drained = gate.begin_stop().await;
    for mut poll in polls {
        let answer = gate.hasten(SECOND, poll.answer("GET")).await;
        assert_eq!(
            answer.json()["control"][0]["type"],
            "bye",
            "{}",
            answer.text()
        );
    }
    assert_eq!(gate.hasten(SECOND, drained).await.unwrap(), []);
}

#[tokio::test]
async fn the_ends_of_the_streams_are_spread_over_the_window_and_none_is_late() {
    const STREAMS: usize = 60;
    let mut gate = Gate::open("", "[server]\ndrain = \"20s\"\ndrain_window = \"10s\"\n").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(event_source(&gate).await);
    }
    let clock = gate.clock().clone();
    let began = clock.now();
    let told = streams.into_iter().map(|mut stream| {
        let clock = clock.clone();
        async move {
            stream.event("bye").await;
            clock.now().since(began).as_secs()
        }
    });
    let drained = gate.begin_stop().await;
    let (late, told) = gate
        .hasten(
            SECOND / 10,
            futures_util::future::join(drained, join_all(told)),
        )
        .await;
    assert_eq!(late.unwrap(), []);
    // A step of the test's clock may pass before a stream has heard of the drain, or its client of the end.
    assert!(told.iter().all(|second| *second <= 12), "{told:?}");
    for quarter in 0..4 {
        let within = |second: &&u64| (quarter * 3..quarter * 3 + 3).contains(*second);
        let count = told.iter().filter(within).count();
        assert!(count < STREAMS / 2, "{told:?}");
    }
}

#[tokio::test]
async fn a_publish_whose_body_is_on_its_way_is_finished_and_a_new_one_finds_the_door_closed() {
    let mut gate = Gate::open("", "").await;
    let mut under_way = gate.connect().await;
    let whole = request(
        "POST",
        "/v1/rooms/r/events",
        &[KEY, EXPECT],
        r#"{"event":"e","data":1}"#,
    );
    let (first, rest) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    under_way.send(first).await;
    under_way.until(b"100 Continue\r\n\r\n").await.unwrap();
    let drained = gate.begin_stop().await;
    let address = gate.address();
    let closed = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            patiently(Duration::from_millis(1), std::future::pending::<()>()).await;
        }
    };
    crate::support::within("the door to close", closed).await;
    under_way.send(rest).await;
    assert_eq!(under_way.answer("POST").await.status(), 202);
    assert_eq!(gate.hasten(SECOND, drained).await.unwrap(), []);
}

#[tokio::test]
async fn who_connected_in_the_moment_before_is_answered_and_who_says_nothing_delays_nobody() {
    let mut gate = Gate::open("", "").await;
    let (mut late, silent) = (gate.connect().await, gate.connect().await);
    let mut begun = gate.connect().await;
    begun.send("GET /healthz HTTP/1.1\r\nHo").await;
    let mut http2 = Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await;
    // Whoever is answered on a connection opened later has seen all of them accepted.
    assert_eq!(gate.request("GET", "/healthz", &[], "").await.status(), 200);
    let before = gate.elapsed();
    let drained = gate.begin_stop().await;
    late.send(request("GET", "/healthz", &[], "")).await;
    begun.send("st: gate\r\n\r\n").await;
    for mut socket in [late, begun] {
        let answer = socket.answer("GET").await;
        assert_eq!(
            (answer.status(), answer.header("connection")),
            (200, Some("close"))
        );
        assert!(!socket.fill().await, "and nothing more");
    }
    let answer = http2.open("GET", "/healthz", &[], None).await;
    assert_eq!(answer.head.status, 200);
    assert_eq!(gate.hasten(SECOND / 10, drained).await.unwrap(), []);
    assert!(gate.elapsed() - before <= 3 * SECOND);
    drop(silent);
}

#[tokio::test]
async fn who_is_not_done_at_the_deadline_is_named_and_cut() {
    let mut gate = Gate::open("", "[server]\ndrain = \"1s\"\n").await;
    let mut under_way = gate.connect().await;
    let whole = request(
        "POST",
        "/v1/rooms/r/events",
        &[KEY, EXPECT],
        r#"{"event":"e","data":1}"#,
    );
    under_way
        .send(&whole[..whole.find("\r\n\r\n").unwrap() + 4])
        .await;
    under_way.until(b"100 Continue\r\n\r\n").await.unwrap();
    let before = gate.elapsed();
    let drained = gate.begin_stop().await;
    let late = gate.hasten(SECOND / 10, drained).await.unwrap();
    assert_eq!(late, [("connection", 1)]);
    assert!(gate.elapsed() - before <= 2 * SECOND);
}

#[tokio::test]
async fn streams_end_by_themselves_within_the_last_fifth_of_their_lifetime_and_may_come_back() {
    const STREAMS: usize = 40;
    let gate = Gate::open("", "[server]\nlifetime = \"100s\"\n").await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(event_source(&gate).await);
    }
    let clock = gate.clock().clone();
    let began = clock.now();
    let told = streams.into_iter().map(|mut stream| {
        let clock = clock.clone();
        async move {
            assert!(stream.event("bye").await.contains(r#""reconnect":true"#));
            clock.now().since(began).as_secs()
        }
    });
    let told = gate.hasten(SECOND / 2, join_all(told)).await;
    // A step of the test's clock may pass before a client has heard of its end.
    assert!(
        told.iter().all(|second| (80..=103).contains(second)),
        "{told:?}"
    );
    let early = told.iter().filter(|second| **second < 90).count();
    assert!((1..STREAMS).contains(&early), "{told:?}");
    event_source(&gate).await;
}
