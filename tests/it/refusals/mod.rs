//! Bad input on every door: each gets the answer that the pages state, and the gateway goes on serving the others.

mod anonymous;
mod credentials;
mod cursors;
mod expiry;
mod forging;
mod frames;
mod heads;
mod limits;
mod messages;
mod methods;
mod publishing;
mod rooms;
mod timeouts;
mod upgrades;

use crate::support::Gate;
use crate::support::http::{Answer, Body};
use crate::support::websocket::WebSocket;

/// Reads `open` and `org:…`.
const READER: (&str, &str) = ("X-API-Key", "reader-key");
/// Publishes everywhere.
const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
/// Where events go that everybody may read.
const PUBLISH: &str = "/v1/rooms/open/events";

/// A gateway with small limits.
async fn gate() -> Gate {
    Gate::start(&configuration("")).await
}

/// The configuration of these tests, with more in `[limits]`.
fn configuration(limits: &str) -> String {
    let keys = crate::support::api_key("backend", BACKEND.1, "backend")
        + &crate::support::api_key("reader", READER.1, "reader")
        + &crate::support::api_key("poller", "poller-key", "poller");
    format!(
        r#"
        [auth]
        query = "access_token"
        {keys}
        {jwt}
        [roles.backend]
        subscribe = ["*"]
        publish = ["*"]
        [roles.reader]
        rooms = ["open"]
        subscribe = ["open", "org:*"]
        [roles.poller]
        transports = ["long-poll"]
        subscribe = ["open"]
        [roles.member]
        rooms = ["open"]
        subscribe = ["open"]
        [roles.author]
        publish = ["open"]
        sender = true
        [cors]
        origins = ["https://app.test"]
        [limits]
        event = "1KiB"
        body = "8KiB"
        rooms_per_stream = 10
        {limits}
        "#,
        jwt = credentials::JWT
    )
}

/// A healthy client: whatever the others do, its stream goes on.
struct Witness {
    body: Body,
    seen: u64,
}

impl Witness {
    async fn join(gate: &Gate) -> Self {
        let mut socket = gate.connect().await;
        let request = crate::support::http::request(
            "GET",
            "/v1/stream?room=open",
            &[READER, EVENT_STREAM],
            "",
        );
        socket.send(request).await;
        let (head, mut body) = socket.open_body("GET").await;
        assert_eq!(head.status, 200);
        body.event("welcome").await;
        Self { body, seen: 0 }
    }

    /// Publishes, and sees the event arrive: the next one, so that nothing else was published meanwhile.
    async fn is_served(&mut self, gate: &Gate) {
        self.seen += 1;
        let body = format!(r#"{{"event":"proof","data":{}}}"#, self.seen);
        let answer = gate.request("POST", PUBLISH, &[BACKEND], &body).await;
        assert_eq!(answer.status(), 202, "{}", answer.text());
        let block = loop {
            let block = self.body.block().await.unwrap();
            if !block.starts_with("event: heartbeat") {
                break block;
            }
        };
        assert!(block.starts_with("event: proof\n"), "{block}");
        assert!(
            block.contains(&format!(r#""data":{},"#, self.seen)),
            "{block}"
        );
    }
}

/// That `answer` is a problem with this status and code, which no cache may keep.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status(), status, "{what}: {text}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}: {text}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.code(), code, "{what}: {text}");
    assert_eq!(answer.json()["status"], status, "{what}");
}

/// An open WebSocket of this client, after its `welcome`.
async fn websocket(gate: &Gate, target: &str, credential: (&str, &str)) -> WebSocket {
    let mut socket = dial(gate, target, &[credential]).await;
    let welcome = socket.json().await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    socket
}

/// A WebSocket whose upgrade was answered with 101, whatever comes then.
async fn dial(gate: &Gate, target: &str, headers: &[(&str, &str)]) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, target, headers)
        .await
        .unwrap_or_else(|head| panic!("{target}: the upgrade was answered with {}", head.status))
}
