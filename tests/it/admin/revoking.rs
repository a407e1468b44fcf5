//! Credentials that do not hold any more: their streams end before anything later is delivered to them.

use super::{KEY, TV, ask, bearer, code, data, gate, publish, sse, token, websocket};
use crate::support::http::Next;
use crate::support::{Gate, http};

async fn revoke(gate: &Gate, body: &str) {
    let answer = ask(gate, "revoke", body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
}

/// Who comes with this credential is refused, whatever for.
async fn is_refused(gate: &Gate, key: (&str, &str)) {
    for (method, target, body) in [
        ("GET", "/v1/stream?room=r", ""),
        ("GET", "/v1/rooms/r/events", ""),
        ("POST", "/v1/rooms/r/events", r#"{"event":"e","data":1}"#),
        ("GET", "/v1/negotiate", ""),
    ] {
        let answer = gate.request(method, target, &[key], body).await;
        assert_eq!(code(&answer), (401, "revoked".into()), "{method} {target}");
    }
}

#[tokio::test]
async fn the_streams_of_a_key_end_before_anything_later_and_nobody_comes_in_with_it() {
    let gate = gate().await;
    let (mut socket, _) = websocket(&gate, TV).await;
    let (mut body, _) = sse(&gate, TV).await;
    let (mut other, _) = websocket(&gate, KEY).await;
    publish(&gate, "r").await;
    revoke(&gate, r#"{"key":"tv"}"#).await;
    publish(&gate, "r").await;
    assert_eq!(socket.json().await["event"], "e");
    let told = socket.json().await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&"error".into(), &"revoked".into())
    );
    assert_eq!(socket.closed().await.0, Some(3503));
    body.event("e").await;
    assert_eq!(data(&body.block().await.unwrap())["code"], "revoked");
    assert_eq!(body.end().await, Next::Clean);
    for _ in 0..2 {
        assert_eq!(other.json().await["event"], "e");
    }
    is_refused(&gate, TV).await;
    let held = gate
        .request("GET", "/v1/admin/revocations", &[KEY], "")
        .await;
    assert_eq!(held.json()["revocations"][0]["key"], "tv");
}

#[tokio::test]
async fn one_token_is_revoked_by_its_id_and_its_subjects_other_token_goes_on() {
    let gate = gate().await;
    let (one, two) = (
        token(&gate, "ann", Some("t1")),
        token(&gate, "ann", Some("t2")),
    );
    let (one, two) = (bearer(&one), bearer(&two));
    let (mut first, _) = websocket(&gate, ("authorization", &one)).await;
    let (mut second, _) = websocket(&gate, ("authorization", &two)).await;
    revoke(&gate, r#"{"token_id":"t1"}"#).await;
    publish(&gate, "r").await;
    assert_eq!(first.json().await["code"], "revoked");
    assert_eq!(second.json().await["event"], "e");
    is_refused(&gate, ("authorization", &one)).await;
    second.say(r#"{"type":"ping","ref":1}"#).await;
    assert_eq!(second.json().await["ref"], 1);
}

#[tokio::test]
async fn a_subject_loses_what_was_issued_before_and_comes_back_with_what_is_issued_later() {
    let gate = gate().await;
    let old = bearer(&token(&gate, "ann", None));
    let (mut socket, _) = websocket(&gate, ("authorization", &old)).await;
    gate.hand.advance(std::time::Duration::from_secs(5));
    revoke(&gate, r#"{"subject":"ann"}"#).await;
    loop {
        let told = socket.json().await;
        if told["type"] != "heartbeat" {
            assert_eq!(told["code"], "revoked");
            break;
        }
    }
    is_refused(&gate, ("authorization", &old)).await;
    gate.hand.advance(std::time::Duration::from_secs(5));
    let new = bearer(&token(&gate, "ann", None));
    let (mut socket, _) = websocket(&gate, ("authorization", &new)).await;
    publish(&gate, "r").await;
    assert_eq!(socket.json().await["event"], "e");
    let bob = bearer(&token(&gate, "bob", None));
    websocket(&gate, ("authorization", &bob)).await;
}

#[tokio::test]
async fn a_stream_that_is_revoked_ends_and_its_client_may_open_another() {
    let gate = gate().await;
    let (mut socket, name) = websocket(&gate, TV).await;
    let (mut other, _) = websocket(&gate, TV).await;
    revoke(&gate, &format!(r#"{{"stream":"{name}"}}"#)).await;
    assert_eq!(socket.json().await["code"], "revoked");
    assert_eq!(socket.closed().await.0, Some(3503));
    websocket(&gate, TV).await;
    publish(&gate, "r").await;
    assert_eq!(other.json().await["event"], "e");
}

#[tokio::test]
async fn a_poll_that_waits_with_it_is_answered_with_what_came_before_and_nothing_later() {
    let gate = gate().await;
    let start = publish(&gate, "r").await["id"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=r&since={start}&wait=55");
    let mut poll = gate.connect().await;
    poll.send(http::request("GET", &target, &[TV], "")).await;
    gate.polls_wait(1).await;
    revoke(&gate, r#"{"key":"another"}"#).await;
    gate.polls_wait(1).await;
    revoke(&gate, r#"{"key":"tv"}"#).await;
    let answer = poll.answer("GET").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.json()["events"].as_array().unwrap().is_empty());
    poll.send(http::request("GET", &target, &[TV], "")).await;
    assert_eq!(code(&poll.answer("GET").await), (401, "revoked".into()));
}

#[tokio::test]
async fn a_revocation_is_forgotten_when_its_credential_has_ended_by_itself() {
    let gate = gate().await;
    let now = gate.clock().unix().0;
    revoke(
        &gate,
        &format!(r#"{{"key":"tv","until":{}}}"#, now + 60_000),
    )
    .await;
    is_refused(&gate, TV).await;
    let open = async {
        loop {
            let answer = gate.request("GET", "/v1/negotiate", &[TV], "").await;
            if answer.status() == 200 {
                return;
            }
        }
    };
    gate.hasten(std::time::Duration::from_secs(10), open).await;
}

#[tokio::test]
async fn an_order_that_revokes_nothing_or_several_things_is_refused() {
    let gate = gate().await;
    for body in [
        "{}",
        r#"{"key":"tv","subject":"ann"}"#,
        r#"{"key":"tv","issuer":"x"}"#,
        r#"{"stream":"x"}"#,
        r#"{"key":"tv","until":1}"#,
        r#"{"keys":"tv"}"#,
    ] {
        let answer = ask(&gate, "revoke", body).await;
        assert_eq!(code(&answer), (400, "bad_request".into()), "{body}");
    }
}

/// Publishes more than the kernel's buffers between the gateway and a client hold.
async fn flood(gate: &Gate) {
    let event = serde_json::json!({"room": "r", "event": "e", "data": "x".repeat(50_000)});
    let body = serde_json::json!({"events": vec![event; 18]}).to_string();
    for _ in 0..24 {
        let answer = gate.request("POST", "/v1/publish", &[KEY], &body).await;
        assert_eq!(answer.status(), 202);
    }
}

#[tokio::test]
async fn a_stream_that_takes_nothing_for_a_while_does_not_outlast_its_revocation() {
    let gate = gate().await;
    let (mut body, name) = sse(&gate, TV).await;
    flood(&gate).await;
    revoke(&gate, &format!(r#"{{"stream":"{name}"}}"#)).await;
    // What has ended is forgotten once a second.
    for _ in 0..10 {
        gate.hand.advance(std::time::Duration::from_secs(1));
        gate.request("GET", "/v1/negotiate", &[KEY], "").await;
    }
    publish(&gate, "r").await;
    loop {
        let block = body.block().await.unwrap();
        if block.contains("revoked") {
            break;
        }
        assert!(
            !block.contains("event: e") || block.contains("xxx"),
            "{block}"
        );
    }
    assert_eq!(body.end().await, Next::Clean);
}
