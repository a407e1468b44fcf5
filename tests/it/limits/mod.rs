//! Limits that answer: whoever wants more is told which limit it met and when to come back, on each transport in the
//! way that its clients can bear, and nobody else notices.

mod addresses;
mod crowds;
mod guessing;
mod names;
mod principals;
mod publishes;
mod strangers;
mod told;

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::http::{self, Answer, Body, Next};
use crate::support::http2::{End, Http2};
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key, within};

/// Two who may read and publish everything, and are somebody else to the gateway.
const ANN: (&str, &str) = ("X-API-Key", "the-key-of-ann");
const BOB: (&str, &str) = ("X-API-Key", "the-key-of-bob");
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
const STREAM: &str = "/v1/stream?room=r";
/// A poll that waits.
const POLL: &str = "/v1/stream?room=r&wait=55";

/// A gateway with these limits, and `more` behind.
async fn gate(limits: &str, more: &str) -> Gate {
    Gate::start(&configuration("", limits, more)).await
}

fn configuration(first: &str, limits: &str, more: &str) -> String {
    let keys = api_key("ann", ANN.1, "all") + &api_key("bob", BOB.1, "all");
    format!(
        r#"
        {first}
        {keys}
        [roles.all]
        subscribe = ["*"]
        publish = ["*"]
        admin = true
        [cors]
        origins = ["https://app.test"]
        [limits]
        {limits}
        {more}
        "#
    )
}

/// A connection whose client has the address 127.0.0.`last`.
async fn from(gate: &Gate, last: u8) -> Socket {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from(([127, 0, 0, last], 0)))
        .unwrap();
    Socket::over(socket.connect(gate.address()).await.unwrap())
}

/// One request from the address 127.0.0.`last`.
async fn ask_from(gate: &Gate, last: u8, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut socket = from(gate, last).await;
    socket.send(http::request("GET", target, headers, "")).await;
    socket.answer("GET").await
}

async fn http2(gate: &Gate) -> Http2 {
    let stream = tokio::net::TcpStream::connect(gate.address()).await;
    Http2::on(stream.unwrap()).await
}

async fn publish(gate: &Gate, who: (&str, &str), room: &str, event: &str) -> Answer {
    let target = format!("/v1/rooms/{room}/events");
    let body = format!(r#"{{"event":"{event}"}}"#);
    gate.request("POST", &target, &[who], &body).await
}

/// An event stream that has been welcomed.
async fn sse(gate: &Gate, headers: &[(&str, &str)]) -> Body {
    sse_on(gate.connect().await, headers).await
}

async fn sse_on(mut socket: Socket, headers: &[(&str, &str)]) -> Body {
    let all = [headers, &[EVENT_STREAM]].concat();
    socket.send(http::request("GET", STREAM, &all, "")).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200);
    body.event("welcome").await;
    body
}

async fn websocket(gate: &Gate, headers: &[(&str, &str)]) -> WebSocket {
    let mut socket = dial(gate, headers).await;
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

/// A WebSocket whose upgrade was answered with 101, whatever comes then.
async fn dial(gate: &Gate, headers: &[(&str, &str)]) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, STREAM, headers)
        .await
        .unwrap_or_else(|head| panic!("the upgrade was answered with {}", head.status))
}

/// Says `message`, and gives what is answered.
async fn tell(socket: &mut WebSocket, message: &str) -> serde_json::Value {
    socket.say(message).await;
    loop {
        let answer = socket.json().await;
        if answer["type"] != "heartbeat" {
            return answer;
        }
    }
}

/// That `answer` is a refusal by this limit with all that goes with it.
#[track_caller]
fn limited(answer: &Answer, limit: &str) {
    assert_eq!(answer.status(), 429, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["code"], "rate_limited", "{problem}");
    assert_eq!(problem["limit"], limit, "{problem}");
    let pause = problem["retry_after_ms"].as_u64().unwrap();
    let told = |name| answer.header(name).unwrap_or_else(|| panic!("no {name}"));
    let seconds: u64 = told("retry-after").parse().unwrap();
    assert!(pause > 0 && seconds == pause.div_ceil(1000), "{problem}");
    let name = format!("\"{limit}\";");
    assert_eq!(told("ratelimit"), format!("{name}r=0;t={seconds}"));
    assert!(told("ratelimit-policy").starts_with(&format!("{name}q=")));
}

/// That this `error` or `problem` is one by this limit.
#[track_caller]
fn is_limited(error: &serde_json::Value, limit: &str) {
    assert_eq!(error["code"], "rate_limited", "{error}");
    assert_eq!(error["limit"], limit, "{error}");
    assert!(error["retry_after_ms"].as_u64() > Some(0), "{error}");
}

/// That no more streams of whoever shows `who` open, told on each transport in its way. It takes some seconds.
async fn no_stream_opens(gate: &Gate, who: &[(&str, &str)], limit: &str) {
    for target in [POLL, "/v1/stream?room=r&transport=sse&on_error=status"] {
        limited(&gate.request("GET", target, who, "").await, limit);
    }
    let mut socket = gate.connect().await;
    let all = [who, &[EVENT_STREAM]].concat();
    socket.send(http::request("GET", STREAM, &all, "")).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200, "`EventSource` would never come back");
    is_problem(&body.block().await.unwrap(), limit);
    let end = gate.hasten(Duration::from_secs(1), body.end()).await;
    assert_eq!(end, Next::Cut, "cut, so that every client comes back");
    let mut socket = dial(gate, who).await;
    is_limited(&socket.json().await, limit);
    assert_eq!(socket.closed().await.0, Some(3004));
}

/// The same on one connection of HTTP/2.
async fn no_stream_opens_on(gate: &Gate, http2: &mut Http2, who: &[(&str, &str)], limit: &str) {
    let (status, body) = http2.request("GET", POLL, who, None).await;
    assert_eq!(status, 429, "{body}");
    is_limited(&serde_json::from_str(&body).unwrap(), limit);
    no_lasting_stream_opens_on(gate, http2, who, limit).await;
}

async fn no_lasting_stream_opens_on(
    gate: &Gate,
    http2: &mut Http2,
    who: &[(&str, &str)],
    limit: &str,
) {
    let all = [who, &[EVENT_STREAM]].concat();
    let mut streamed = http2.open("GET", STREAM, &all, None).await;
    assert_eq!(streamed.head.status, 200);
    is_problem(&streamed.block().await.unwrap(), limit);
    let end = gate.hasten(Duration::from_secs(1), streamed.rest()).await.1;
    assert!(matches!(end, End::Reset(_)), "{end:?}");
    let (head, socket) = http2.tunnel(STREAM, who).await;
    assert_eq!(head.status, 200);
    let head = http::Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    let mut socket = WebSocket { socket, head };
    is_limited(&socket.json().await, limit);
    assert_eq!(socket.closed().await.0, Some(3004));
}

#[track_caller]
fn is_problem(block: &str, limit: &str) {
    assert!(block.starts_with("event: problem\nretry: "), "{block}");
    let data = block.lines().find_map(|line| line.strip_prefix("data: "));
    is_limited(&serde_json::from_str(data.unwrap()).unwrap(), limit);
}

/// Asks until it is answered with 200: the gateway sees a while later that somebody has gone.
async fn is_served_in_time(gate: &Gate, target: &str, headers: &[(&str, &str)]) {
    within("room", async {
        while gate.request("GET", target, headers, "").await.status() != 200 {}
    })
    .await;
}
