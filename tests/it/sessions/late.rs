//! What ends while a request is on its way.

use std::time::Duration;

use serde_json::json;

use super::{BACKEND, ann, bearer, gate, get};
use crate::support::Gate;
use crate::support::http;
use crate::support::socket::Socket;

/// A request whose head has been judged, and whose body is yet to come.
async fn half(gate: &Gate, target: &str, credential: (&str, &str), body: &str) -> Socket {
    let headers = [credential, ("Expect", "100-continue")];
    let whole = http::request("POST", target, &headers, body);
    let mut socket = gate.connect().await;
    socket.send(whole.strip_suffix(body).unwrap()).await;
    // Asked for once the request is known to be somebody's.
    let asked = socket.until(b"100 Continue\r\n\r\n").await;
    assert!(asked.is_some());
    socket
}

#[tokio::test]
async fn a_request_whose_credential_ends_before_its_body_has_come_changes_nothing() {
    let gate = gate().await;
    let bodies = [
        (
            "/v1/rooms/open/events",
            r#"{"event":"a","data":1}"#.to_owned(),
        ),
        (
            "/v1/publish",
            r#"{"events":[{"room":"open","event":"a","data":1}]}"#.to_owned(),
        ),
        (
            "/v1/messages",
            r#"{"type":"publish","ref":1,"room":"open","event":"a","data":1}"#.to_owned(),
        ),
    ];
    for (target, body) in bodies {
        let token = ann(&gate, 5);
        let mut socket = half(&gate, target, ("Authorization", &token), &body).await;
        gate.hand.advance(Duration::from_secs(6));
        socket.send(body).await;
        let answer = socket.answer("POST").await;
        assert_eq!(answer.status(), 401, "{target}: {}", answer.text());
    }
    let operator =
        json!({"sub": "root", "role": "backend", "exp": gate.clock().unix().0 / 1000 + 5});
    let body = r#"{"room":"open"}"#;
    let token = bearer(&operator);
    let credential = ("Authorization", token.as_str());
    let mut socket = half(&gate, "/v1/admin/disconnect", credential, body).await;
    gate.hand.advance(Duration::from_secs(6));
    socket.send(body).await;
    assert_eq!(socket.answer("POST").await.status(), 401);
    let held = get(&gate, "/v1/rooms/open/events", &[BACKEND]).await;
    assert_eq!(held.json()["events"], json!([]));
}
