//! Who comes back while the backend or an operator acts: with what it was given, without what was taken, and not at all
//! once it was ended.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;

use super::{Client, RECOVERS, does, hook, packet, rest, say, service, websocket};
use crate::hooks::backend::{Backend, Does, says};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key};

/// The key of one who may be in the room `lobby`.
const LITTLE: &str = "the-key-of-a-little-one";

fn little() -> String {
    let key = api_key("l", LITTLE, "l");
    format!("{key}[roles.l]\nsubscribe = [\"lobby\"]\n")
}

/// A gateway, and a client in its rooms `a` and `b`.
async fn gate_and_client(more: &str) -> (Gate, Client) {
    let gate = Gate::open("", more).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.enter("b").await;
    (gate, client)
}

/// The same, where the backend lets in.
async fn hooked_gate_and_client(backend: &Backend) -> (Gate, Client) {
    gate_and_client(&format!(
        "{RECOVERS}{}{}",
        service(),
        hook(backend, "connect")
    ))
    .await
}

/// Begins to come back; the backend is being asked about it.
async fn begin_back(
    gate: &Gate,
    client: &mut Client,
    backend: &Backend,
) -> (WebSocket, Arc<Semaphore>) {
    client.cut(gate).await;
    let may = Arc::new(Semaphore::new(0));
    backend.does(Does::Holds(may.clone(), "{}".into()));
    let mut socket = websocket(gate).await;
    socket.say(&format!("40{}", client.comes_back())).await;
    backend.was_asked(2).await;
    (socket, may)
}

/// An event in `a`, from which it was taken, and one in `b`, which is the first that it hears of.
async fn is_only_in_b(gate: &Gate, client: &mut Client) {
    say(gate, "a", 1).await;
    say(gate, "b", 2).await;
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn a_room_that_was_taken_meanwhile_does_not_come_back() {
    let (gate, mut client) = gate_and_client(&format!("{RECOVERS}{}", service())).await;
    client.cut(&gate).await;
    does(
        &gate,
        json!({"type": "leave", "stream": client.sid, "room": "a"}),
    )
    .await;
    assert!(client.back(&gate).await);
    is_only_in_b(&gate, &mut client).await;
}

#[tokio::test]
async fn nor_does_one_that_was_taken_while_its_connection_was_dead_and_nobody_knew() {
    let (gate, mut client) = gate_and_client(&format!("{RECOVERS}{}", service())).await;
    does(
        &gate,
        json!({"type": "leave", "stream": client.sid, "room": "a"}),
    )
    .await;
    assert!(client.back(&gate).await);
    is_only_in_b(&gate, &mut client).await;
}

#[tokio::test]
async fn nor_does_one_that_an_answer_of_the_backend_has_taken() {
    let backend = Backend::start(says(r#"{"do":[{"type":"leave","room":"a"}]}"#)).await;
    let more = format!("emit = [\"*\"]\n{RECOVERS}{}", hook(&backend, "message"));
    let (gate, mut client) = gate_and_client(&more).await;
    client.socket.say(r#"421["go"]"#).await;
    while packet(&mut client.socket).await != "431[]" {}
    client.cut(&gate).await;
    assert!(client.back(&gate).await);
    is_only_in_b(&gate, &mut client).await;
}

#[tokio::test]
async fn a_room_that_is_taken_while_the_backend_is_asked_who_comes_back_is_left_at_once() {
    let backend = Backend::start(says("{}")).await;
    let (gate, mut client) = hooked_gate_and_client(&backend).await;
    let (socket, may) = begin_back(&gate, &mut client, &backend).await;
    does(
        &gate,
        json!({"type": "leave", "stream": client.sid, "room": "a"}),
    )
    .await;
    may.add_permits(1);
    client.socket = socket;
    let told = rest(&packet(&mut client.socket).await, "40");
    assert!(client.is_told(&told));
    let told = client.told().await;
    assert_eq!(
        (&told[0], &told[1]["rooms"]),
        (&json!("welcome"), &json!(["b"]))
    );
    is_only_in_b(&gate, &mut client).await;
}

#[tokio::test]
async fn who_is_ended_while_the_backend_is_asked_who_comes_back_is_refused_for_good() {
    let backend = Backend::start(says("{}")).await;
    let (gate, mut client) = hooked_gate_and_client(&backend).await;
    let (mut socket, may) = begin_back(&gate, &mut client, &backend).await;
    does(&gate, json!({"type": "disconnect", "stream": client.sid})).await;
    may.add_permits(1);
    let told = rest(&packet(&mut socket).await, "44");
    assert_eq!(
        (&told["data"]["code"], &told["data"]["retryable"]),
        (&json!("disconnected"), &json!(false))
    );
    backend.does(says("{}"));
    assert!(!client.back(&gate).await);
}

#[tokio::test]
async fn who_was_nobody_and_has_said_who_it_is_comes_back_as_that_and_as_nobody_else() {
    let bob = "the-key-of-bob-himself";
    let roles = "[auth]\nanonymous = \"anon\"\n[roles.anon]\nsubscribe = [\"lobby\"]\nrooms = [\"lobby\"]\n[roles.u]\nsubscribe = [\"lobby\"]\n";
    let key = api_key("bob", bob, "u");
    let gate = Gate::open("", &format!("{key}{roles}{RECOVERS}{}", service())).await;
    let mut client = Client::joins_as(&gate, json!({})).await;
    let auth = json!(["auth", {"token": bob}]);
    client.socket.say(&format!("420{auth}")).await;
    while !packet(&mut client.socket).await.starts_with("430") {}
    does(
        &gate,
        json!({"type": "join", "principal": "bob", "room": "secret"}),
    )
    .await;
    client.cut(&gate).await;
    let (pid, sid) = (client.pid.clone(), client.sid.clone());
    assert!(!client.back(&gate).await);
    say(&gate, "secret", 1).await;
    say(&gate, "lobby", 2).await;
    assert_eq!(client.event().await, 2);
    client.cut(&gate).await;
    (client.pid, client.sid, client.offset) = (pid, sid, None);
    client.auth = json!({"apiKey": bob});
    assert!(client.back(&gate).await);
    for n in [1, 2] {
        assert_eq!(client.event().await, n);
    }
    // By its name it is known while it is away, too.
    client.cut(&gate).await;
    does(
        &gate,
        json!({"type": "leave", "principal": "bob", "room": "secret"}),
    )
    .await;
    assert!(client.back(&gate).await);
    say(&gate, "secret", 3).await;
    say(&gate, "lobby", 4).await;
    assert_eq!(client.event().await, 4);
    client.cut(&gate).await;
    does(&gate, json!({"type": "disconnect", "principal": "bob"})).await;
    assert!(!client.back(&gate).await);
}

#[tokio::test]
async fn rooms_that_the_backend_has_let_in_to_come_back_though_the_role_has_them_not() {
    let backend = Backend::start(says(r#"{"rooms":["own"]}"#)).await;
    let more = format!(
        "rooms = [\"lobby\"]\n{RECOVERS}{}",
        hook(&backend, "connect")
    );
    let gate = Gate::open("", &format!("{}{more}", little())).await;
    let mut client = Client::joins_with(&gate, LITTLE).await;
    client.cut(&gate).await;
    say(&gate, "own", 1).await;
    say(&gate, "lobby", 2).await;
    assert!(client.back(&gate).await);
    for n in [1, 2] {
        assert_eq!(client.event().await, n);
    }
}

#[tokio::test]
async fn a_room_that_its_stream_was_granted_comes_back_though_it_has_no_other() {
    let more = format!("{}{RECOVERS}{}", little(), service());
    let gate = Gate::open("", &more).await;
    let mut client = Client::joins_with(&gate, LITTLE).await;
    does(
        &gate,
        json!({"type": "join", "stream": client.sid, "room": "granted"}),
    )
    .await;
    client.cut(&gate).await;
    say(&gate, "granted", 1).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 1);
}

#[tokio::test]
async fn what_is_said_to_it_alone_while_its_connection_is_dead_comes_too() {
    let gate = Gate::open("", &format!("{RECOVERS}{}", service())).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    let own = format!("_stream:{}", client.sid);
    does(
        &gate,
        json!({"type": "publish", "room": own, "event": "toast", "data": 2}),
    )
    .await;
    say(&gate, "a", 3).await;
    assert!(client.back(&gate).await);
    for n in [2, 3] {
        assert_eq!(client.event().await, n);
    }
}

#[tokio::test]
async fn operators_end_who_was_cut_by_its_name_and_by_whose_it_is() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.cut(&gate).await;
    let target = format!("/v1/admin/streams/{}", client.sid);
    for status in [204, 404] {
        let ended = gate.request("DELETE", &target, &[KEY], "").await;
        assert_eq!(ended.status(), status, "{}", ended.text());
    }
    assert!(!client.back(&gate).await);
    let headers = [KEY, ("Content-Type", "application/json")];
    for (action, status) in [("disconnect", 200), ("revoke", 202)] {
        client.cut(&gate).await;
        let whom = match action {
            "disconnect" => json!({"principal": "a"}),
            _ => json!({"stream": client.sid}),
        };
        let target = format!("/v1/admin/{action}");
        let done = gate
            .request("POST", &target, &headers, &whom.to_string())
            .await;
        assert_eq!(done.status(), status, "{}", done.text());
        assert!(!client.back(&gate).await, "{action}");
    }
}
