//! Sessions over HTTP/2, in clear text and over TLS: by requests that share a connection, and by a WebSocket on a stream
//! of it (RFC 8441).

use super::{POLLING, auth, packet, publish};
use crate::support::http::Head;
use crate::support::http2::{End, Http2};
use crate::support::tls::Certificate;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, within};

async fn clear(gate: &Gate) -> Http2 {
    let stream = tokio::net::TcpStream::connect(gate.address()).await;
    Http2::on(stream.unwrap()).await
}

/// The session's target, once it has joined.
async fn polling(http2: &mut Http2) -> String {
    let (status, open) = http2.request("GET", POLLING, &[], None).await;
    assert_eq!(status, 200, "{open}");
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    let target = format!("{POLLING}&sid={}", open["sid"].as_str().unwrap());
    let connect = format!("40{}", auth());
    let posted = http2.request("POST", &target, &[], Some(&connect)).await;
    assert_eq!(posted, (200, "ok".to_owned()));
    let (_, told) = http2.request("GET", &target, &[], None).await;
    assert!(told.starts_with("40{"), "{told}");
    target
}

async fn tunnel(http2: &mut Http2, target: &str) -> WebSocket {
    let (head, socket) = http2.tunnel(target, &[]).await;
    assert_eq!(head.status, 200);
    let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    WebSocket { socket, head }
}

#[tokio::test]
async fn requests_that_share_a_connection_carry_a_session_and_a_get_waits_while_others_post() {
    let certificate = Certificate::new();
    let gate = Gate::open(&certificate.toml(), "").await;
    let stream = certificate
        .connect(gate.address(), &["h2"], &[&rustls::version::TLS13])
        .await;
    let mut http2 = Http2::on(stream.unwrap()).await;
    let target = polling(&mut http2).await;
    let waiting = http2.send("GET", &target, &[], None).await;
    let said = r#"421["publish",{"room":"r","event":"e","data":1}]"#;
    let posted = http2.request("POST", &target, &[], Some(said)).await;
    assert_eq!(posted, (200, "ok".to_owned()));
    let answer = within("an answer", waiting).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (status, _) = http2.request("GET", &format!("{target}x"), &[], None).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_get_that_is_reset_ends_the_session() {
    let gate = Gate::open("", "").await;
    let mut http2 = clear(&gate).await;
    let target = polling(&mut http2).await;
    drop(http2.send("GET", &target, &[], None).await);
    within("the end", async {
        while http2.request("POST", &target, &[], Some("3")).await.0 != 400 {}
    })
    .await;
}

#[tokio::test]
async fn a_session_goes_from_requests_to_a_websocket_on_the_same_connection() {
    let gate = Gate::open("", "").await;
    let mut http2 = clear(&gate).await;
    let target = polling(&mut http2).await;
    let mut socket = tunnel(&mut http2, &target.replace("polling", "websocket")).await;
    socket.say("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket.say("5").await;
    socket.say(r#"421["subscribe",{"room":"r"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"r"}]"#);
    publish(&gate, "r", r#"{"event":"e","data":1}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",1]"#);
    let mut late = http2.open("GET", &target, &[], None).await;
    assert_eq!(
        (late.head.status.as_u16(), late.rest().await.1),
        (400, End::Clean)
    );
}

#[tokio::test]
async fn a_session_begins_as_a_websocket_on_a_stream() {
    let gate = Gate::open("", "").await;
    let mut http2 = clear(&gate).await;
    let mut socket = tunnel(&mut http2, super::WEBSOCKET).await;
    assert!(socket.text().await.starts_with("0{"));
    socket.say(&format!("40{}", auth())).await;
    assert!(packet(&mut socket).await.starts_with("40{"));
    socket.say("1").await;
    super::closed(&mut socket).await;
}
