//! What the backend wants done about a message.

use serde_json::json;

use super::backend::{Backend, says};
use super::{answer, emit, gate, held, post};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

fn does(deeds: &serde_json::Value) -> super::backend::Does {
    says(&json!({"ack": "done", "do": deeds}).to_string())
}

#[tokio::test]
async fn it_publishes_where_no_grant_would_let_its_client() {
    let deeds = json!([
        {"type": "publish", "room": "user:ann", "event": "one", "data": 1},
        {"type": "publish", "rooms": ["b", "c"], "event": "two"},
    ]);
    let backend = Backend::start(does(&deeds)).await;
    let gate = gate(&backend, "").await;
    let told = post(&gate, "/v1/messages", &emit(1, "a")).await;
    assert_eq!(told.text(), r#"{"type":"ack","ref":1,"data":"done"}"#);
    assert_eq!(held(&gate, "b").await[0]["event"], "two");
    assert_eq!(held(&gate, "c").await.len(), 1);
}

#[tokio::test]
async fn it_has_its_client_join_and_leave_in_order_with_what_it_publishes() {
    let deeds = json!([
        {"type": "publish", "room": "user:ann", "event": "before"},
        {"type": "join", "room": "user:ann"},
        {"type": "publish", "room": "user:ann", "event": "after"},
        {"type": "leave", "room": "r"},
    ]);
    let backend = Backend::start(does(&deeds)).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    socket.say(&emit(1, "a")).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let message = socket.json().await;
        told.push(match message["type"].as_str() {
            Some("welcome") => format!("in {}", message["rooms"]),
            Some(kind) => kind.to_owned(),
            None => message["event"].as_str().unwrap().to_owned(),
        });
    }
    let events: Vec<_> = told.iter().filter(|one| *one == "after").collect();
    assert_eq!(events.len(), 1, "{told:?}");
    told.retain(|one| one != "after");
    assert_eq!(
        told,
        [r#"in ["r","user:ann"]"#, r#"in ["user:ann"]"#, "ack"]
    );
}

#[tokio::test]
async fn a_room_that_it_adds_is_kept_when_rights_are_judged_anew_and_can_be_taken_back() {
    let backend = Backend::start(does(&json!([{"type": "join", "room": "user:ann"}]))).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    let told = answer(&mut socket, &emit(1, "a")).await;
    assert_eq!(told["rooms"], json!(["r", "user:ann"]));
    assert_eq!(socket.json().await["type"], "ack");
    let toml = gate
        .toml()
        .replace("admin = true", "admin = true\nsender = true");
    gate.reload(&toml).await.unwrap();
    let leave =
        json!([{"type": "leave", "room": "user:ann"}, {"type": "leave", "room": "user:ann"}]);
    backend.does(does(&leave));
    let told = answer(&mut socket, &emit(2, "a")).await;
    assert_eq!(told["rooms"], json!(["r"]), "nothing was said before it");
    assert_eq!(socket.json().await["type"], "ack");
    let subscribe = r#"{"type":"subscribe","ref":3,"room":"user:ann"}"#;
    assert_eq!(answer(&mut socket, subscribe).await["code"], "forbidden");
}

#[tokio::test]
async fn a_room_of_its_role_that_it_has_left_does_not_come_back_with_new_rights() {
    let backend = Backend::start(does(&json!([{"type": "leave", "room": "r"}]))).await;
    let toml = format!(
        "rooms = [\"r\", \"s\"]\nemit = [\"*\"]\n{}",
        super::hook(&backend, "")
    );
    let gate = Gate::open("", &toml).await;
    let mut socket = WebSocket::upgrade(gate.connect().await, "/v1/stream", &[KEY])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    assert_eq!(socket.json().await["rooms"], json!(["r", "s"]));
    let told = answer(&mut socket, &emit(1, "a")).await;
    assert_eq!(told["rooms"], json!(["s"]));
    assert_eq!(socket.json().await["type"], "ack");
    let toml = gate
        .toml()
        .replace("admin = true", "admin = true\nsender = true");
    gate.reload(&toml).await.unwrap();
    let told = answer(&mut socket, r#"{"type":"ping","ref":2}"#).await;
    assert_eq!(told, json!({"type": "ack", "ref": 2}), "and no welcome");
}

#[tokio::test]
async fn a_client_that_it_ends_is_answered_first_and_what_else_it_wants_is_done() {
    let deeds = json!([{"type": "disconnect"}, {"type": "publish", "room": "b", "event": "gone"}]);
    let backend = Backend::start(does(&deeds)).await;
    let gate = gate(&backend, "").await;
    let mut socket = gate.websocket().await;
    let told = answer(&mut socket, &emit(1, "a")).await;
    assert_eq!(told, json!({"type": "ack", "ref": 1, "data": "done"}));
    assert_eq!(socket.json().await["code"], "disconnected");
    assert_eq!(socket.closed().await.0, Some(3504));
    assert_eq!(held(&gate, "b").await.len(), 1);
}

#[tokio::test]
async fn it_moves_and_ends_the_streams_of_others_and_tells_one_of_them_something() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let (mut ann, mut other) = (gate.websocket().await, gate.websocket().await);
    let seen = gate.request("GET", "/v1/admin/streams", &[KEY], "").await;
    let seen = seen.json()["streams"].clone();
    assert_eq!(seen.as_array().map(Vec::len), Some(2));
    backend.does(does(
        &json!([{"type": "join", "principal": "a", "room": "b"}]),
    ));
    let target = "/v1/messages";
    let told = post(&gate, target, &emit(1, "a")).await;
    assert_eq!(told.status(), 200, "{}", told.text());
    for socket in [&mut ann, &mut other] {
        assert_eq!(socket.json().await["rooms"], json!(["r", "b"]));
    }
    let ping = r#"{"type":"ping","ref":1}"#;
    ann.say(ping).await;
    assert_eq!(ann.json().await["type"], "ack");
    let name = seen[0]["stream"].as_str().unwrap();
    let alone = json!([{"type": "publish", "room": format!("_stream:{name}"), "event": "alone"},
        {"type": "disconnect", "stream": name}]);
    backend.does(does(&alone));
    let told = post(&gate, target, &emit(2, "a")).await;
    assert_eq!(told.status(), 200, "{}", told.text());
    let seen = gate.request("GET", "/v1/admin/streams", &[KEY], "").await;
    assert_eq!(seen.json()["streams"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_cannot_be_done_is_no_ack_and_what_comes_behind_it_is_not_done() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, "").await;
    let after = json!({"type": "publish", "room": "after", "event": "e"});
    for (deed, code) in [
        (
            json!({"type": "publish", "room": "_canary", "event": "e"}),
            "hook_failed",
        ),
        (json!({"type": "join", "room": "a"}), "hook_failed"),
        (json!({"type": "disconnect"}), "hook_failed"),
    ] {
        backend.does(does(&json!([deed, after])));
        // Without a stream of its own.
        let told = post(&gate, "/v1/messages", &emit(1, "a")).await;
        assert_eq!((told.status(), &*told.code()), (503, code), "{deed}");
    }
    assert!(held(&gate, "after").await.is_empty());
}

#[tokio::test]
async fn it_adds_no_more_rooms_than_a_stream_may_have() {
    let deeds = json!([{"type": "join", "room": "b"}, {"type": "join", "room": "c"}]);
    let backend = Backend::start(does(&deeds)).await;
    let more = "limits = { rooms_per_stream = 2 }\n";
    let toml = format!("emit = [\"*\"]\n{more}{}", super::hook(&backend, ""));
    let gate = Gate::open("", &toml).await;
    let mut socket = gate.websocket().await;
    let told = answer(&mut socket, &emit(1, "a")).await;
    assert_eq!(told["rooms"], json!(["r", "b"]));
    assert_eq!(socket.json().await["code"], "hook_failed");
    let told = answer(&mut socket, r#"{"type":"ping","ref":2}"#).await;
    assert_eq!(told["type"], "ack", "it goes on");
}
