//! WebSocket frames that break the protocol (RFC 6455 §5), or carry what is not spoken here.

use super::{READER, Witness, gate, websocket};
use crate::support::websocket::{BINARY, CLOSE, PING, PONG, TEXT, frame};

const FIN: u8 = 0x80;
const STREAM: &str = "/v1/stream?room=open";

#[tokio::test]
async fn a_frame_that_breaks_the_protocol_is_closed_with_the_standards_code() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let ping = br#"{"type":"ping","ref":1}"#;
    let long = [b'x'; 126];
    for (what, bytes, code) in [
        (
            "a binary message",
            frame(FIN | BINARY, true, b"\x00\x01"),
            1003,
        ),
        (
            "an empty binary message",
            frame(FIN | BINARY, true, b""),
            1003,
        ),
        ("a frame without mask", frame(FIN | TEXT, false, ping), 1002),
        ("reserved bit 1", frame(FIN | 0x40 | TEXT, true, ping), 1002),
        ("reserved bit 2", frame(FIN | 0x20 | TEXT, true, ping), 1002),
        ("reserved bit 3", frame(FIN | 0x10 | TEXT, true, ping), 1002),
        ("reserved opcode 3", frame(FIN | 3, true, ping), 1002),
        ("reserved opcode 11", frame(FIN | 11, true, b""), 1002),
        (
            "a ping over 125 bytes",
            frame(FIN | PING, true, &long),
            1002,
        ),
        ("a ping in fragments", frame(PING, true, b"x"), 1002),
        ("a continuation of nothing", frame(FIN, true, ping), 1002),
        (
            "a message inside another",
            [frame(TEXT, true, b"{"), frame(FIN | TEXT, true, b"}")].concat(),
            1002,
        ),
        (
            "a close of one byte",
            frame(FIN | CLOSE, true, b"\x03"),
            1002,
        ),
        (
            "a close with a code of nobody",
            frame(FIN | CLOSE, true, &1005_u16.to_be_bytes()),
            1002,
        ),
        (
            "text that is no UTF-8",
            frame(FIN | TEXT, true, b"\"\xc3\x28\""),
            1007,
        ),
        (
            "text that stops inside a character",
            frame(FIN | TEXT, true, b"\"\xf0\x9f"),
            1007,
        ),
        (
            "a message over the limit",
            frame(FIN | TEXT, true, &[b'x'; 70_000]),
            1009,
        ),
        (
            "a length of an exabyte",
            vec![0x81, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            1009,
        ),
    ] {
        let mut socket = websocket(&gate, STREAM, READER).await;
        socket.socket.send(&bytes).await;
        let (closed, reason) = socket.closed().await;
        assert_eq!(closed, Some(code), "{what}: {reason}");
        assert!(reason.len() <= 123, "{what}: {reason}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_client_that_closes_is_answered_with_its_code() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut socket = websocket(&gate, STREAM, READER).await;
        socket
            .socket
            .send(frame(FIN | CLOSE, true, &code.to_be_bytes()))
            .await;
        assert_eq!(socket.closed().await.0, Some(code));
        assert_eq!(
            socket.socket.rest().await,
            b"",
            "nothing follows a close frame"
        );
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn fragments_and_control_frames_between_them_are_one_message() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = websocket(&gate, STREAM, READER).await;
    for part in [
        frame(TEXT, true, br#"{"type":"pi"#),
        frame(FIN | PONG, true, b"unasked"),
        frame(0, true, b""),
        frame(FIN, true, br#"ng","ref":"x"}"#),
    ] {
        for byte in part {
            socket.socket.send([byte]).await;
        }
    }
    assert_eq!(socket.text().await, r#"{"type":"ack","ref":"x"}"#);
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_frame_that_breaks_off_harms_nobody() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let whole = frame(FIN | TEXT, true, br#"{"type":"ping","ref":1}"#);
    for end in 1..whole.len() {
        let mut socket = websocket(&gate, STREAM, READER).await;
        socket.socket.send(&whole[..end]).await;
    }
    witness.is_served(&gate).await;
}
