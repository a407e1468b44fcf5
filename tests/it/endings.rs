//! The end of a connection: what was said last is heard.

use std::future::pending;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::http::request;
use crate::support::http2::Http2;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::websocket::{CLOSE, WebSocket, frame};
use crate::support::{Gate, KEY, patiently, within};

const SECOND: Duration = Duration::from_secs(1);
#[tokio::test]
async fn a_refusal_that_needs_no_body_reaches_a_client_that_is_still_sending_one() {
    let gate = Gate::open("", "").await;
    for _ in 0..20 {
        let mut socket = gate.connect().await;
        let body = "x".repeat(3_000_000);
        socket
            .send(request("POST", "/v1/rooms/r/events", &[], &body))
            .await;
        assert_eq!(socket.answer("POST").await.status(), 401);
    }
}

#[tokio::test]
async fn a_client_that_never_closes_its_half_is_left_after_a_while() {
    let gate = Gate::open("", "").await;
    let mut stream = TcpStream::connect(gate.address()).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    within(
        "the gateway's half to close",
        stream.read_to_string(&mut answer),
    )
    .await
    .unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
    let reset = async {
        while stream.write_all(b"x").await.is_ok() {
            patiently(Duration::from_millis(1), pending::<()>()).await;
        }
    };
    gate.hasten(SECOND, reset).await;
    assert!(gate.elapsed() >= 2 * SECOND);
}

#[tokio::test]
async fn an_upgrade_says_upgrade_alone_where_no_request_may_follow() {
    let gate = Gate::open("limits.connections = 1\n", "").await;
    let _held = gate.connect().await;
    let surplus = gate.connect().await;
    let mut socket = WebSocket::upgrade(surplus, "/v1/stream?room=r", &[KEY])
        .await
        .unwrap();
    assert_eq!(
        socket.head.header("connection"),
        Some("Upgrade"),
        "some clients refuse a list"
    );
    assert_eq!(socket.closed().await.0, Some(3002));
}

#[tokio::test]
async fn over_tls_a_websocket_is_not_closed_before_its_client_has_answered_the_close() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    let socket = Socket::over(certificate.speak(gate.address(), "http/1.1").await);
    let mut socket = WebSocket::upgrade(
        socket,
        "/v1/stream?room=r&access_token=x",
        &[("X-API-Key", "wrong")],
    )
    .await
    .unwrap();
    assert_eq!(socket.closed().await.0, Some(3500));
    assert!(
        patiently(Duration::from_millis(50), socket.next())
            .await
            .is_none(),
        "it waits for the answer"
    );
    let close = frame(0x80 | CLOSE, true, &3500_u16.to_be_bytes());
    socket.socket.send(close).await;
    assert!(within("the end", socket.next()).await.is_none());
}

#[tokio::test]
async fn goaway_waits_until_the_streams_of_its_connection_have_ended() {
    let mut gate = Gate::open("server.drain = \"20s\"\nserver.drain_window = \"8s\"\n", "").await;
    let mut http2 = Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await;
    let accept = ("accept", "text/event-stream");
    let key = ("x-api-key", KEY.1);
    let mut sse = http2
        .open("GET", "/v1/stream?room=r", &[key, accept], None)
        .await;
    sse.block().await.unwrap();
    let drained = gate.begin_stop().await;
    let address = gate.address();
    within("the door to close", async {
        while TcpStream::connect(address).await.is_ok() {}
    })
    .await;
    assert_eq!(
        http2.request("GET", "/healthz", &[], None).await.0,
        200,
        "the connection lives"
    );
    let told = gate.hasten(SECOND, sse.rest()).await.0;
    assert!(told.starts_with("event: bye\n"), "{told}");
    assert_eq!(gate.hasten(SECOND, drained).await.unwrap(), []);
}
