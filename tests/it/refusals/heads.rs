//! Request heads that no good client sends.

use super::{READER, Witness, gate};

#[tokio::test]
async fn a_head_that_two_readers_could_read_differently_is_refused_and_the_connection_ends() {
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
        assert_eq!(socket.answer("GET").await.status(), 400, "{what}");
        assert_eq!(socket.rest().await, b"", "{what}: one answer, and the end");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn where_length_and_chunks_are_both_told_the_chunks_count_and_nothing_after_them_is_read() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (name, key) = super::BACKEND;
    let body = r#"{"room":"open"}"#;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut socket = gate.connect().await;
    socket
        .send(format!(
            "POST /v1/publish HTTP/1.1\r\nHost: a\r\n{name}: {key}\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n{smuggled}",
            body.len()
        ))
        .await;
    super::refused(&socket.answer("POST").await, 400, "bad_request", "both");
    assert_eq!(
        socket.rest().await,
        b"",
        "RFC 9112 §6.1: the connection ends"
    );
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
        assert_eq!(socket.answer("GET").await.status(), 431);
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

#[tokio::test]
async fn what_stands_in_a_refused_body_is_never_read_as_a_request() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for (credential, length, status) in [
        (super::BACKEND.1, 1_000_000, 413),
        ("wrong", smuggled.len(), 401),
        (READER.1, smuggled.len(), 400),
    ] {
        let mut socket = gate.connect().await;
        socket
            .send(format!(
                "POST /v1/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {credential}\r\n\
                 Content-Length: {length}\r\n\r\n{smuggled}"
            ))
            .await;
        socket.finish().await;
        assert_eq!(socket.answer("POST").await.status(), status, "{length}");
        assert_eq!(socket.rest().await, b"", "one request, one answer");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn requests_sent_in_one_go_are_answered_in_their_order() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let one = |target| crate::support::http::request("GET", target, &[READER], "");
    let mut socket = gate.connect().await;
    socket
        .send(
            [
                one("/healthz"),
                one("/v1/rooms/secret/events"),
                one("/v1/rooms/open/events"),
            ]
            .concat(),
        )
        .await;
    for status in [200, 403, 200] {
        assert_eq!(socket.answer("GET").await.status(), status);
    }
    witness.is_served(&gate).await;
}
