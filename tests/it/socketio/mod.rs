//! Socket.IO from outside: sessions by polling and by WebSocket, packet by packet.

mod ends;
mod events;
mod heartbeats;
mod hooked;
mod http2;
mod namespaces;
mod recovery;
mod requests;
mod returning;
mod upgrades;

use serde_json::{Value, json};

use crate::hooks::backend::Backend;
use crate::support::socketio::{POLLING, Polling};
use crate::support::websocket::{Message, WebSocket};
use crate::support::{Gate, KEY, api_key, within};

/// A handshake by WebSocket.
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A gateway whose clients come back as the same.
const RECOVERS: &str =
    "[socketio]\nrecovery = \"1m\"\n[socketio.namespaces.\"/\"]\nrecovery = true\n";

/// The backend's own key, where the configuration has its [`service`].
const SERVICE: (&str, &str) = ("x-api-key", "the-key-of-a-service");

/// A client that comes back as the library does.
struct Client {
    socket: WebSocket,
    /// What it shows.
    auth: Value,
    sid: String,
    pid: String,
    offset: Option<String>,
}

impl Client {
    async fn join(gate: &Gate) -> Self {
        Self::joins_with(gate, KEY.1).await
    }

    async fn joins_with(gate: &Gate, key: &str) -> Self {
        Self::joins_as(gate, json!({"apiKey": key})).await
    }

    async fn joins_as(gate: &Gate, auth: Value) -> Self {
        let (socket, told) = joined(gate, &auth.to_string()).await;
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Self {
            socket,
            auth,
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

    /// The next event, all of it; how far it is, is kept as the library keeps it.
    async fn told(&mut self) -> Value {
        let event = rest(&packet(&mut self.socket).await, "42");
        let last = event.as_array().unwrap().last().unwrap();
        if let Some(offset) = last.as_str() {
            self.offset = Some(offset.to_owned());
        }
        event
    }

    /// The first argument of the next event.
    async fn event(&mut self) -> Value {
        self.told().await[1].take()
    }

    /// Its connection is lost, and the gateway knows that; nobody else is there.
    async fn cut(&mut self, gate: &Gate) {
        self.socket = websocket(gate).await;
        open(gate, 0).await;
    }

    /// What it says to come back.
    fn comes_back(&self) -> String {
        let mut auth = self.auth.clone();
        auth["pid"] = json!(self.pid);
        if let Some(offset) = &self.offset {
            auth["offset"] = json!(offset);
        }
        auth.to_string()
    }

    /// Comes back by another connection; says whether as the same.
    async fn back(&mut self, gate: &Gate) -> bool {
        let (socket, told) = joined(gate, &self.comes_back()).await;
        self.socket = socket;
        self.is_told(&told)
    }

    /// Whether it is the same, by the answer to its coming.
    fn is_told(&mut self, told: &Value) -> bool {
        let same = told["pid"] == *self.pid;
        assert_eq!(same, told["sid"] == *self.sid, "{told}");
        self.pid = told["pid"].as_str().unwrap().to_owned();
        self.sid = told["sid"].as_str().unwrap().to_owned();
        same
    }
}

/// A client by WebSocket that has had its handshake.
async fn websocket(gate: &Gate) -> WebSocket {
    let mut socket = upgrade(gate, WEBSOCKET).await;
    assert!(socket.text().await.starts_with("0{"));
    socket
}

async fn upgrade(gate: &Gate, target: &str) -> WebSocket {
    WebSocket::upgrade(gate.connect().await, target, &[])
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"))
}

/// The next packet of Socket.IO; pings are answered.
async fn packet(socket: &mut WebSocket) -> String {
    loop {
        match socket.text().await {
            ping if ping == "2" => socket.say("3").await,
            packet => return packet,
        }
    }
}

/// A client by WebSocket that has joined the main namespace with this credential, and the answer to that.
async fn joined(gate: &Gate, auth: &str) -> (WebSocket, Value) {
    let mut socket = websocket(gate).await;
    socket.say(&format!("40{auth}")).await;
    let answer = packet(&mut socket).await;
    (socket, rest(&answer, "40"))
}

/// What a packet says behind its `head`.
fn rest(packet: &str, head: &str) -> Value {
    let rest = packet.strip_prefix(head);
    serde_json::from_str(rest.unwrap_or_else(|| panic!("{packet}"))).unwrap()
}

/// Returns once so many streams are open.
async fn open(gate: &Gate, count: usize) {
    within("the streams", async {
        loop {
            let seen = gate.request("GET", "/v1/admin/streams", &[KEY], "").await;
            if seen.json()["streams"].as_array().unwrap().len() == count {
                return;
            }
        }
    })
    .await;
}

/// The close code and reason, past whatever comes before them.
async fn closed(socket: &mut WebSocket) -> (Option<u16>, String) {
    loop {
        match socket.next().await {
            Some(Message::Close(code, reason)) => return (code, reason),
            Some(Message::Text(_) | Message::Ping(_) | Message::Pong(_)) => {}
            None => panic!("the connection ended without a close frame"),
        }
    }
}

/// The credential of a gateway that is open, as a client joins with it.
fn auth() -> String {
    format!(r#"{{"apiKey":"{}"}}"#, KEY.1)
}

async fn publish(gate: &Gate, room: &str, event: &str) -> String {
    let target = format!("/v1/rooms/{room}/events");
    let headers = [KEY, ("Content-Type", "application/json")];
    let answer = gate.request("POST", &target, &headers, event).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap_or_default().to_owned()
}

/// Publishes an event `e` of a number.
async fn say(gate: &Gate, room: &str, n: u32) {
    publish(gate, room, &format!(r#"{{"event":"e","data":{n}}}"#)).await;
}

/// The configuration of a backend that may do something to streams, with the key [`SERVICE`].
fn service() -> String {
    let key = api_key("s", SERVICE.1, "s");
    format!("[roles.s]\nservice = true\npublish = [\"*\"]\n{key}")
}

/// What the backend does by itself.
async fn does(gate: &Gate, message: Value) {
    let headers = [SERVICE, ("Content-Type", "application/json")];
    let body = message.to_string();
    let done = gate.request("POST", "/v1/messages", &headers, &body).await;
    assert_eq!(done.status(), 200, "{}", done.text());
}

/// The configuration of one hook that asks `backend`.
fn hook(backend: &Backend, kind: &str) -> String {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let url = backend.url();
    format!("[hooks.{kind}]\nurl = \"{url}\"\nsecret = \"{secret}\"\n")
}
