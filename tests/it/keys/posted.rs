//! A message that comes by a request of its own and waits for its key: its answer is for whoever sent it, whatever else
//! happens to the stream meanwhile.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Does, EVENT_STREAM, Issuer, Key, known, publish, set};
use crate::support::http::{Body, Next, request};
use crate::support::socket::Socket;
use crate::support::{Gate, KEY, patiently, within};

const SELDOM: Duration = Duration::from_secs(30);

/// A stream of ann's, whose token an older key has signed, and the messages that she posts to it.
struct Ann {
    gate: Gate,
    issuer: Issuer,
    bearer: String,
    stream: String,
    body: Body,
}

fn token(key: &Key, kid: &str) -> String {
    let claims = json!({"sub": "ann", "role": "a", "exp": 4_102_444_800_u64});
    key.token_of(&claims, kid)
}

fn data(block: &str) -> Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

impl Ann {
    async fn comes(old: &Key) -> Self {
        let (issuer, gate) = known(&[old]).await;
        let bearer = format!("Bearer {}", token(old, "old"));
        let headers = [EVENT_STREAM, ("Authorization", &bearer)];
        let mut socket = gate.connect().await;
        socket
            .send(request("GET", "/v1/stream?room=open", &headers, ""))
            .await;
        let (_, mut body) = socket.open_body("GET").await;
        let welcome = data(&body.event("welcome").await);
        let stream = welcome["stream"].as_str().unwrap().to_owned();
        Self {
            gate,
            issuer,
            bearer,
            stream,
            body,
        }
    }

    async fn posts(&self, message: &Value) -> Socket {
        let headers = [("Authorization", self.bearer.as_str())];
        let target = format!("/v1/messages?stream={}", self.stream);
        let mut socket = self.gate.connect().await;
        let request = request("POST", &target, &headers, &message.to_string());
        socket.send(request).await;
        socket
    }

    /// Posts who she is, with a token of a key that is being fetched from now on until `new` is published.
    async fn waits_for(&self, new: &Key) -> (Socket, Arc<Semaphore>) {
        let until = Arc::new(Semaphore::new(0));
        self.issuer.does(Does::Holds(until.clone(), set(&[new])));
        let message = json!({"type": "auth", "ref": "b", "token": token(new, "new")});
        let waiting = async {
            loop {
                let mut socket = self.posts(&message).await;
                let answer = patiently(Duration::from_millis(200), socket.answer("POST")).await;
                match answer {
                    // That its keys have rested is noticed in a moment.
                    Some(answer) => assert_eq!(answer.status(), 401, "{}", answer.text()),
                    None => return socket,
                }
            }
        };
        let socket = within("the fetch", waiting).await;
        assert_eq!(self.issuer.connections(), 2);
        (socket, until)
    }

    /// What her stream tells next, but for what it says to show that it is there.
    async fn hears(&mut self) -> Value {
        loop {
            let block = self.body.block().await.unwrap();
            if !block.contains("event: heartbeat") {
                return data(&block);
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_due_before_does_not_take_its_place() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let mut ann = Ann::comes(&old).await;
    ann.gate.hand.advance(SELDOM);
    let ack = json!({"timeout": "500ms", "of": 1});
    let alert =
        json!({"type": "publish", "ref": "a", "room": "open", "event": "alert", "ack": ack});
    let mut first = ann.posts(&alert).await;
    assert_eq!(ann.hears().await["event"], "alert");
    let (mut second, until) = ann.waits_for(&new).await;
    let answer = ann
        .gate
        .hasten(Duration::from_millis(100), first.answer("POST"))
        .await;
    let (status, answer) = (answer.status(), answer.json());
    assert_eq!(
        (status, &answer["ref"], &answer["complete"]),
        (200, &"a".into(), &false.into())
    );
    until.add_permits(1);
    let answer = second.answer("POST").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json(), json!({"type": "ack", "ref": "b"}));
    assert_eq!(ann.hears().await["type"], "welcome");
    publish(&ann.gate, "last").await;
    let told = ann.hears().await;
    assert_eq!(told["event"], "last", "{told}");
}

#[tokio::test]
async fn why_the_stream_ends_meanwhile_is_told_by_the_stream() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let mut ann = Ann::comes(&old).await;
    ann.gate.hand.advance(SELDOM);
    let (mut waiting, _until) = ann.waits_for(&new).await;
    let target = format!("/v1/admin/streams/{}", ann.stream);
    let ended = ann.gate.request("DELETE", &target, &[KEY], "").await;
    assert_eq!(ended.status(), 204);
    assert_eq!(ann.hears().await["code"], "disconnected");
    assert_eq!(ann.body.end().await, Next::Clean);
    let answer = waiting.answer("POST").await;
    assert_eq!(
        (answer.status(), answer.code()),
        (404, "unknown_stream".into())
    );
}
