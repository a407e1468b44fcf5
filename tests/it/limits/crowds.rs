//! An address with far too many connections.

use super::{ANN, ask_from, gate, limited, websocket};
use crate::support::http;
use crate::support::within;

#[tokio::test]
async fn those_beyond_many_that_are_told_are_closed_and_make_nobody_wait() {
    let gate = gate("per_ip = 1\nconnections = 10", "").await;
    let mut within_bounds = websocket(&gate, &[ANN]).await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(gate.connect().await);
    }
    for socket in &mut crowd[64..] {
        assert!(!socket.fill().await, "closed without an answer");
    }
    let other = within(
        "another address",
        ask_from(&gate, 2, "/v1/negotiate", &[ANN]),
    )
    .await;
    assert_eq!(other.status(), 200);
    within_bounds.say(r#"{"type":"ping","ref":1}"#).await;
    assert_eq!(within_bounds.json().await["type"], "ack");
    for told in &mut crowd[..64] {
        let request = http::request("GET", "/v1/negotiate", &[ANN], "");
        told.send(request).await;
        limited(&told.answer("GET").await, "per_ip");
    }
}

#[tokio::test]
async fn what_operators_listen_on_counts_nobody() {
    let gate = gate(
        "per_ip = 1\nhandshakes = \"1/h\"",
        "[metrics]\nlisten = \"127.0.0.1:0\"",
    )
    .await;
    let endpoint = gate.gateway().probes()[0].clone();
    let gatecast::server::endpoint::Address::Tcp(address) = endpoint.address else {
        panic!("an address of the loopback");
    };
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut socket = crate::support::socket::Socket::open(address).await;
        socket.send(http::request("GET", "/metrics", &[], "")).await;
        assert_eq!(socket.answer("GET").await.status(), 200);
        held.push(socket);
    }
}
