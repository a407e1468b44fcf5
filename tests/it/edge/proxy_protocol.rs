//! The PROXY protocol, versions 1 and 2: where the configuration says so, and from proxies that are trusted.

use std::time::Duration;

use gatecast::server::Settings;

use super::{asked, tells_who};
use crate::support::Gate;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;

const TRUSTED: &str = "server.trusted_proxies = [\"127.0.0.1\"]\n";
const LINE: &str = "PROXY TCP4 203.0.113.7 192.0.2.2 4711 443\r\n";
/// The same in version 2, with an addition that says nothing (`NOOP`).
const BINARY: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xcb\0\x71\x07\xc0\0\x02\x02\x12\x67\x01\xbb\x04\0\x01\0";
/// A connection of the proxy's own, such as a check of health.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The port that the test gets is not known to the configuration.
fn spoken(settings: &mut Settings) {
    tells_who(settings);
    settings.proxy_protocol = vec![settings.listen[0].address.clone()];
}

async fn gate(first: &str) -> Gate {
    Gate::within_program(first, "", spoken).await
}

#[tokio::test]
async fn the_client_is_whom_the_header_names_in_either_version() {
    let gate = gate(TRUSTED).await;
    for header in [LINE.as_bytes(), BINARY] {
        let mut socket = gate.connect().await;
        socket.send(header).await;
        for _ in 0..2 {
            let told = asked(&mut socket, &[("X-Forwarded-For", "1.1.1.1")]).await;
            assert_eq!(
                told.as_deref(),
                Some("203.0.113.7:4711"),
                "whom nobody trusts says nothing more"
            );
        }
    }
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    let gate = gate(TRUSTED).await;
    let mut socket = gate.connect().await;
    for byte in BINARY {
        socket.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(
        asked(&mut socket, &[]).await.as_deref(),
        Some("203.0.113.7:4711")
    );
}

#[tokio::test]
async fn a_connection_of_the_proxys_own_is_the_proxys_and_so_is_one_whose_client_it_does_not_know()
{
    let gate = gate(TRUSTED).await;
    for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
        let mut socket = gate.connect().await;
        socket.send(header).await;
        let told = asked(&mut socket, &[]).await.unwrap();
        assert!(told.starts_with("127.0.0.1:"), "{told}");
        let named = asked(&mut socket, &[("X-Forwarded-For", "203.0.113.8")]).await;
        assert_eq!(
            named.as_deref(),
            Some("203.0.113.8"),
            "and the proxy is trusted"
        );
    }
}

#[tokio::test]
async fn the_header_comes_before_tls() {
    let certificate = Certificate::new();
    let gate = gate(&format!("{TRUSTED}{}", certificate.toml())).await;
    let mut stream = tokio::net::TcpStream::connect(gate.address())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, LINE.as_bytes())
        .await
        .unwrap();
    let mut socket = Socket::over(certificate.over(stream, "http/1.1").await);
    assert_eq!(
        asked(&mut socket, &[]).await.as_deref(),
        Some("203.0.113.7:4711")
    );
}

#[tokio::test]
async fn who_is_not_trusted_is_not_served_whatever_the_header_says() {
    let gate = gate("server.trusted_proxies = [\"10.0.0.0/8\"]\n").await;
    for begin in [LINE, ""] {
        let mut socket = gate.connect().await;
        socket.send(begin).await;
        assert_eq!(asked(&mut socket, &[]).await, None);
    }
}

#[tokio::test]
async fn without_a_header_nothing_is_answered() {
    let gate = gate(TRUSTED).await;
    for begin in [
        "",
        "PROXY TCP4 203.0.113.7\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.2 4711 443\n",
    ] {
        let mut socket = gate.connect().await;
        socket.send(begin).await;
        assert_eq!(asked(&mut socket, &[]).await, None, "{begin:?}");
    }
}

#[tokio::test]
async fn a_header_that_does_not_come_to_its_end_is_given_up_in_the_time_of_a_handshake() {
    let gate = gate(TRUSTED).await;
    for begin in [&LINE.as_bytes()[..20], &BINARY[..20], b""] {
        let mut socket = gate.connect().await;
        socket.send(begin).await;
        let before = gate.elapsed();
        gate.hasten(Duration::from_secs(1), socket.rest()).await;
        let took = gate.elapsed() - before;
        assert!(
            took <= Duration::from_secs(9),
            "{took:?} for a patience of 5 s"
        );
    }
}

#[tokio::test]
async fn where_the_configuration_does_not_say_so_a_header_is_no_request() {
    let gate = Gate::within_program(TRUSTED, "", tells_who).await;
    let mut socket = gate.connect().await;
    socket.send(LINE).await;
    let answer = socket.try_answer("GET").await;
    assert!(answer.is_none_or(|answer| answer.status() == 400));
}
