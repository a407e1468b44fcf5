//! TLS: which versions and protocols are spoken, and what becomes of those who speak something else.

use std::time::Duration;

use rustls::version::{TLS12, TLS13};

use crate::support::http::request;
use crate::support::http2::Http2;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn http_1_and_2_are_spoken_in_both_versions_of_tls_as_the_client_prefers() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    for version in [&TLS12, &TLS13] {
        for (offered, agreed) in [
            (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
            (&["http/1.1"], Some(b"http/1.1")),
            (&[], None),
        ] {
            let stream = certificate
                .connect(gate.address(), offered, &[version])
                .await
                .unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
            if agreed == Some(b"h2") {
                let answer = Http2::on(stream)
                    .await
                    .request("GET", "/healthz", &[], None)
                    .await;
                assert_eq!(answer, (200, "ok\n".into()));
            } else {
                let mut socket = Socket::over(stream);
                socket.send(request("GET", "/healthz", &[], "")).await;
                assert_eq!(socket.answer("GET").await.text(), "ok\n");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_speaks_neither_http_1_nor_2_is_not_let_in() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    let refused = certificate
        .connect(gate.address(), &["imap"], &[&TLS13])
        .await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("NoApplicationProtocol")
    );
}

#[tokio::test]
async fn one_event_reaches_websocket_sse_and_long_poll_over_tls_with_one_id() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    let address = gate.address();
    let socket = Socket::over(certificate.speak(address, "http/1.1").await);
    let mut websocket = WebSocket::upgrade(socket, "/v1/stream?room=r", &[KEY])
        .await
        .unwrap();
    let welcome = websocket.text().await;
    let cursor = welcome
        .split("\"cursor\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let mut http2 = Http2::on(certificate.speak(address, "h2").await).await;
    let accept = ("accept", "text/event-stream");
    let mut sse = http2
        .open("GET", "/v1/stream?room=r", &[KEY, accept], None)
        .await;
    assert!(sse.block().await.unwrap().starts_with("event: welcome"));
    let target = format!("/v1/stream?room=r&since={cursor}");
    let poll = http2.send("GET", &target, &[KEY], None).await;
    let body = Some(r#"{"event":"e","data":1}"#);
    let (status, published) = http2
        .request("POST", "/v1/rooms/r/events", &[KEY], body)
        .await;
    assert_eq!(status, 202);
    let id = published.split('"').nth(3).unwrap();
    let block = sse.block().await.unwrap();
    assert!(block.ends_with(&format!("\nid: {id}")), "{block}");
    assert!(
        websocket
            .text()
            .await
            .starts_with(&format!("{{\"id\":\"{id}\""))
    );
    let (head, mut polled) = poll.await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    let polled = polled.data().await.unwrap().unwrap();
    assert!(
        std::str::from_utf8(&polled)
            .unwrap()
            .contains(&format!("[{{\"id\":\"{id}\""))
    );
}

#[tokio::test]
async fn who_writes_http_where_https_is_spoken_is_told_so() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    let answer = gate.request("GET", "/v1/stream?room=r", &[KEY], "").await;
    assert_eq!(
        (answer.status(), answer.code().as_str()),
        (400, "bad_request")
    );
    assert!(answer.text().contains("https://"));
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_or_then_says_nothing_is_given_up_after_five_seconds() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    for start in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let mut socket = gate.connect().await;
        socket.send(start).await;
        let before = gate.elapsed();
        assert_eq!(gate.hasten(SECOND, socket.rest()).await, b"", "{start:?}");
        assert!(
            gate.elapsed() - before >= Duration::from_secs(5),
            "{start:?}"
        );
    }
    for (protocol, start) in [("http/1.1", ""), ("h2", ""), ("h2", "PRI * HTTP/2.0\r\n")] {
        let mut socket = Socket::over(certificate.speak(gate.address(), protocol).await);
        socket.send(start).await;
        gate.hasten(SECOND, socket.rest()).await;
    }
}

#[tokio::test]
async fn a_new_certificate_holds_from_the_next_connection_on_and_no_stream_is_cut() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let gate = Gate::open(&old.toml(), "").await;
    let address = gate.address();
    let socket = Socket::over(old.speak(address, "http/1.1").await);
    let mut stream = WebSocket::upgrade(socket, "/v1/stream?room=r", &[KEY])
        .await
        .unwrap();
    stream.text().await;
    let renewed = gate.toml().replace(&old.toml(), &new.toml());
    assert_eq!(gate.reload(&renewed).await.unwrap().changed, ["tls"]);
    assert!(
        old.connect(address, &["http/1.1"], &[&TLS13])
            .await
            .is_err()
    );
    let mut socket = Socket::over(new.speak(address, "http/1.1").await);
    let body = r#"{"event":"e","data":1}"#;
    let publish = request("POST", "/v1/rooms/r/events", &[KEY], body);
    socket.send(publish).await;
    assert_eq!(socket.answer("POST").await.status(), 202);
    assert!(stream.text().await.contains("\"event\":\"e\""));
}
