//! `GET /metrics`: who may read it, and that its numbers are exactly right after known traffic.

mod dialects;
mod documented;
mod exposition;
mod gateway;
mod traffic;

use self::exposition::Exposition;
use crate::support::http::Answer;
use crate::support::{Gate, api_key};

/// Publishes and reads everywhere.
const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
/// Reads `r` and `s`.
const READER: (&str, &str) = ("X-API-Key", "reader-key");
const OPERATOR: (&str, &str) = ("X-API-Key", "operator-key");

async fn gate() -> Gate {
    gate_with("").await
}

/// A gateway with more in its configuration.
async fn gate_with(more: &str) -> Gate {
    let keys = api_key("backend", BACKEND.1, "backend")
        + &api_key("reader", READER.1, "reader")
        + &api_key("operator", OPERATOR.1, "operator");
    let roles = r#"
        [roles.backend]
        subscribe = ["*"]
        publish = ["*"]
        [roles.reader]
        subscribe = ["r", "s"]
        [roles.operator]
        admin = true
        [rooms."r"]
        history = { events = 1000, bytes = "64MiB" }
    "#;
    Gate::start(&(keys + roles + more)).await
}

async fn scrape(gate: &Gate, headers: &[(&str, &str)]) -> Answer {
    let all: Vec<_> = [OPERATOR].iter().chain(headers).copied().collect();
    gate.request("GET", "/metrics", &all, "").await
}

/// The numbers as they are now.
async fn numbers(gate: &Gate) -> Exposition {
    let answer = scrape(gate, &[]).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    Exposition::parse(answer.text())
}

#[tokio::test]
async fn only_an_operator_may_read_the_metrics() {
    let gate = gate().await;
    for (credential, status, code) in [
        (None, 401, "unauthorized"),
        (Some(("X-API-Key", "wrong")), 401, "unauthorized"),
        (Some(READER), 403, "forbidden"),
        (Some(BACKEND), 403, "forbidden"),
    ] {
        let headers: Vec<_> = credential.into_iter().collect();
        let answer = gate.request("GET", "/metrics", &headers, "").await;
        assert_eq!((answer.status(), answer.code()), (status, code.into()));
    }
    assert_eq!(scrape(&gate, &[]).await.status(), 200);
    let posted = gate.request("POST", "/metrics", &[OPERATOR], "").await;
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn a_gateway_that_is_full_still_tells_its_operator_so() {
    let gate = gate_with("[limits]\nconnections = 1\n").await;
    let _full = gate.connect().await;
    let refused = gate
        .request("GET", "/v1/rooms/r/events", &[READER], "")
        .await;
    assert_eq!(refused.code(), "overloaded");
    let numbers = numbers(&gate).await;
    let overloaded = "gatecast_refusals_total{code=\"overloaded\",transport=\"http\"}";
    assert_eq!(numbers.get(overloaded), 1.0);
}

#[tokio::test]
async fn the_format_is_the_one_that_the_client_prefers() {
    let gate = gate().await;
    let text = scrape(&gate, &[]).await;
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(text.header("content-type"), Some(content_type));
    assert!(
        text.text()
            .contains("# TYPE gatecast_events_published_total counter\n")
    );
    assert!(!text.text().contains("# EOF"));

    let accept = (
        "Accept",
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    );
    let open = scrape(&gate, &[accept]).await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(content_type));
    assert!(
        open.text()
            .contains("# TYPE gatecast_events_published counter\n")
    );
    assert!(open.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn every_series_is_there_before_anything_has_happened() {
    let gate = gate().await;
    let numbers = numbers(&gate).await;
    for series in [
        "gatecast_streams{transport=\"sse\",dialect=\"native\",http=\"2\"}",
        "gatecast_streams{transport=\"long-poll\",dialect=\"socketio\",http=\"2\"}",
        "gatecast_streams_opened_total{transport=\"long-poll\",dialect=\"native\",http=\"1.0\"}",
        "gatecast_streams_ended_total{transport=\"websocket\",dialect=\"native\",reason=\"slow\"}",
        "gatecast_publishes_refused_total{code=\"rate_limited\"}",
        "gatecast_refusals_total{code=\"overloaded\",transport=\"http\"}",
        "gatecast_refusals_total{code=\"draining\",transport=\"sse\"}",
        "gatecast_deliveries_total{transport=\"websocket\",dialect=\"native\",kind=\"replay\"}",
        "gatecast_gaps_total{reason=\"evicted\"}",
        "gatecast_http_requests_total{route=\"/v1/rooms/{room}/events\",status=\"5xx\"}",
        "gatecast_delivery_latency_seconds_count{transport=\"sse\"}",
        "gatecast_resumes_total{transport=\"sse\",dialect=\"native\",outcome=\"gap\"}",
        "gatecast_newcomers{shard=\"0\"}",
        "gatecast_shards_hanging",
        "gatecast_revocations_total{kind=\"subject\"}",
        "gatecast_audit_lines_total{outcome=\"dropped\"}",
        "gatecast_config_reloads_total{outcome=\"refused\"}",
        "gatecast_tls_handshakes_total{outcome=\"failed\"}",
    ] {
        assert_eq!(numbers.get(series), 0.0, "{series}");
    }
}
