//! Rooms that are joined and left while a stream is open.

use serde_json::{Value, json};

use crate::support::http::{Answer, Body, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
const SECRET: &str = "the-secret-of-the-joins-in-32-bytes-or-more";

async fn gate() -> Gate {
    let key = api_key("backend", BACKEND.1, "backend");
    Gate::start(&format!(
        r#"
        {key}
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "{SECRET}"
        [roles.backend]
        subscribe = ["*"]
        publish = ["*"]
        [roles.chief]
        subscribe = ["a", "b", "c"]
        publish = ["a"]
        [roles.cook]
        subscribe = ["a"]
        "#
    ))
    .await
}

/// A credential of the same person in one role or another.
fn ann(role: &str) -> String {
    use gatecast::auth::jwt::{Algorithm, sign};
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({"sub": "ann", "role": role, "exp": now + 600});
    let secret = gatecast::model::secret::Secret::new(SECRET);
    format!(
        "Bearer {}",
        sign(Algorithm::HS256, &secret, None, &claims).unwrap()
    )
}

async fn publish(gate: &Gate, rooms: &[&str], data: u32) -> String {
    let body = json!({"events": [{"rooms": rooms, "event": "e", "data": data}]}).to_string();
    let answer = gate.request("POST", "/v1/publish", &[BACKEND], &body).await;
    answer.json()["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn chief(gate: &Gate, query: &str) -> WebSocket {
    let (token, target) = (ann("chief"), format!("/v1/stream?{query}"));
    let headers = [("Authorization", token.as_str())];
    let mut socket = WebSocket::upgrade(gate.connect().await, &target, &headers)
        .await
        .unwrap();
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

/// An SSE stream and its name.
async fn watching_chief(gate: &Gate, query: &str) -> (Body, String) {
    let token = ann("chief");
    let headers = [
        ("Authorization", token.as_str()),
        ("Accept", "text/event-stream"),
    ];
    let mut socket = gate.connect().await;
    socket
        .send(request("GET", &format!("/v1/stream?{query}"), &headers, ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let data = welcome
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    let welcome: Value = serde_json::from_str(data).unwrap();
    (body, welcome["stream"].as_str().unwrap().to_owned())
}

async fn post(gate: &Gate, stream: &str, role: &str, message: Value) -> Answer {
    let token = ann(role);
    let headers = [("Authorization", token.as_str())];
    gate.request(
        "POST",
        &format!("/v1/messages?stream={stream}"),
        &headers,
        &message.to_string(),
    )
    .await
}

fn numbers(events: &Value) -> Vec<u64> {
    events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn who_asks_again_for_the_past_of_a_room_gets_it_again() {
    let gate = gate().await;
    publish(&gate, &["b"], 1).await;
    publish(&gate, &["b"], 2).await;
    let mut socket = chief(&gate, "room=a").await;
    for reference in [1, 2] {
        let subscribe =
            json!({"type": "subscribe", "ref": reference, "room": "b", "since": "earliest"});
        socket.say(&subscribe.to_string()).await;
        let backfill = socket.json().await;
        assert_eq!(
            (&backfill["type"], numbers(&backfill["events"])),
            (&json!("backfill"), vec![1, 2])
        );
        assert_eq!(socket.json().await["ref"], reference);
    }
    publish(&gate, &["b"], 3).await;
    assert_eq!(
        socket.json().await["data"],
        3,
        "and what comes live, comes once"
    );

    // The answer to a request may be lost on its way, and the request repeated.
    let (mut body, stream) = watching_chief(&gate, "room=a").await;
    for _ in 0..2 {
        let message = json!({"type": "subscribe", "ref": "x", "room": "b", "since": "earliest"});
        let answer = post(&gate, &stream, "chief", message).await.json();
        assert_eq!(
            (&answer["ref"], numbers(&answer["events"])),
            (&json!("x"), vec![1, 2, 3])
        );
    }
    publish(&gate, &["b"], 4).await;
    assert!(body.event("e").await.contains(r#""data":4,"#));
}

#[tokio::test]
async fn an_event_of_two_rooms_comes_once_though_one_is_joined_later_with_its_past() {
    let gate = gate().await;
    publish(&gate, &["b"], 1).await;
    let mut socket = chief(&gate, "room=a").await;
    publish(&gate, &["a", "b"], 2).await;
    assert_eq!(socket.json().await["data"], 2);
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"b","since":"earliest"}"#)
        .await;
    assert_eq!(numbers(&socket.json().await["events"]), [1]);
    assert_eq!(socket.json().await["type"], "ack");
}

#[tokio::test]
async fn what_a_resumed_stream_did_not_give_is_part_of_a_rooms_past() {
    let gate = gate().await;
    publish(&gate, &["a", "b"], 1).await;
    let seen = publish(&gate, &["a"], 2).await;
    let mut socket = chief(&gate, &format!("room=a&since={seen}")).await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"b","since":"earliest"}"#)
        .await;
    assert_eq!(numbers(&socket.json().await["events"]), [1]);
    assert_eq!(socket.json().await["type"], "ack");
}

#[tokio::test]
async fn a_stream_lends_its_rights_to_nobody() {
    let gate = gate().await;
    let (_body, stream) = watching_chief(&gate, "room=a").await;
    let publish = json!({"type": "publish", "ref": 1, "room": "a", "event": "e", "data": 1});
    let answer = post(&gate, &stream, "cook", publish.clone()).await;
    assert_eq!((answer.status(), answer.code()), (403, "forbidden".into()));
    assert_eq!(post(&gate, &stream, "chief", publish).await.status(), 200);
    let subscribe = json!({"type": "subscribe", "ref": 2, "room": "b"});
    assert_eq!(
        post(&gate, &stream, "cook", subscribe.clone())
            .await
            .status(),
        403
    );
    assert_eq!(post(&gate, &stream, "chief", subscribe).await.status(), 200);
    // And someone else's stream does not exist.
    let ping = json!({"type": "ping"}).to_string();
    let target = format!("/v1/messages?stream={stream}");
    assert_eq!(
        gate.request("POST", &target, &[BACKEND], &ping)
            .await
            .code(),
        "unknown_stream"
    );
}

#[tokio::test]
async fn nor_does_it_let_anybody_confirm_what_he_may_not_read_himself() {
    let gate = gate().await;
    let (mut body, stream) = watching_chief(&gate, "room=a&room=b").await;
    let mut publisher = gate.connect().await;
    let alert = r#"{"event":"alert","ack":{"timeout":"30s","of":1}}"#;
    let alert = request("POST", "/v1/rooms/b/events", &[BACKEND], alert);
    publisher.send(alert).await;
    let event = body.event("alert").await;
    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
    let event: Value = serde_json::from_str(data.unwrap()).unwrap();
    let confirm = json!({"type": "confirm", "id": event["id"]});
    let refused = post(&gate, &stream, "cook", confirm.clone()).await;
    assert_eq!(
        (refused.status(), refused.code()),
        (404, "not_found".into())
    );
    assert_eq!(post(&gate, &stream, "chief", confirm).await.status(), 200);
    let answer = publisher.answer("POST").await.json();
    assert_eq!(answer["confirmed"][0]["stream"], *stream);
}

#[tokio::test]
async fn a_past_longer_than_one_write_comes_whole_and_in_order_before_the_ack() {
    let gate = gate().await;
    for n in 0..700 {
        publish(&gate, &["b"], n).await;
    }
    let mut socket = chief(&gate, "room=a").await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"b","since":"earliest"}"#)
        .await;
    let mut seen = Vec::new();
    let mut message = socket.json().await;
    while message["type"] == "backfill" {
        seen.extend(numbers(&message["events"]));
        message = socket.json().await;
    }
    assert_eq!(
        (&message["type"], &message["ref"]),
        (&json!("ack"), &json!(1))
    );
    assert_eq!(seen, (0..700).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_of_pings_or_pongs_ends_the_stream_and_delays_nobody() {
    use crate::support::websocket::{PING, PONG, frame};
    let gate = gate().await;
    let mut other = chief(&gate, "room=a").await;
    for opcode in [PING, PONG] {
        let mut socket = chief(&gate, "room=a").await;
        socket
            .socket
            .send(frame(0x80 | opcode, true, b"x").repeat(2000))
            .await;
        assert_eq!(socket.closed().await.0, Some(3004));
        publish(&gate, &["a"], 1).await;
        assert_eq!(other.json().await["data"], 1);
    }
}

#[tokio::test]
async fn a_past_longer_than_one_answer_is_asked_for_again_and_only_then_the_room_is_joined() {
    let gate = gate().await;
    let event = |n: u32| json!({"room": "b", "event": "e", "data": [n, "x".repeat(6000)]});
    for batch in 0..5 {
        let events: Vec<_> = (0..100).map(|n| event(batch * 100 + n)).collect();
        let body = json!({"events": events}).to_string();
        assert_eq!(
            gate.request("POST", "/v1/publish", &[BACKEND], &body)
                .await
                .status(),
            202
        );
    }
    let (mut body, stream) = watching_chief(&gate, "room=a").await;
    let (mut since, mut seen) = (json!("earliest"), Vec::new());
    loop {
        let message = json!({"type": "subscribe", "ref": 1, "room": "b", "since": since});
        let answer = post(&gate, &stream, "chief", message).await.json();
        let events = answer["events"].as_array().unwrap();
        seen.extend(
            events
                .iter()
                .map(|event| event["data"][0].as_u64().unwrap()),
        );
        if answer["more"] != true {
            break;
        }
        since = answer["cursor"].clone();
        assert!(seen.len() < 500, "the first answer is bounded");
    }
    // Some of the oldest were evicted by the room's bound; what is held came whole, in order and once.
    let first = seen[0];
    assert_eq!(seen, (first..500).collect::<Vec<_>>());
    publish(&gate, &["b"], 7).await;
    assert!(body.event("e").await.contains(r#""data":7,"#));
}

#[tokio::test]
async fn a_past_that_another_room_has_given_already_is_passed_over_to_its_end() {
    let gate = gate().await;
    let (mut body, stream) = watching_chief(&gate, "room=a").await;
    let event = |rooms: Value| json!({"rooms": rooms, "event": "e", "data": "x".repeat(3000)});
    for rooms in [
        json!(["b"]),
        json!(["a", "b"]),
        json!(["a", "b"]),
        json!(["a", "b"]),
        json!(["a", "b"]),
    ] {
        let events = json!({"events": vec![event(rooms); 100]}).to_string();
        assert_eq!(
            gate.request("POST", "/v1/publish", &[BACKEND], &events)
                .await
                .status(),
            202
        );
    }
    for _ in 0..400 {
        body.event("e").await;
    }
    let (mut since, mut seen) = (json!("earliest"), 0);
    for _ in 0..10 {
        let message = json!({"type": "subscribe", "ref": 1, "room": "b", "since": since});
        let answer = post(&gate, &stream, "chief", message).await.json();
        seen += answer["events"].as_array().map_or(0, Vec::len);
        if answer["more"] != true {
            assert!(
                seen <= 100,
                "{seen} events, though 400 come through the other room"
            );
            return;
        }
        since = answer["cursor"].clone();
    }
    panic!("asked ten times, and the past did not end");
}
