//! Who guesses credentials.

use std::time::Duration;

use super::{
    ANN, POLL, ask_from, dial, gate, http2, is_limited, limited, no_stream_opens,
    no_stream_opens_on, tell, websocket,
};
use crate::support::Gate;

const WRONG: (&str, &str) = ("X-API-Key", "no-such-key");
const ASK: &str = "/v1/negotiate";

/// A gateway where the address 127.0.0.1 has shown as many wrong keys as it may.
async fn after_guesses() -> Gate {
    let gate = gate("failures = \"3/h\"", "").await;
    for _ in 0..3 {
        assert_eq!(ask_from(&gate, 1, ASK, &[WRONG]).await.status(), 401);
    }
    gate
}

#[tokio::test]
async fn beyond_the_rate_no_credential_from_there_is_looked_at_until_time_has_passed() {
    let gate = after_guesses().await;
    limited(&ask_from(&gate, 1, ASK, &[WRONG]).await, "failures");
    let right = ask_from(&gate, 1, ASK, &[ANN]).await;
    limited(&right, "failures");
    assert_eq!(
        right.header("ratelimit-policy"),
        Some("\"failures\";q=3;w=3600")
    );
    assert_eq!(right.header("retry-after"), Some("1200"));
    assert_eq!(ask_from(&gate, 2, ASK, &[ANN]).await.status(), 200);
    assert_eq!(ask_from(&gate, 1, "/healthz", &[WRONG]).await.status(), 200);
    gate.hand.advance(Duration::from_secs(1200));
    for _ in 0..10 {
        assert_eq!(ask_from(&gate, 1, ASK, &[ANN]).await.status(), 200);
    }
    assert_eq!(ask_from(&gate, 1, ASK, &[WRONG]).await.status(), 401);
    limited(&ask_from(&gate, 1, ASK, &[WRONG]).await, "failures");
}

#[tokio::test]
async fn each_transport_is_told_in_its_way() {
    let gate = after_guesses().await;
    no_stream_opens(&gate, &[ANN], "failures").await;
    no_stream_opens_on(&gate, &mut http2(&gate).await, &[ANN], "failures").await;
}

#[tokio::test]
async fn a_token_that_is_none_and_a_key_that_cannot_be_one_are_guesses() {
    let gate = gate("failures = \"3/h\"", "").await;
    for guess in ["Bearer a.b.c", "Bearer ", "Bearer \u{e4}"] {
        let answer = ask_from(&gate, 1, ASK, &[("Authorization", guess)]).await;
        assert_eq!(answer.status(), 401, "{guess}");
    }
    limited(&ask_from(&gate, 1, ASK, &[ANN]).await, "failures");
}

#[tokio::test]
async fn who_shows_no_credential_does_not_guess() {
    let gate = gate("failures = \"1/h\"", "").await;
    for _ in 0..5 {
        assert_eq!(ask_from(&gate, 1, ASK, &[]).await.status(), 401);
    }
    assert_eq!(ask_from(&gate, 1, ASK, &[ANN]).await.status(), 200);
}

#[tokio::test]
async fn a_guess_by_a_message_is_one_and_streams_that_are_open_go_on() {
    let gate = gate("failures = \"3/h\"", "").await;
    let mut open = websocket(&gate, &[ANN]).await;
    let guess = r#"{"type":"auth","ref":1,"token":"no-such-key"}"#;
    for _ in 0..3 {
        let mut socket = dial(&gate, &[]).await;
        assert_eq!(tell(&mut socket, guess).await["code"], "unauthorized");
        assert_eq!(socket.closed().await.0, Some(3500));
    }
    let mut socket = dial(&gate, &[]).await;
    let right = format!(r#"{{"type":"auth","ref":1,"token":"{}"}}"#, ANN.1);
    is_limited(&tell(&mut socket, &right).await, "failures");
    assert_eq!(socket.closed().await.0, Some(3004));
    limited(&ask_from(&gate, 1, POLL, &[ANN]).await, "failures");
    assert_eq!(
        tell(&mut open, r#"{"type":"ping","ref":1}"#).await["type"],
        "ack"
    );
}
