//! The `connect` hook lets in, refuses, or fails.

use std::time::Duration;

use serde_json::json;

use super::backend::{Backend, Does, refuses, says};
use super::{KEY, event_source, gate, get, no, told, websocket};
use crate::support::Gate;
use crate::support::http::Next;
use crate::support::socketio::Polling;

#[tokio::test]
async fn the_backend_knows_who_wants_which_rooms_of_the_stream_that_comes_of_it() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("connect", &backend, "headers = [\"x-tenant\"]\n").await;
    let headers = [KEY, ("X-Tenant", "acme")];
    let mut socket = websocket(&gate, "/v1/stream?room=r&room=s", &headers).await;
    let welcome = socket.json().await;
    let mut body = backend.was_asked(1).await[0].json();
    body["ts"] = json!(0);
    assert_eq!(
        body,
        json!({"type": "connect", "ts": 0, "stream": welcome["stream"], "principal": "a", "role": "a",
            "transport": "websocket", "claims": {"sub": "a", "key": "a"}, "headers": {"x-tenant": "acme"},
            "rooms": ["r", "s"], "resumes": false})
    );
}

#[tokio::test]
async fn the_backend_knows_in_which_language_it_is_spoken_to_where_that_is_socket_io() {
    let backend = Backend::start(says("{}")).await;
    let told = super::hook("disconnect", &backend, "");
    let gate = gate("connect", &backend, &told).await;
    let (session, name) = Polling::joined(&gate, KEY.1).await;
    session.say("41").await;
    let asked = backend.was_asked(2).await;
    for (request, kind) in asked.iter().zip(["connect", "disconnect"]) {
        let body = request.json();
        assert_eq!(
            json!([
                body["type"],
                body["stream"],
                body["transport"],
                body["dialect"]
            ]),
            json!([kind, name, "long-poll", "socketio"])
        );
    }
}

#[tokio::test]
async fn a_no_is_told_as_every_refusal_of_its_transport_that_is_for_good() {
    let backend = Backend::start(no()).await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    assert_eq!(
        socket.json().await,
        json!({"type": "error", "code": "refused", "message": "no table is free", "reason": "full"})
    );
    assert_eq!(
        socket.closed().await,
        (Some(3501), "no table is free".to_owned())
    );
    let (head, _) = event_source(&gate, "/v1/stream?room=r").await;
    assert_eq!(head.status, 403, "an EventSource stays away");
    let answer = get(&gate, "/v1/stream?room=r").await;
    assert_eq!(
        (answer.status(), &answer.json()["reason"]),
        (403, &json!("full"))
    );
    assert_eq!(backend.asked().len(), 3);
}

#[tokio::test]
async fn a_backend_that_fails_is_told_as_what_time_can_heal() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    let error = socket.json().await;
    assert_eq!(error["code"], "hook_failed");
    assert!(error["retry_after_ms"].as_u64().is_some(), "{error}");
    assert_eq!(socket.closed().await.0, Some(3002));
    let (head, mut body) = event_source(&gate, "/v1/stream?room=r").await;
    assert_eq!(head.status, 200, "an EventSource comes back");
    let block = body.event("problem").await;
    assert!(
        block.contains("hook_failed") && block.contains("retry: "),
        "{block}"
    );
    let end = gate.hasten(Duration::from_millis(100), body.end()).await;
    assert_eq!(end, Next::Cut);
    let answer = get(&gate, "/v1/stream?room=r").await;
    assert_eq!((answer.status(), &*answer.code()), (503, "hook_failed"));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_not_waited_for_longer_than_it_may_take() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let gate = gate("connect", &backend, "timeout = \"3s\"\n").await;
    let mut asking = Box::pin(get(&gate, "/v1/stream?room=r"));
    let asked = async {
        backend.was_asked(1).await;
        gate.hand.advance(Duration::from_millis(2999));
    };
    let early = tokio::select! {
        answer = &mut asking => Some(answer),
        () = asked => None,
    };
    assert!(early.is_none());
    gate.hand.advance(Duration::from_millis(1));
    assert_eq!(asking.await.code(), "hook_failed");
}

#[tokio::test]
async fn where_the_hook_fails_open_a_client_gets_what_its_credential_gives() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let gate = gate("connect", &backend, "on_failure = \"open\"\n").await;
    let (_, mut body) = event_source(&gate, "/v1/stream?room=r").await;
    assert_eq!(told(&mut body, "welcome").await["rooms"], json!(["r"]));
    backend.does(no());
    let answer = get(&gate, "/v1/stream?room=r").await;
    assert_eq!(answer.code(), "refused", "a no is obeyed");
}

#[tokio::test]
async fn who_would_be_refused_anyway_is_not_asked_about() {
    let backend = Backend::start(says("{}")).await;
    let hook = super::hook("connect", &backend, "");
    let gate = Gate::open("", &format!("transports = [\"sse\"]\n{hook}")).await;
    let answer = get(&gate, "/v1/stream?room=r").await;
    assert_eq!(answer.code(), "transport_not_allowed");
    let wrong = ("x-api-key", "another-key-than-that");
    let answer = gate.request("GET", "/v1/stream?room=r", &[wrong], "").await;
    assert_eq!(answer.status(), 401);
    assert!(backend.asked().is_empty());
}

#[tokio::test]
async fn no_more_is_asked_for_a_principal_than_it_may_have_streams() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let hook = super::hook("connect", &backend, "");
    let gate = Gate::open("", &format!("limits = {{ per_principal = 1 }}\n{hook}")).await;
    let mut first = gate.connect().await;
    let request = crate::support::http::request("GET", "/v1/stream?room=r", &[KEY], "");
    first.send(request).await;
    backend.was_asked(1).await;
    let answer = get(&gate, "/v1/stream?room=r").await;
    assert_eq!(answer.code(), "rate_limited");
    assert_eq!(backend.asked().len(), 1);
}
