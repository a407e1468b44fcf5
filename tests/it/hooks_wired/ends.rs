//! What the backend is told of a stream.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::backend::{Asked, Backend, Does, says};
use super::{ACCEPT, KEY, event_source, get, hook, no, told, websocket};
use crate::support::http2::Http2;
use crate::support::websocket::{CLOSE, WebSocket, frame};
use crate::support::{Gate, within};

/// A gateway that tells this backend how streams end, and what they leave.
async fn gate(backend: &Backend, more: &str) -> Gate {
    let hooks = [
        hook("disconnect", backend, ""),
        hook("unsubscribe", backend, ""),
    ];
    Gate::open("", &format!("{more}{}", hooks.concat())).await
}

/// The stream, the code and the rooms of an end.
fn end(asked: &Asked) -> (Value, Value, Value) {
    let body = asked.json();
    assert_eq!(body["type"], "disconnect", "{body}");
    assert_eq!(body["principal"], "a");
    (
        body["stream"].clone(),
        body["code"].clone(),
        body["rooms"].clone(),
    )
}

/// What was told, each once: what was not heard in time, as the test's clock goes, is told again under its own id.
fn once(asked: Vec<Asked>) -> Vec<Asked> {
    let mut ids = std::collections::HashSet::new();
    let is_new = |one: &Asked| ids.insert(one.header("webhook-id").unwrap().to_owned());
    asked.into_iter().filter(is_new).collect()
}

async fn open(gate: &Gate) -> (WebSocket, Value) {
    let mut socket = websocket(gate, "/v1/stream?room=r&room=s", &[KEY]).await;
    let welcome = socket.json().await;
    (socket, welcome["stream"].clone())
}

/// One end more is told, and it is this one.
async fn ends(backend: &Backend, count: usize, stream: &Value, code: &str) {
    let told = async {
        loop {
            let asked = once(backend.asked());
            if asked.len() >= count {
                return asked;
            }
            tokio::task::yield_now().await;
        }
    };
    let asked = within("the end", told).await;
    assert_eq!(asked.len(), count, "each is told once");
    assert_eq!(
        end(&asked[count - 1]),
        (stream.clone(), json!(code), json!(["r", "s"]))
    );
}

#[tokio::test]
async fn each_end_is_told_once_with_its_reason_and_rooms() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let (mut socket, stream) = open(&gate).await;
    socket
        .socket
        .send(frame(0x80 | CLOSE, true, &[3, 232]))
        .await;
    ends(&backend, 1, &stream, "client").await;

    let (socket, stream) = open(&gate).await;
    drop(socket);
    ends(&backend, 2, &stream, "client").await;

    let (mut socket, stream) = open(&gate).await;
    gate.request("POST", "/v1/admin/disconnect", &[KEY], r#"{"room":"s"}"#)
        .await;
    assert_eq!(socket.closed().await.0, Some(3504));
    ends(&backend, 3, &stream, "disconnected").await;

    let (mut socket, stream) = open(&gate).await;
    socket.socket.send(frame(0x82, true, b"binary")).await;
    assert_eq!(socket.closed().await.0, Some(1003));
    ends(&backend, 4, &stream, "unsupported_data").await;

    let (mut body, stream) = {
        let (_, mut body) = event_source(&gate, "/v1/stream?room=r&room=s").await;
        let stream = told(&mut body, "welcome").await["stream"].clone();
        (body, stream)
    };
    gate.request("POST", "/v1/admin/revoke", &[KEY], r#"{"key":"a"}"#)
        .await;
    body.end().await;
    ends(&backend, 5, &stream, "revoked").await;
}

#[tokio::test]
async fn who_is_silent_and_who_takes_nothing_is_told_as_what_it_was() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let (socket, stream) = open(&gate).await;
    let told = backend.was_asked(1);
    gate.hasten(Duration::from_secs(5), told).await;
    ends(&backend, 1, &stream, "timeout").await;
    drop(socket);
}

#[tokio::test]
async fn a_drain_tells_the_end_of_every_stream_before_it_is_over() {
    let backend = Backend::start(says("{}")).await;
    let mut gate = gate(&backend, "").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(open(&gate).await);
    }
    gate.stop().await;
    let asked = once(backend.asked());
    let mut told: Vec<_> = asked.iter().map(end).collect();
    assert!(
        told.iter().all(|(_, code, _)| code == "draining"),
        "{told:?}"
    );
    told.sort_by_key(|(stream, ..)| stream.to_string());
    let mut open: Vec<_> = streams.into_iter().map(|(_, stream)| stream).collect();
    open.sort_by_key(ToString::to_string);
    let told: Vec<_> = told.into_iter().map(|(stream, ..)| stream).collect();
    assert_eq!(told, open);
}

#[tokio::test]
async fn a_room_that_is_left_is_told_and_the_end_names_those_that_are_left() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let (mut socket, stream) = open(&gate).await;
    socket
        .say(r#"{"type":"unsubscribe","ref":1,"room":"r"}"#)
        .await;
    socket.text().await;
    let left = backend.was_asked(1).await[0].json();
    assert_eq!(
        (&left["type"], &left["stream"], &left["room"]),
        (&json!("unsubscribe"), &stream, &json!("r"))
    );
    socket
        .say(r#"{"type":"subscribe","ref":2,"room":"t"}"#)
        .await;
    socket.text().await;
    drop(socket);
    let (_, code, rooms) = end(&backend.was_asked(2).await[1]);
    assert_eq!((code, rooms), (json!("client"), json!(["s", "t"])));
}

#[tokio::test]
async fn a_room_that_is_taken_away_is_told_too() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let (mut socket, _) = open(&gate).await;
    let toml = gate.toml().replace("[\"*\"]", "[\"r\"]");
    gate.reload(&toml).await.unwrap();
    assert_eq!(socket.json().await["rooms"], json!(["r"]));
    let left = backend.was_asked(1).await[0].json();
    assert_eq!(
        (&left["type"], &left["room"]),
        (&json!("unsubscribe"), &json!("s"))
    );
}

#[tokio::test]
async fn who_was_let_in_and_has_no_stream_in_the_end_is_told_as_gone_and_who_was_not_is_not() {
    let (connect, backend) = (
        Backend::start(says("{}")).await,
        Backend::start(says("{}")).await,
    );
    let subscribe = Backend::start(no()).await;
    let hooks = [
        hook("connect", &connect, ""),
        hook("subscribe", &subscribe, "rooms = [\"tab:*\"]\n"),
        hook("disconnect", &backend, ""),
    ];
    let gate = Gate::open("", &hooks.concat()).await;
    let (head, _) = event_source(&gate, "/v1/stream?room=tab:1").await;
    assert_eq!(head.status, 403);
    let asked = connect.was_asked(1).await[0].json();
    let (stream, code, rooms) = end(&backend.was_asked(1).await[0]);
    assert_eq!(
        (stream, code, rooms),
        (asked["stream"].clone(), json!("refused"), json!([]))
    );
    connect.does(no());
    let (head, _) = event_source(&gate, "/v1/stream?room=r").await;
    assert_eq!(head.status, 403);
    // Polls have no end.
    connect.does(says("{}"));
    assert_eq!(get(&gate, "/v1/stream?room=r").await.status(), 200);
    let mut socket = gate.websocket().await;
    socket.say(r#"{"type":"ping","ref":1}"#).await;
    socket.text().await;
    drop(socket);
    let asked = backend.was_asked(2).await;
    assert_eq!(asked.len(), 2);
    assert_eq!(end(&asked[1]).1, "client");
}

#[tokio::test]
async fn a_credential_that_ends_is_told_as_that() {
    let backend = Backend::start(says("{}")).await;
    let secret = "correct-horse-battery-staple-0123456789";
    crate::support::secrets::WATCH.keep(secret);
    let jwt = format!("[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"{secret}\"\n");
    let gate = Gate::open(&jwt, &hook("disconnect", &backend, "")).await;
    let claims = json!({"sub": "ann", "role": "a", "exp": gate.clock().unix().0 / 1000 + 40});
    let token = gatecast::auth::jwt::sign(
        gatecast::auth::jwt::Algorithm::HS256,
        &gatecast::model::secret::Secret::new(secret),
        None,
        &claims,
    )
    .unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let mut socket = websocket(&gate, "/v1/stream?room=r", &headers).await;
    socket.text().await;
    gate.hasten(Duration::from_secs(5), socket.closed()).await;
    let body = backend.was_asked(1).await[0].json();
    assert_eq!(
        (&body["code"], &body["principal"], &body["claims"]["sub"]),
        (&json!("session_expired"), &json!("ann"), &json!("ann"))
    );
}

#[tokio::test]
async fn who_was_let_in_and_does_not_wait_for_its_rooms_is_told_as_gone() {
    let connect = Backend::start(says(r#"{"claims": {"org": "acme"}}"#)).await;
    let held = Arc::new(Semaphore::new(0));
    let subscribe = Backend::start(Does::Holds(held, "{}".into())).await;
    let backend = Backend::start(says("{}")).await;
    let hooks = [
        hook("connect", &connect, ""),
        hook("subscribe", &subscribe, ""),
        hook("disconnect", &backend, ""),
    ];
    let gate = Gate::open("", &hooks.concat()).await;
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut http2 = Http2::on(socket).await;
    let asking = http2
        .send("GET", "/v1/stream?room=r", &[KEY, ACCEPT], None)
        .await;
    subscribe.was_asked(1).await;
    let stream = connect.was_asked(1).await[0].json()["stream"].clone();
    // It resets its stream.
    drop(asking);
    let asked = backend.was_asked(1).await;
    assert_eq!(end(&asked[0]), (stream, json!("client"), json!([])));
    assert_eq!(asked[0].json()["claims"]["org"], "acme");
}
