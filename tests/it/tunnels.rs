//! WebSockets on streams of an HTTP/2 connection (RFC 8441).

use std::time::Duration;

use serde_json::json;

use crate::support::http::Head;
use crate::support::http2::Http2;
use crate::support::websocket::{CLOSE, WebSocket, frame};
use crate::support::{Gate, KEY};

const TARGET: &str = "/v1/stream?room=r";

async fn connect(gate: &Gate) -> Http2 {
    let stream = tokio::net::TcpStream::connect(gate.address())
        .await
        .unwrap();
    Http2::on(stream).await
}

async fn websocket(http2: &mut Http2) -> WebSocket {
    let (head, socket) = http2.tunnel(TARGET, &[KEY]).await;
    assert_eq!(head.status, 200);
    assert!(!head.headers.contains_key("sec-websocket-accept"));
    let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    let mut socket = WebSocket { socket, head };
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

#[tokio::test]
async fn many_websockets_share_a_connection_and_each_is_whole() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(websocket(&mut http2).await);
    }
    assert!(http2.takes_tunnels());
    let publish = json!({"type": "publish", "ref": 1, "room": "r", "event": "e", "data": 7});
    sockets[0].say(&publish.to_string()).await;
    for (number, socket) in sockets.iter_mut().enumerate() {
        let (first, ack) = (socket.json().await, number == 0);
        let event = if ack { socket.json().await } else { first };
        assert_eq!(event["data"], 7, "{number}");
    }
    let gone = sockets.pop().unwrap();
    drop(gone);
    sockets[0].say(&publish.to_string()).await;
    assert_eq!(sockets[1].json().await["data"], 7);
}

#[tokio::test]
async fn a_refusal_is_told_on_the_open_stream_and_closes_it_with_its_code() {
    let gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let (head, socket) = http2.tunnel(TARGET, &[("x-api-key", "wrong")]).await;
    assert_eq!(head.status, 200);
    let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    let mut socket = WebSocket { socket, head };
    assert_eq!(socket.json().await["code"], "unauthorized");
    assert_eq!(socket.closed().await.0, Some(3500));
    let close = frame(0x80 | CLOSE, true, &3500_u16.to_be_bytes());
    socket.socket.send(close).await;
    assert!(socket.next().await.is_none(), "and the stream ends");
    let own = [KEY, ("origin", "https://localhost")];
    assert_eq!(http2.tunnel(TARGET, &own).await.0.status, 200);
    for (target, headers, status) in [
        (TARGET, &[KEY, ("origin", "https://elsewhere")][..], 403),
        (TARGET, &[KEY, ("sec-websocket-protocol", "mqtt")][..], 400),
        ("/v1/negotiate", &[KEY][..], 405),
        ("/v1/nowhere", &[KEY][..], 404),
    ] {
        assert_eq!(
            http2.tunnel(target, headers).await.0.status,
            status,
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_drain_tells_each_and_waits_for_its_close() {
    let mut gate = Gate::open("", "").await;
    let mut http2 = connect(&gate).await;
    let mut socket = websocket(&mut http2).await;
    let drained = gate.begin_stop().await;
    let told = gate.hasten(Duration::from_secs(1), socket.json()).await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("bye"), &json!("draining"))
    );
    assert_eq!(socket.closed().await.0, Some(3001));
    let close = frame(0x80 | CLOSE, true, &3001_u16.to_be_bytes());
    socket.socket.send(close).await;
    assert!(socket.next().await.is_none());
    assert_eq!(
        gate.hasten(Duration::from_secs(1), drained).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn one_whose_window_stays_closed_is_given_up_and_the_others_are_not() {
    let gate = Gate::open("", "").await;
    let stream = tokio::net::TcpStream::connect(gate.address())
        .await
        .unwrap();
    let mut http2 = Http2::with_window(stream, 4000).await;
    let (_head, _sender, _unread) = http2.raw_tunnel(TARGET, &[KEY]).await;
    let mut other = websocket(&mut http2).await;
    let kind = r#"transport="websocket",dialect="native",http="2""#;
    gate.streams_are(kind, 2).await;
    for data in 0..50 {
        let body = json!({"event": "e", "data": [data, "x".repeat(5000)]}).to_string();
        let answer = gate
            .request("POST", "/v1/rooms/r/events", &[KEY], &body)
            .await;
        assert_eq!(answer.status(), 202);
        assert_eq!(other.json().await["data"][0], data);
    }
    let gone = gate.streams_are(kind, 1);
    gate.hasten(Duration::from_secs(1), gone).await;
    assert!(gate.elapsed() >= Duration::from_secs(30));
}
