//! Who is too slow, by a clock that the test moves.

use std::time::Duration;

use super::{BACKEND, PUBLISH, READER, Witness, dial, gate, websocket};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_given_up() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for start in [
        "",
        "G",
        "GET /v1/stream?room=open HTTP/1.1\r\nHost: a\r\nX-A",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let mut socket = gate.connect().await;
        socket.send(start).await;
        assert_eq!(gate.hasten(SECOND, socket.rest()).await, b"", "{start:?}");
    }
    witness.is_served(&gate).await;
}

/// Settings, and the beginning of a head (HEADERS without `END_HEADERS`): nothing but the rest of it may follow, and so
/// no answer to a PING either (RFC 9113 §4.3).
const HALF_A_HEAD: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x01\0\0\0\x01\x82";

#[tokio::test]
async fn over_http_2_a_head_that_does_not_come_to_its_end_is_given_up_with_its_connection() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = gate.connect().await;
    socket.send(HALF_A_HEAD).await;
    gate.hasten(SECOND, socket.rest()).await;
    let took = gate.elapsed();
    assert!((20 * SECOND..100 * SECOND).contains(&took), "{took:?}");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_connection_between_two_requests_is_not_kept_for_ever() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = gate.connect().await;
    socket
        .send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(socket.answer("GET").await.status(), 200);
    gate.hasten(SECOND, socket.rest()).await;
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up_and_nothing_is_published() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let head = format!(
        "POST {PUBLISH} HTTP/1.1\r\nHost: a\r\n{}: {}\r\n",
        BACKEND.0, BACKEND.1
    );
    for start in [
        "Content-Length: 22\r\n\r\n{\"event\":\"e\",",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"eve",
    ] {
        let mut socket = gate.connect().await;
        socket.send(format!("{head}{start}")).await;
        let answer = gate.hasten(SECOND, socket.try_answer("POST")).await;
        let answer = answer.unwrap_or_else(|| panic!("{start:?}: no answer"));
        super::refused(&answer, 408, "timeout", start);
        gate.hasten(SECOND, socket.rest()).await;
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_websocket_without_credential_has_ten_seconds() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = dial(&gate, "/v1/stream?room=open", &[]).await;
    let (code, _) = gate.hasten(SECOND, socket.closed()).await;
    assert_eq!(code, Some(3502));
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_websocket_from_which_nothing_comes_is_closed() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = websocket(&gate, "/v1/stream?room=open", READER).await;
    let mut heartbeats = 0;
    let silent = async {
        loop {
            use crate::support::websocket::Message;
            match socket.next().await {
                Some(Message::Text(text)) => {
                    assert!(
                        text.contains(r#""type":"heartbeat""#) || text.contains(r#""type":"bye""#),
                        "{text}"
                    );
                    heartbeats += 1;
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(..)) | None => return,
            }
        }
    };
    gate.hasten(SECOND, silent).await;
    assert!(
        (3..=6).contains(&heartbeats),
        "{heartbeats} heartbeats in 70 s"
    );
    witness.is_served(&gate).await;
}
