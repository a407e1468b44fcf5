//! Request heads that no good client sends.

use super::{READER, Witness, gate};

#[tokio::test]
async fn a_head_that_two_readers_could_read_differently_is_refused() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let key = format!("{}: {}", READER.0, READER.1);
    for (what, head) in [
        ("no request", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("no version", "GET /healthz\r\n\r\n".to_owned()),
        (
            "another protocol",
            "GET /healthz SPDY/9\r\nHost: a\r\n\r\n".to_owned(),
        ),
        (
            "no Host",
            format!("GET /v1/stream?room=open HTTP/1.1\r\n{key}\r\n\r\n"),
        ),
        (
            "two Hosts",
            format!("GET /v1/stream?room=open HTTP/1.1\r\nHost: a\r\nHost: b\r\n{key}\r\n\r\n"),
        ),
        (
            "two lengths",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{key}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"
            ),
        ),
        (
            "a length that is no number",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{key}\r\nContent-Length: two\r\n\r\n{{}}"
            ),
        ),
        (
            "length and chunks",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{key}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "an unknown coding",
            format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{key}\r\nTransfer-Encoding: rot13\r\n\r\n"
            ),
        ),
        (
            "a space before the colon",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n".to_owned(),
        ),
        (
            "a folded line",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n".to_owned(),
        ),
        (
            "a NUL",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\u{0}c\r\n\r\n".to_owned(),
        ),
    ] {
        let mut socket = gate.connect().await;
        socket.send(&head).await;
        socket.finish().await;
        let answer = socket.try_answer("GET").await;
        let status = answer.map_or(400, |answer| answer.status());
        assert!((400..500).contains(&status), "{what}: {status}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused_and_the_connection_ends() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for head in [
        format!(
            "GET /v1/stream?{} HTTP/1.1\r\nHost: a\r\n\r\n",
            "x".repeat(100_000)
        ),
        format!(
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n",
            "x".repeat(100_000)
        ),
        format!(
            "GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X-A: b\r\n".repeat(10_000)
        ),
        "GET /healthz HTTP/1.1\r\nHost: a\r\n".to_owned() + &"X-A: b\r\n".repeat(20_000),
    ] {
        let mut socket = gate.connect().await;
        socket.send(&head).await;
        let answer = socket.try_answer("GET").await;
        assert!(answer.is_none_or(|answer| matches!(answer.status(), 400 | 414 | 431)));
        socket.rest().await;
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_half_a_word_harms_nobody() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let whole = crate::support::http::request("GET", "/v1/stream?room=open", &[READER], "");
    for end in 0..whole.len() {
        let mut socket = gate.connect().await;
        socket.send(&whole.as_bytes()[..end]).await;
    }
    witness.is_served(&gate).await;
}
