//! Who comes back as the same, and who does not and is told so.

use std::time::Duration;

use serde_json::{Value, json};

use super::{auth, joined, packet, publish, websocket};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, within};

const RECOVERS: &str =
    "[socketio]\nrecovery = \"1m\"\n[socketio.namespaces.\"/\"]\nrecovery = true\n";

struct Client {
    socket: WebSocket,
    sid: String,
    pid: String,
    offset: Option<String>,
}

impl Client {
    async fn join(gate: &Gate) -> Self {
        let (socket, told) = joined(gate, &auth()).await;
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Self {
            socket,
            sid: text("sid"),
            pid: text("pid"),
            offset: None,
        }
    }

    async fn enter(&mut self, room: &str) {
        self.socket
            .say(&format!(r#"421["subscribe",{{"room":"{room}"}}]"#))
            .await;
        assert_eq!(
            packet(&mut self.socket).await,
            format!(r#"431[{{"room":"{room}"}}]"#)
        );
    }

    /// The next event; how far it is, is kept as the library keeps it.
    async fn event(&mut self) -> Value {
        let told = packet(&mut self.socket).await;
        let event: Value = serde_json::from_str(told.strip_prefix("42").unwrap()).unwrap();
        let last = event.as_array().unwrap().last().unwrap();
        if let Some(offset) = last.as_str() {
            self.offset = Some(offset.to_owned());
        }
        event[1].clone()
    }

    /// Comes back by another connection; says whether as the same.
    async fn back(&mut self, gate: &Gate) -> bool {
        let offset = self
            .offset
            .as_ref()
            .map_or(String::new(), |offset| format!(r#","offset":"{offset}""#));
        let auth = format!(r#"{{"apiKey":"{}","pid":"{}"{offset}}}"#, KEY.1, self.pid);
        let (socket, told) = joined(gate, &auth).await;
        self.socket = socket;
        let same = told["pid"] == *self.pid;
        assert_eq!(same, told["sid"] == *self.sid, "{told}");
        self.pid = told["pid"].as_str().unwrap().to_owned();
        self.sid = told["sid"].as_str().unwrap().to_owned();
        same
    }
}

async fn say(gate: &Gate, n: u32) {
    publish(gate, "a", &format!(r#"{{"event":"e","data":{n}}}"#)).await;
}

/// Returns once so many streams are open.
async fn open(gate: &Gate, count: usize) {
    within("the streams", async {
        loop {
            let seen = gate
                .request("GET", "/v1/admin/streams", &[KEY], "")
                .await
                .json();
            if seen["streams"].as_array().unwrap().len() == count {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn who_was_cut_comes_back_with_its_rooms_and_gets_what_it_missed_once() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, 1).await;
    assert_eq!(client.event().await, 1);
    for round in 0..3 {
        client.socket = websocket(&gate).await;
        open(&gate, 0).await;
        if round != 1 {
            say(&gate, 10 + round).await;
            say(&gate, 20 + round).await;
        }
        assert!(client.back(&gate).await);
        if round != 1 {
            assert_eq!(client.event().await, 10 + round);
            assert_eq!(client.event().await, 20 + round);
        }
    }
    say(&gate, 99).await;
    assert_eq!(client.event().await, 99);
}

#[tokio::test]
async fn who_had_nothing_yet_gets_all_since_it_joined() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    say(&gate, 1).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 1);
}

#[tokio::test]
async fn a_volatile_event_that_ends_with_a_text_loses_nobody_its_place() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, 1).await;
    assert_eq!(client.event().await, 1);
    publish(
        &gate,
        "a",
        r#"{"event":"v","data":"a text","volatile":true}"#,
    )
    .await;
    assert_eq!(client.event().await, "a text");
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    say(&gate, 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn who_comes_back_before_its_connection_is_known_dead_takes_its_own_place() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, 1).await;
    assert_eq!(client.event().await, 1);
    let (dead, _) = joined(&gate, &auth()).await;
    let mut dead = std::mem::replace(&mut client.socket, dead);
    say(&gate, 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
    let (code, _) = super::closed(&mut dead).await;
    assert_eq!(code, Some(1001));
    say(&gate, 3).await;
    assert_eq!(client.event().await, 3);
}

#[tokio::test]
async fn who_is_late_or_has_left_or_is_somebody_else_is_not_recovered() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    gate.hand.advance(Duration::from_mins(1));
    assert!(!client.back(&gate).await, "late");
    client.socket.say("41").await;
    open(&gate, 0).await;
    assert!(!client.back(&gate).await, "it had left");
    client.offset = Some("nonsense".into());
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    assert!(!client.back(&gate).await, "it does not know where it was");
}

#[tokio::test]
async fn what_is_not_held_any_more_is_not_recovered_and_the_gap_is_told() {
    let gate = Gate::open(
        "",
        &format!("{RECOVERS}[rooms.\"a\"]\nhistory = {{ events = 2 }}\n"),
    )
    .await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, 1).await;
    assert_eq!(client.event().await, 1);
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    for n in 2..6 {
        say(&gate, n).await;
    }
    let offset = client.offset.clone().unwrap();
    let auth = format!(
        r#"{{"apiKey":"{}","pid":"{}","offset":"{offset}"}}"#,
        KEY.1, client.pid
    );
    let (mut socket, told) = joined(&gate, &auth).await;
    assert_ne!(told["pid"], *client.pid);
    let gap = packet(&mut socket).await;
    let gap: Value = serde_json::from_str(gap.strip_prefix("42").unwrap()).unwrap();
    assert_eq!(
        (&gap[0], &gap[1]["reason"]),
        (&json!("gap"), &json!("evicted"))
    );
    for n in 4..6 {
        let told = packet(&mut socket).await;
        assert!(told.starts_with(&format!(r#"42["e",{n},"#)), "{told}");
    }
}

#[tokio::test]
async fn a_room_that_was_taken_meanwhile_does_not_come_back() {
    let gate = Gate::open(
        "",
        &format!(
            "{RECOVERS}[roles.s]\nservice = true\npublish = [\"*\"]\n{}",
            crate::support::api_key("s", "the-key-of-a-service", "s")
        ),
    )
    .await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.enter("b").await;
    client.socket = websocket(&gate).await;
    open(&gate, 0).await;
    let body = format!(r#"{{"type":"leave","stream":"{}","room":"a"}}"#, client.sid);
    let headers = [
        ("X-API-Key", "the-key-of-a-service"),
        ("Content-Type", "application/json"),
    ];
    let left = gate.request("POST", "/v1/messages", &headers, &body).await;
    assert_eq!(left.status(), 200, "{}", left.text());
    assert!(client.back(&gate).await);
    say(&gate, 1).await;
    publish(&gate, "b", r#"{"event":"e","data":2}"#).await;
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn what_is_in_no_log_takes_nobody_back_to_where_it_was_published() {
    let gate = Gate::open("", RECOVERS).await;
    for _ in 0..10 {
        let mut client = Client::join(&gate).await;
        client.enter("a").await;
        let body = r#"{"events": [{"room": "a", "event": "e", "data": 0},
            {"room": "a", "event": "v", "data": "a text", "volatile": true},
            {"room": "a", "event": "e", "data": 1}]}"#;
        let headers = [KEY, ("Content-Type", "application/json")];
        let answer = gate.request("POST", "/v1/publish", &headers, body).await;
        assert_eq!(answer.status(), 202, "{}", answer.text());
        for _ in 0..3 {
            client.event().await;
        }
        client.socket = websocket(&gate).await;
        open(&gate, 0).await;
        assert!(client.back(&gate).await);
        say(&gate, 2).await;
        assert_eq!(client.event().await, 2);
        client.socket.say("41").await;
        open(&gate, 0).await;
    }
}
