//! permessage-deflate (RFC 7692) on a WebSocket.

use gatecast::wire::websocket::deflate::{deflate, inflate};
use serde_json::json;

use crate::support::websocket::{TEXT, WebSocket, frame};
use crate::support::{Gate, KEY};

const OFFER: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");
/// FIN and RSV1: a whole message, compressed.
const COMPRESSED: u8 = 0xc0 | TEXT;

async fn websocket(gate: &Gate, headers: &[(&str, &str)]) -> WebSocket {
    let socket = gate.connect().await;
    let headers = [&[KEY], headers].concat();
    let mut socket = WebSocket::upgrade(socket, "/v1/stream?room=r", &headers)
        .await
        .unwrap();
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

#[tokio::test]
async fn an_event_that_gains_by_it_is_compressed_for_those_who_offered_and_is_the_same_for_all() {
    let gate = Gate::open("", "").await;
    let (mut plain, mut offers) = (
        websocket(&gate, &[]).await,
        websocket(&gate, &[OFFER]).await,
    );
    assert_eq!(
        offers.head.header("sec-websocket-extensions"),
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    );
    for (data, is_compressed) in [("x".repeat(2000), true), ("short".into(), false)] {
        let body = json!({"event": "e", "data": data}).to_string();
        let answer = gate
            .request("POST", "/v1/rooms/r/events", &[KEY], &body)
            .await;
        assert_eq!(answer.status(), 202);
        let text = plain.text().await;
        let (first, payload) = offers.frame().await.unwrap();
        assert_eq!(first == COMPRESSED, is_compressed, "{data}");
        let message = if is_compressed {
            assert!(payload.len() < 200, "{} bytes", payload.len());
            inflate(&payload, 1 << 20).unwrap()
        } else {
            payload
        };
        assert_eq!(String::from_utf8(message).unwrap(), text);
    }
}

#[tokio::test]
async fn a_compressed_message_is_understood_from_those_who_offered_and_from_nobody_else() {
    let gate = Gate::open("", "").await;
    let (mut plain, mut offers) = (
        websocket(&gate, &[]).await,
        websocket(&gate, &[OFFER]).await,
    );
    let ping = json!({"type": "ping", "ref": "x".repeat(60)}).to_string();
    let compressed = deflate(ping.as_bytes()).unwrap();
    for socket in [&mut offers, &mut plain] {
        socket
            .socket
            .send(frame(COMPRESSED, true, &compressed))
            .await;
    }
    assert_eq!(offers.json().await["type"], "ack");
    assert_eq!(plain.closed().await.0, Some(1002));
}

#[tokio::test]
async fn a_message_that_would_become_too_large_is_refused_before_it_is_decompressed() {
    let gate = Gate::open("", "").await;
    let mut offers = websocket(&gate, &[OFFER]).await;
    let bomb = deflate(&vec![b' '; 50 << 20]).unwrap();
    offers.socket.send(frame(COMPRESSED, true, &bomb)).await;
    assert_eq!(offers.closed().await.0, Some(1009));
}
