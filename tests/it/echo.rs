//! The echo that conformance suites talk to: it is there where the program says so, and nowhere else.

use std::time::Duration;

use gatecast::config;
use gatecast::wire::websocket::deflate::{deflate, inflate};

use crate::support::http::Head;
use crate::support::http2::Http2;
use crate::support::websocket::{BINARY, CLOSE, Message, PING, TEXT, WebSocket, frame};
use crate::support::{Gate, KEY};

const TARGET: &str = "/v1/stream?room=r&echo=1";
const OFFER: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");
const FIN: u8 = 0x80;
/// FIN and RSV1: a whole message, compressed.
const COMPRESSED: u8 = 0xc0;

async fn gate(more: &str) -> Gate {
    Gate::within_program("", more, |settings| settings.service.echo = true).await
}

async fn upgraded(gate: &Gate, target: &str) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, target, &[KEY, OFFER])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"))
}

async fn tunnel(gate: &Gate) -> WebSocket {
    let stream = tokio::net::TcpStream::connect(gate.address()).await;
    let offer = ("sec-websocket-extensions", OFFER.1);
    let mut http2 = Http2::on(stream.unwrap()).await;
    let (head, socket) = http2.tunnel(TARGET, &[KEY, offer]).await;
    assert_eq!(head.status, 200);
    let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    WebSocket { socket, head }
}

#[tokio::test]
async fn each_message_comes_back_as_it_was_and_the_stream_says_nothing_else() {
    let gate = gate("").await;
    let long = "what repeats itself is short once it is compressed; ".repeat(1000);
    for mut socket in [upgraded(&gate, TARGET).await, tunnel(&gate).await] {
        let publish = r#"{"event":"e","data":1}"#;
        let answer = gate.request("POST", "/v1/rooms/r/events", &[KEY], publish);
        assert_eq!(answer.await.status(), 202);
        for (opcode, message) in [
            (TEXT, r#"{"type":"ping","ref":1}"#.as_bytes()),
            (TEXT, b""),
            (BINARY, &[0, 0xff, 0xc3, 0x28]),
            (BINARY, b""),
        ] {
            socket.socket.send(frame(FIN | opcode, true, message)).await;
            let back = socket.frame().await.unwrap();
            assert_eq!(back, (FIN | opcode, message.to_vec()));
        }
        for opcode in [TEXT, BINARY] {
            let sent = deflate(long.as_bytes()).unwrap();
            socket
                .socket
                .send(frame(COMPRESSED | opcode, true, &sent))
                .await;
            let (first, back) = socket.frame().await.unwrap();
            assert_eq!(first, COMPRESSED | opcode);
            assert_eq!(inflate(&back, 1 << 20).unwrap(), long.as_bytes());
        }
    }
}

#[tokio::test]
async fn pings_faults_and_closes_are_answered_as_on_every_stream_but_for_the_words() {
    let gate = gate("").await;
    let mut socket = upgraded(&gate, TARGET).await;
    socket.socket.send(frame(FIN | PING, true, b"x")).await;
    assert_eq!(socket.next().await, Some(Message::Pong(b"x".to_vec())));
    let close = frame(FIN | CLOSE, true, &1000_u16.to_be_bytes());
    socket.socket.send(close).await;
    let closed = Message::Close(Some(1000), String::new());
    assert_eq!(socket.next().await, Some(closed));
    for (fault, code) in [
        (frame(FIN | TEXT, true, b"\xc3\x28"), 1007),
        (frame(FIN | 3, true, b""), 1002),
        (frame(FIN | BINARY, true, &[0; 70_000]), 1009),
    ] {
        let mut socket = upgraded(&gate, TARGET).await;
        socket.socket.send(fault).await;
        let closed = socket.next().await;
        assert!(
            matches!(closed, Some(Message::Close(Some(one), _)) if one == code),
            "{closed:?}"
        );
        assert_eq!(socket.socket.rest().await, b"");
    }
}

#[tokio::test]
async fn messages_count_against_the_role_and_may_be_as_long_as_it_says() {
    let more = "limits = { event = \"4MiB\" }\n[limits]\nbody = \"4MiB\"\n";
    let gate = gate(more).await;
    let mut socket = upgraded(&gate, TARGET).await;
    let message: Vec<u8> = (0..4 << 20)
        .map(|at: u32| (at >> 8) as u8 ^ at as u8)
        .collect();
    socket
        .socket
        .send(frame(FIN | BINARY, true, &message))
        .await;
    let (_, back) = socket.frame().await.unwrap();
    let back = inflate(&back, 4 << 20).unwrap_or(back);
    assert!(back == message, "it came back changed");
    for _ in 0..600 {
        socket.say("x").await;
    }
    assert_eq!(socket.closed().await.0, Some(3004));
}

#[tokio::test]
async fn nothing_is_read_from_a_client_that_does_not_take_what_comes_back() {
    let gate = gate("limits = { event = \"1MiB\" }\n").await;
    let socket = WebSocket::upgrade(gate.connect().await, TARGET, &[KEY]).await;
    let mut socket = socket.unwrap_or_else(|head| panic!("refused: {head:?}"));
    let messages = frame(FIN | BINARY, true, &vec![7; 1 << 20]).repeat(64);
    let sent = socket.socket.try_send(&messages);
    let is_taken = gate.hasten(Duration::from_secs(1), sent).await;
    assert!(!is_taken, "64 MiB wait in the gateway");
}

#[tokio::test]
async fn a_gateway_whose_program_says_nothing_of_it_has_no_echo() {
    let gate = Gate::open("", "").await;
    for target in [TARGET, "/v1/stream?room=r&echo=what"] {
        let mut socket = upgraded(&gate, target).await;
        assert_eq!(socket.json().await["type"], "welcome");
        socket.say(r#"{"type":"ping","ref":1}"#).await;
        assert_eq!(socket.text().await, r#"{"type":"ack","ref":1}"#);
        socket.socket.send(frame(FIN | BINARY, true, b"x")).await;
        assert_eq!(socket.closed().await.0, Some(1003));
    }
}

#[tokio::test]
async fn where_it_is_nobody_gets_it_who_did_not_ask() {
    let gate = gate("").await;
    assert_eq!(
        upgraded(&gate, "/v1/stream?room=r").await.json().await["type"],
        "welcome"
    );
    let bad = WebSocket::upgrade(gate.connect().await, "/v1/stream?echo=what", &[KEY]).await;
    assert_eq!(bad.map(|_| ()).unwrap_err().status, 400);
}

#[test]
fn no_configuration_turns_it_on() {
    for toml in [
        "echo = true",
        "[server]\necho = true",
        "[service]\necho = true",
    ] {
        assert!(config::load(Some(toml), &[]).is_err(), "{toml}");
    }
    for name in [
        "GATECAST__ECHO",
        "GATECAST__SERVER__ECHO",
        "GATECAST__SERVICE__ECHO",
    ] {
        let variable = (name.to_owned(), "true".to_owned());
        assert!(config::load(None, &[variable]).is_err(), "{name}");
    }
}
