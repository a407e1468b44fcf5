//! What the gateway says of itself: who came back, who was let in, and how it does.

use std::time::Duration;

use gatecast::auth::jwt::{Algorithm, sign};
use gatecast::model::secret::Secret;
use rustls::version::TLS13;
use serde_json::json;

use super::exposition::Exposition;
use super::traffic::{event_source, publish};
use super::{OPERATOR, READER, gate, gate_with, numbers};
use crate::support::http::request;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::{Gate, api_key};

#[tokio::test]
async fn who_comes_back_is_counted_by_whether_all_that_was_missed_was_held() {
    let gate = gate_with("[rooms.\"s\"]\nhistory = { events = 1 }\n").await;
    let first = publish(&gate, &json!({"event": "n", "data": 1})).await;
    let since = first["id"].as_str().unwrap();
    let whole = format!("/v1/stream?room=r&since={since}");
    event_source(&gate, &whole).await;
    for _ in 0..2 {
        let target = "/v1/rooms/s/events";
        let body = r#"{"event": "n", "data": 2}"#;
        gate.request("POST", target, &[super::BACKEND], body).await;
    }
    let evicted = format!("/v1/stream?room=s&since={since}");
    event_source(&gate, &evicted).await;
    gate.request("GET", &evicted, &[READER], "").await;
    event_source(&gate, "/v1/stream?room=r").await;
    assert_eq!(
        numbers(&gate).await.set("gatecast_resumes_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"native\",outcome=\"gap\"}",
                1.0
            ),
            (
                "{transport=\"sse\",dialect=\"native\",outcome=\"gap\"}",
                1.0
            ),
            (
                "{transport=\"sse\",dialect=\"native\",outcome=\"hit\"}",
                1.0
            ),
        ]
    );
}

#[tokio::test]
async fn each_stream_waits_for_its_first_turn_and_then_no_more() {
    let gate = gate().await;
    let _streams = [
        event_source(&gate, "/v1/stream?room=r").await,
        event_source(&gate, "/v1/stream?room=r").await,
    ];
    let numbers = numbers(&gate).await;
    assert_eq!(numbers.get("gatecast_newcomer_wait_seconds_count"), 2.0);
    assert_eq!(numbers.set("gatecast_newcomers"), []);
    assert!(numbers.get("gatecast_loop_delay_seconds{shard=\"0\"}") < 60.0);
}

#[tokio::test]
async fn a_token_is_verified_once_and_known_from_then_on() {
    const SECRET: &str = "the-secret-of-a-test-of-metrics-0123";
    let issuer = format!("[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n");
    let gate = gate_with(&issuer).await;
    let end = gate.clock().unix().0 / 1000 + 60;
    let token = |secret| {
        let claims = json!({"sub": "ann", "role": "reader", "exp": end});
        let made = sign(Algorithm::HS256, &Secret::new(secret), None, &claims).unwrap();
        format!("Bearer {made}")
    };
    let (good, bad) = (token(SECRET), token("another-secret-of-a-test-0123456789"));
    for (token, status) in [(&good, 200), (&good, 200), (&good, 200), (&bad, 401)] {
        let headers = [("Authorization", token.as_str())];
        let answer = gate
            .request("GET", "/v1/rooms/r/events", &headers, "")
            .await;
        assert_eq!(answer.status(), status);
    }
    assert_eq!(
        numbers(&gate).await.set("gatecast_tokens_total"),
        [
            ("{outcome=\"refused\"}", 1.0),
            ("{outcome=\"remembered\"}", 2.0),
            ("{outcome=\"verified\"}", 1.0),
        ]
    );
}

#[tokio::test]
async fn the_canary_is_as_old_as_its_last_return() {
    let gate = gate().await;
    gate.hand.advance(Duration::from_secs(7));
    let age = "gatecast_canary_age_seconds";
    assert_eq!(numbers(&gate).await.get(age), 7.0);
    assert_eq!(gate.request("GET", "/readyz", &[], "").await.status(), 200);
    gate.hand.advance(Duration::from_secs(3));
    let numbers = numbers(&gate).await;
    assert_eq!(numbers.get(age), 3.0);
    assert_eq!(
        numbers.set("gatecast_canaries_total"),
        [("{outcome=\"returned\"}", 1.0)]
    );
}

#[tokio::test]
async fn the_configuration_of_the_start_holds_since_then() {
    let gate = gate().await;
    let started = gate.clock().unix().0 as f64 / 1000.0;
    let numbers = numbers(&gate).await;
    let at = "gatecast_config_last_reload_success_timestamp_seconds";
    assert_eq!(numbers.get(at), started);
    assert_eq!(numbers.get("gatecast_config_last_reload_successful"), 1.0);
}

#[tokio::test]
async fn tls_handshakes_are_counted_by_how_they_came_out() {
    let certificate = Certificate::new();
    let roles = "[roles.operator]\nadmin = true\n";
    let keys = api_key("operator", OPERATOR.1, "operator");
    let gate = Gate::start(&(certificate.toml() + &keys + roles)).await;
    let refused = certificate
        .connect(gate.address(), &["imap"], &[&TLS13])
        .await;
    assert!(refused.is_err());
    let mut socket = Socket::over(certificate.speak(gate.address(), "http/1.1").await);
    socket
        .send(request("GET", "/metrics", &[OPERATOR], ""))
        .await;
    let numbers = Exposition::parse(socket.answer("GET").await.text());
    assert_eq!(
        numbers.set("gatecast_tls_handshakes_total"),
        [("{outcome=\"done\"}", 1.0), ("{outcome=\"failed\"}", 1.0)]
    );
    assert_eq!(
        numbers.set("gatecast_connections"),
        [("{listener=\"https\"}", 1.0)]
    );
}
