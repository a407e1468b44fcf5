//! What is told of limits elsewhere: ahead, to pages of other origins, to operators.

use super::{ANN, BOB, ask_from, gate, limited, publish, websocket};

const ALL: &str =
    "requests = \"50/s\"\npublishes = \"1/min\"\nper_principal = 7\nevents = { e = \"120/min\" }";

#[tokio::test]
async fn negotiate_tells_those_that_are_set() {
    let limits = |gate: crate::support::Gate| async move {
        let answer = gate.request("GET", "/v1/negotiate", &[ANN], "").await;
        answer.json()["limits"].clone()
    };
    let told = limits(gate(ALL, "").await).await;
    assert_eq!(
        told["requests"],
        serde_json::json!({"count": 50, "per_ms": 1000})
    );
    assert_eq!(
        told["publishes"],
        serde_json::json!({"count": 1, "per_ms": 60_000})
    );
    assert_eq!(told["per_principal"], 7);
    assert_eq!(
        told["events"],
        serde_json::json!({"e": {"count": 120, "per_ms": 60_000}})
    );
    let told = limits(gate("", "").await).await;
    assert_eq!(told.as_object().unwrap().len(), 4, "{told}");
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_the_headers() {
    let gate = gate(ALL, "").await;
    assert_eq!(publish(&gate, ANN, "r", "e").await.status(), 202);
    let headers = [ANN, ("Origin", "https://app.test")];
    let body = r#"{"event":"e"}"#;
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &headers, body)
        .await;
    limited(&answer, "publishes");
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
        assert!(exposed.split(", ").any(|one| one == name), "{exposed}");
    }
}

#[tokio::test]
async fn operators_see_which_limit_was_met_how_often() {
    let gate = gate(
        "publishes = \"1/min\"\nfailures = \"1/h\"\nevents = { ping = \"1/min\" }",
        "",
    )
    .await;
    let mut socket = websocket(&gate, &[ANN]).await;
    for _ in 0..3 {
        super::tell(&mut socket, r#"{"type":"ping","ref":1}"#).await;
    }
    let two = r#"{"events":[{"room":"s","event":"e"},{"room":"s","event":"e"}]}"#;
    gate.request("POST", "/v1/publish", &[ANN], two).await;
    limited(&publish(&gate, ANN, "s", "e").await, "publishes");
    let wrong = ("X-API-Key", "no-such-key");
    for _ in 0..3 {
        ask_from(&gate, 2, "/v1/negotiate", &[wrong]).await;
    }
    let metrics = gate.request("GET", "/metrics", &[ANN], "").await;
    for (limit, count) in [
        ("publishes", 2),
        ("events", 2),
        ("failures", 2),
        ("messages", 0),
    ] {
        let line = format!("gatecast_limited_total{{limit=\"{limit}\"}} {count}");
        assert!(metrics.text().lines().any(|one| one == line), "{line}");
    }
}

#[tokio::test]
async fn a_reload_sets_them_for_those_who_are_here_and_forgets_no_debt() {
    let gate = gate("publishes = \"1/h\"", "").await;
    let mut socket = websocket(&gate, &[ANN]).await;
    assert_eq!(publish(&gate, ANN, "s", "e").await.status(), 202);
    let more = "publishes = \"1/h\"\nevents = { ping = \"1/h\" }\nhandshakes = \"3/h\"";
    let reloaded = gate.reload(&super::configuration("", more, "")).await;
    assert_eq!(reloaded.unwrap().changed, ["auth and roles", "limits"]);
    // Whatever comes after it in the log comes to who was judged anew.
    assert_eq!(publish(&gate, BOB, "r", "e").await.status(), 202);
    assert_eq!(socket.json().await["event"], "e");
    let ping = r#"{"type":"ping","ref":1}"#;
    assert_eq!(super::tell(&mut socket, ping).await["type"], "ack");
    super::is_limited(&super::tell(&mut socket, ping).await, "events.ping");
    limited(&publish(&gate, ANN, "s", "e").await, "publishes");
    assert_eq!(
        ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await.status(),
        200
    );
    limited(
        &ask_from(&gate, 1, "/v1/negotiate", &[ANN]).await,
        "handshakes",
    );
}
