//! What the `connect` hook adds: rooms, claims, and what the client is told first.

use serde_json::json;

use super::backend::{Backend, says};
use super::{KEY, event_source, gate, hook, publish, told, websocket};
use crate::support::{Gate, api_key};

const TV: (&str, &str) = ("x-api-key", "the-key-of-a-television");
const MORE: &str = r#"{"rooms": ["secret", "r"], "claims": {"venue": 7, "org": "acme"},
    "first": [{"event": "hello", "data": {"n": 1.0}}, {"event": "again"}]}"#;

#[tokio::test]
async fn what_comes_first_comes_right_behind_the_welcome_in_order_and_is_in_no_log() {
    let backend = Backend::start(says(MORE)).await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    let welcome = socket.json().await;
    assert_eq!(welcome["rooms"], json!(["r", "secret"]));
    let (first, second) = (socket.json().await, socket.json().await);
    let room = format!("_stream:{}", welcome["stream"].as_str().unwrap());
    assert_eq!(
        first,
        json!({"room": room, "event": "hello", "data": {"n": 1.0}, "ts": first["ts"]})
    );
    assert_eq!(
        (&second["event"], &second["data"]),
        (&json!("again"), &json!(null))
    );
    let (_, mut body) = event_source(&gate, "/v1/stream?room=r").await;
    body.event("welcome").await;
    let hello = body.block().await.unwrap();
    let lines: Vec<_> = hello.lines().collect();
    assert_eq!(lines[0], "event: hello");
    assert!(lines.len() == 2 && lines[1].starts_with("data: {\"room\":\"_stream:"));
    assert!(body.block().await.unwrap().starts_with("event: again\n"));
    publish(&gate, "secret", "e").await;
    assert_eq!(socket.json().await["room"], "secret");
    assert_eq!(told(&mut body, "e").await["room"], "secret");
}

/// A television that reads the screens of its venue, which only the backend knows.
async fn venue(backend: &Backend, more: &str) -> Gate {
    let tv = api_key("tv", TV.1, "tv");
    let roles = "[roles.tv]\nrooms = [\"screen:{venue}\"]\nsubscribe = [\"screen:{venue}\"]\nemit = [\"seen\"]\n";
    let emit = "[emit.seen]\nroom = \"log:{venue}\"\n";
    let toml = format!("{tv}{roles}{emit}{}{more}", hook("connect", backend, ""));
    Gate::open("", &toml).await
}

#[tokio::test]
async fn claims_that_are_added_make_rooms_grants_and_mappings_as_those_of_the_credential() {
    let backend = Backend::start(says(MORE)).await;
    let gate = venue(&backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    let welcome = socket.json().await;
    assert_eq!(welcome["rooms"], json!(["screen:7", "secret", "r"]));
    socket.json().await;
    socket.json().await;
    socket
        .say(r#"{"type":"emit","ref":1,"event":"seen"}"#)
        .await;
    assert_eq!(socket.json().await["room"], "log:7");
    let mut named = websocket(&gate, "/v1/stream?room=screen:7", &[TV]).await;
    assert_eq!(named.json().await["rooms"][0], "screen:7");
    let mut other = websocket(&gate, "/v1/stream?room=screen:8", &[TV]).await;
    assert_eq!(other.json().await["code"], "forbidden");
    let asked = backend.was_asked(2).await;
    assert_eq!(asked[1].json()["rooms"], json!(["screen:7"]));
}

#[tokio::test]
async fn what_was_added_is_kept_when_the_configuration_is_read_again() {
    let backend = Backend::start(says(r#"{"claims": {"venue": 7}, "rooms": ["secret"]}"#)).await;
    let gate = venue(&backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    socket.text().await;
    let toml = gate
        .toml()
        .replace("emit = [\"seen\"]", "emit = [\"seen\", \"more\"]");
    gate.reload(&toml).await.unwrap();
    publish(&gate, "secret", "e").await;
    publish(&gate, "screen:7", "f").await;
    assert_eq!(socket.json().await["event"], "e", "and no other welcome");
    assert_eq!(socket.json().await["event"], "f");
    let message = r#"{"type":"emit","ref":1,"event":"more"}"#;
    socket.say(message).await;
    let told = socket.json().await;
    assert_eq!(told["code"], "unhandled", "the new rights hold: {told}");
}

#[tokio::test]
async fn what_was_added_is_kept_when_the_credential_is_renewed() {
    let backend = Backend::start(says(r#"{"rooms": ["secret"]}"#)).await;
    let gate = venue(&backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    assert_eq!(socket.json().await["rooms"], json!(["secret"]));
    let auth = json!({"type": "auth", "ref": 1, "token": TV.1}).to_string();
    socket.say(&auth).await;
    let told = [socket.json().await, socket.json().await];
    assert!(told.iter().any(|one| one["type"] == "ack"), "{told:?}");
    let welcome = told.iter().find(|one| one["type"] == "welcome");
    assert_eq!(welcome.unwrap()["rooms"], json!(["secret"]));
    assert_eq!(backend.asked().len(), 1, "nobody new has come");
}

#[tokio::test]
async fn a_room_that_was_added_can_be_left_and_joined_again() {
    let backend = Backend::start(says(r#"{"rooms": ["secret"]}"#)).await;
    let gate = venue(&backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream", &[TV]).await;
    socket.text().await;
    for kind in ["unsubscribe", "subscribe"] {
        let message = json!({"type": kind, "ref": kind, "room": "secret"}).to_string();
        socket.say(&message).await;
        assert_eq!(socket.json().await["ref"], kind);
    }
    publish(&gate, "secret", "e").await;
    assert_eq!(socket.json().await["event"], "e");
}

#[tokio::test]
async fn rooms_are_added_up_to_as_many_as_a_stream_may_have() {
    let backend = Backend::start(says(r#"{"rooms": ["a", "b"]}"#)).await;
    let hook = hook("connect", &backend, "");
    let gate = Gate::open("", &format!("limits = {{ rooms_per_stream = 2 }}\n{hook}")).await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    assert_eq!(socket.json().await["code"], "too_many_rooms");
}

#[tokio::test]
async fn a_client_is_told_no_more_first_than_its_stream_may_keep() {
    let first = |bytes: usize| {
        let first = json!([{"event": "a", "data": "x".repeat(bytes / 2 - 2)}, {"event": "b", "data": "x".repeat(bytes / 2 - 2)}]);
        says(&json!({"first": first}).to_string())
    };
    let backend = Backend::start(first(64 << 10)).await;
    let gate = gate("connect", &backend, "").await;
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    assert_eq!(socket.json().await["type"], "welcome");
    backend.does(first((64 << 10) + 2));
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    assert_eq!(socket.json().await["code"], "hook_failed");
}

#[tokio::test]
async fn a_message_that_is_posted_for_the_stream_has_what_was_added_to_it() {
    let backend = Backend::start(says(MORE)).await;
    let gate = venue(&backend, "").await;
    let mut socket = gate.connect().await;
    let headers = [TV, ("Accept", "text/event-stream")];
    socket
        .send(crate::support::http::request(
            "GET",
            "/v1/stream",
            &headers,
            "",
        ))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = told(&mut body, "welcome").await;
    let target = format!(
        "/v1/messages?stream={}",
        welcome["stream"].as_str().unwrap()
    );
    for message in [
        json!({"type": "emit", "ref": 1, "event": "seen"}),
        json!({"type": "subscribe", "ref": 2, "room": "screen:7"}),
    ] {
        let text = message.to_string();
        let answer = gate.request("POST", &target, &[TV], &text).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_room_that_nobody_can_be_let_into_is_no_mistake_of_the_client() {
    for room in [
        "_canary",
        "_stream:5f0c1b7a90d2c4e83b6a1f27",
        "_presence:tab:7",
    ] {
        let rooms = json!({"rooms": ["secret", room]}).to_string();
        let backend = Backend::start(says(&rooms)).await;
        let gate = gate("connect", &backend, "").await;
        let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
        assert_eq!(socket.json().await["code"], "hook_failed", "{room}");
    }
}
