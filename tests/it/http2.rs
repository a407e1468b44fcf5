//! HTTP/2 (RFC 9113), in clear text by prior knowledge: what over TLS is the same.
#![allow(
    clippy::disallowed_methods,
    reason = "a client's half of a connection runs beside the test, and ends with its runtime"
)]

use std::time::Duration;

use h2::Reason;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::http2::{End, Http2, Streamed};
use crate::support::{Gate, KEY, patiently, within};

const EVENT_STREAM: (&str, &str) = ("accept", "text/event-stream");
const SECOND: Duration = Duration::from_secs(1);

async fn connect(gate: &Gate) -> Http2 {
    Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await
}

async fn event_source(http2: &mut Http2) -> (Streamed, serde_json::Value) {
    let mut sse = http2
        .open("GET", "/v1/stream?room=r", &[KEY, EVENT_STREAM], None)
        .await;
    let welcome = sse.block().await.unwrap();
    let data = welcome
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    (sse, serde_json::from_str(data).unwrap())
}

async fn publish(http2: &mut Http2, data: &serde_json::Value) -> u16 {
    let body = json!({"event": "e", "data": data}).to_string();
    http2
        .request("POST", "/v1/rooms/r/events", &[KEY], Some(&body))
        .await
        .0
}

#[tokio::test]
async fn a_hundred_event_sources_share_one_connection() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(event_source(&mut http2).await.0);
    }
    assert_eq!(publish(&mut http2, &json!(7)).await, 202);
    for stream in &mut streams {
        assert!(stream.block().await.unwrap().contains("\"data\":7"));
    }
}

#[tokio::test]
async fn an_event_is_one_frame_and_so_is_a_short_answer() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let (mut sse, _) = event_source(&mut http2).await;
    for data in 0..3 {
        assert_eq!(publish(&mut http2, &json!(data)).await, 202);
        sse.fill().await.unwrap();
        assert!(sse.unread().ends_with(b"\n\n"), "half an event");
    }
    let mut answer = http2.open("GET", "/healthz", &[], None).await;
    answer.fill().await.unwrap();
    assert_eq!(answer.unread(), b"ok\n");
}

#[tokio::test]
async fn a_drain_is_told_on_each_stream_before_it_is_reset() {
    let mut gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let (mut sse, _) = event_source(&mut http2).await;
    let history = http2
        .request("GET", "/v1/rooms/r/events", &[KEY], None)
        .await
        .1;
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let target = format!(
        "/v1/stream?room=r&since={}",
        history["cursor"].as_str().unwrap()
    );
    let poll = http2.send("GET", &target, &[KEY], None).await;
    // Behind this one's answer the poll is held.
    http2.request("GET", "/healthz", &[], None).await;
    gate.stop().await;
    let (rest, end) = sse.rest().await;
    assert!(
        rest.starts_with("event: bye\n") && rest.ends_with("\n\n"),
        "{rest}"
    );
    assert_eq!(end, End::Reset(Reason::INTERNAL_ERROR));
    let (head, mut body) = poll.await.unwrap().into_parts();
    let body = body.data().await.unwrap().unwrap();
    assert_eq!(head.status, 200);
    assert!(
        std::str::from_utf8(&body)
            .unwrap()
            .contains("\"type\":\"bye\"")
    );
}

#[tokio::test]
async fn a_stream_that_is_reset_loses_nothing_of_what_a_slow_reader_has_still_to_read() {
    let mut gate = Gate::open("", "").await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut slow = Http2::with_window(socket, 100).await;
    let (mut sse, _) = event_source(&mut slow).await;
    let text = "x".repeat(5000);
    assert_eq!(publish(&mut connect(&gate).await, &json!(text)).await, 202);
    let reading = tokio::spawn(async move { sse.rest().await });
    gate.stop().await;
    let (rest, end) = reading.await.unwrap();
    assert!(rest.contains(&text));
    assert!(
        rest.contains("event: bye\n") && rest.ends_with("\n\n"),
        "{rest}"
    );
    assert_eq!(end, End::Reset(Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn a_stream_whose_window_stays_closed_holds_up_neither_its_connection_nor_the_drain() {
    let mut gate = Gate::open("", "").await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::with_window(socket, 1000).await;
    let (_stalled, _) = event_source(&mut http2).await;
    let (mut reading, _) = event_source(&mut http2).await;
    for data in 0..20 {
        let data = json!([data, "x".repeat(200)]);
        assert_eq!(publish(&mut http2, &data).await, 202);
        assert!(reading.block().await.unwrap().contains(&data.to_string()));
    }
    let before = gate.elapsed();
    gate.stop().await;
    assert!(
        gate.elapsed() - before < 9 * SECOND,
        "{:?}",
        gate.elapsed() - before
    );
}

#[tokio::test]
async fn a_stream_whose_window_stays_closed_is_given_up_and_its_connection_is_not() {
    let gate = Gate::open("", "").await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::with_window(socket, 1000).await;
    let (mut stalled, welcome) = event_source(&mut http2).await;
    for data in 0..20 {
        assert_eq!(
            publish(&mut http2, &json!([data, "x".repeat(200)])).await,
            202
        );
    }
    let stream = welcome["stream"].as_str().unwrap();
    let target = format!("/v1/messages?stream={stream}");
    let ping = r#"{"type":"ping","ref":1}"#;
    let gone = async {
        while http2.request("POST", &target, &[KEY], Some(ping)).await.0 == 200 {
            let pause = std::future::pending::<()>();
            patiently(Duration::from_millis(5), pause).await;
        }
    };
    gate.hasten(SECOND, gone).await;
    assert!(gate.elapsed() >= 30 * SECOND);
    assert_eq!(publish(&mut http2, &json!(1)).await, 202);
    let (_, end) = gate.hasten(SECOND, stalled.rest()).await;
    assert_eq!(
        end,
        End::Reset(Reason::INTERNAL_ERROR),
        "it comes back with its cursor"
    );
}

#[tokio::test]
async fn a_stream_that_its_client_cancels_is_gone_and_the_others_stay() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let (cancelled, welcome) = event_source(&mut http2).await;
    let (mut other, _) = event_source(&mut http2).await;
    drop(cancelled);
    let target = format!(
        "/v1/messages?stream={}",
        welcome["stream"].as_str().unwrap()
    );
    within("the stream to be gone", async {
        while http2
            .request("POST", &target, &[KEY], Some(r#"{"type":"ping","ref":1}"#))
            .await
            .0
            != 404
        {}
    })
    .await;
    assert_eq!(publish(&mut http2, &json!(1)).await, 202);
    assert!(other.block().await.unwrap().contains("\"data\":1"));
}

#[tokio::test]
async fn a_head_is_answered_without_a_body_and_with_its_length() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    assert_eq!(publish(&mut http2, &json!("x".repeat(3000))).await, 202);
    for target in ["/healthz", "/v1/rooms/r/events"] {
        let (_, body) = http2.request("GET", target, &[KEY], None).await;
        let mut head = http2.open("HEAD", target, &[KEY], None).await;
        assert_eq!(
            head.head.headers["content-length"],
            body.len().to_string().as_str()
        );
        assert_eq!(head.rest().await, (String::new(), End::Clean));
    }
}

/// A page of history of nearly a megabyte.
const PAGE: &str = "/v1/rooms/r/events?limit=1000";

async fn fill(gate: &Gate) {
    let mut http2 = connect(gate).await;
    for data in 0..20 {
        assert_eq!(
            publish(&mut http2, &json!([data, "x".repeat(50_000)])).await,
            202
        );
    }
}

/// Takes a whole answer piece by piece, with a moment of the gateway's time between two pieces.
async fn take_slowly(gate: &Gate, answer: &mut Streamed) -> (usize, End) {
    let mut pieces = 0;
    loop {
        // The gateway sees what was taken before its clock goes on: a client that takes nothing for 2 s of that is given up,
        // and those are 100 ms here, which a busy machine must not take away at a stretch.
        patiently(Duration::from_millis(5), std::future::pending::<()>()).await;
        gate.hand.advance(SECOND / 10);
        match answer.fill().await {
            Ok(()) => pieces += 1,
            Err(end) => return (pieces, end),
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_under_way_until_it_was_taken() {
    let gate = Gate::open("", "[server.timeouts]\nidle = \"2s\"\n").await;
    fill(&gate).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::with_window(socket, 20_000).await;
    let mut answer = http2.open("GET", PAGE, &[KEY], None).await;
    let (pieces, end) = take_slowly(&gate, &mut answer).await;
    assert!(pieces > 60, "{pieces} tenths of a second");
    assert_eq!(end, End::Clean);
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_finished_in_a_drain() {
    let mut gate = Gate::open("", "[server]\ndrain = \"10m\"\n").await;
    fill(&gate).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::on(socket).await;
    let mut answer = http2.open("GET", PAGE, &[KEY], None).await;
    let drained = gate.begin_stop().await;
    let (pieces, end) = take_slowly(&gate, &mut answer).await;
    assert!(pieces > 60, "{pieces} tenths of a second");
    assert_eq!(end, End::Clean);
    assert_eq!(gate.hasten(SECOND, drained).await.unwrap(), []);
}

#[tokio::test]
async fn a_client_that_takes_none_of_its_answers_is_given_up_though_it_keeps_the_connection_busy() {
    given_up(0).await;
}

#[tokio::test]
async fn a_client_that_leaves_one_answer_is_given_up_though_it_takes_the_others() {
    given_up(10_000).await;
}

async fn given_up(window: u32) {
    let gate = Gate::open("", "").await;
    fill(&gate).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::with_window(socket, window).await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(http2.open("GET", PAGE, &[KEY], None).await);
    }
    if window > 0 {
        // What there is room for.
        answers[0].fill_only().await.unwrap();
    }
    let end = async {
        loop {
            http2.try_send("OPTIONS", "/healthz").await;
            if window > 0 {
                http2.try_send("GET", "/healthz").await;
            }
            if let Some(Err(end)) = patiently(Duration::from_millis(5), answers[0].fill()).await {
                return end;
            }
        }
    };
    assert_eq!(gate.hasten(SECOND, end).await, End::Cut);
    assert!(gate.elapsed() >= 30 * SECOND);
}

#[tokio::test]
async fn a_connection_that_is_one_too_many_ends_whatever_it_does() {
    let gate = Gate::open("", "[limits]\nconnections = 1\n").await;
    let mut first = connect(&gate).await;
    let (_sse, _) = event_source(&mut first).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut surplus = Http2::with_window(socket, 0).await;
    let mut refused = surplus
        .open("GET", "/v1/stream?room=r", &[KEY, EVENT_STREAM], None)
        .await;
    let end = async {
        loop {
            surplus.try_send("GET", "/healthz").await;
            if let Some(Err(end)) = patiently(Duration::from_millis(5), refused.fill()).await {
                return end;
            }
        }
    };
    gate.hasten(SECOND, end).await;
}

#[tokio::test]
async fn the_host_is_the_authority_and_no_other() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    assert_eq!(
        http2
            .request("GET", "/healthz", &[("host", "localhost")], None)
            .await
            .0,
        200
    );
    for hosts in [
        &[("host", "elsewhere")][..],
        &[("host", "localhost"), ("host", "localhost")],
    ] {
        let (status, body) = http2.request("GET", "/healthz", hosts, None).await;
        assert_eq!(status, 400);
        assert!(body.contains("\"code\":\"bad_request\""), "{body}");
    }
}

#[tokio::test]
async fn a_get_for_a_websocket_is_refused_with_the_request_to_make() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let target = "/v1/stream?room=r&transport=websocket";
    let (status, body) = http2.request("GET", target, &[KEY], None).await;
    assert_eq!(status, 426);
    assert!(body.contains("CONNECT"), "{body}");
}

#[tokio::test]
async fn a_refusal_is_the_same_as_over_http_1() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    for (target, status, code) in [
        ("/v1/stream?room=r", 401, "unauthorized"),
        ("/v1/nothing", 404, "not_found"),
    ] {
        let mut streamed = http2.open("GET", target, &[EVENT_STREAM], None).await;
        let body = streamed.rest().await.0;
        assert_eq!(streamed.head.status, status);
        assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
        assert_eq!(streamed.head.headers["cache-control"], "no-store");
        assert_eq!(
            streamed.head.headers["content-type"],
            "application/problem+json"
        );
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_under_way_is_kept_for_a_while_and_one_with_a_stream_for_ever()
 {
    let gate = Gate::open("", "").await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(socket).await.unwrap();
    let closed = tokio::spawn(connection);
    let request = http::Request::get("http://localhost/healthz")
        .body(())
        .unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let mut streaming = connect(&gate).await;
    let (mut sse, _) = event_source(&mut streaming).await;
    let before = gate.elapsed();
    let _ = gate.hasten(SECOND, closed).await.unwrap();
    assert!(gate.elapsed() - before >= 75 * SECOND);
    assert_eq!(publish(&mut streaming, &json!(1)).await, 202);
    while !sse.block().await.unwrap().contains("\"data\":1") {}
}

#[tokio::test]
async fn a_connection_that_is_one_too_many_is_told_so_and_closed() {
    let gate = Gate::open("", "[limits]\nconnections = 1\n").await;
    let mut first = connect(&gate).await;
    let (_sse, _) = event_source(&mut first).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(socket).await.unwrap();
    let closed = tokio::spawn(connection);
    let request = http::Request::get("http://localhost/v1/rooms/r/events")
        .body(())
        .unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 503);
    let _ = gate.hasten(SECOND, closed).await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let gate = Gate::open("", "").await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://localhost/v1/rooms/r/events").header(KEY.0, KEY.1);
    let (answer, mut body) = requests
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    body.send_data("{\"event\":".into(), false).unwrap();
    let answer = gate.hasten(SECOND, answer).await.unwrap();
    assert_eq!(answer.status(), 408);
}
