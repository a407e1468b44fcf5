//! A client of Socket.IO by hand: a session that requests carry.

use serde_json::{Value, json};

use super::Gate;
use super::http::{Answer, request};
use super::socket::Socket;
use super::websocket::WebSocket;

/// A handshake by polling.
pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A session over polling.
pub(crate) struct Polling<'a> {
    gate: &'a Gate,
    pub(crate) target: String,
}

impl<'a> Polling<'a> {
    /// A session in no namespace yet.
    pub(crate) async fn open(gate: &'a Gate) -> Self {
        let opened = gate.request("GET", POLLING, &[], "").await;
        assert_eq!(opened.status(), 200, "{}", opened.text());
        let said = opened.text().strip_prefix('0');
        let said: Value = serde_json::from_str(said.unwrap()).unwrap();
        let target = format!("{POLLING}&sid={}", said["sid"].as_str().unwrap());
        Self { gate, target }
    }

    /// A session that has joined the namespace `/` with this key, and the name of its stream.
    pub(crate) async fn joined(gate: &'a Gate, key: &str) -> (Self, String) {
        let session = Self::open(gate).await;
        let said = session.joins("", &json!({"apiKey": key})).await;
        let said = said.strip_prefix("40");
        let said: Value = serde_json::from_str(said.unwrap()).unwrap();
        let stream = said["sid"].as_str().unwrap().to_owned();
        (session, stream)
    }

    /// Asks for a namespace, written as `/name,` if it is not `/`, and gives what it is told.
    pub(crate) async fn joins(&self, namespace: &str, auth: &Value) -> String {
        self.say(&format!("40{namespace}{auth}")).await;
        self.next().await
    }

    /// The session by WebSocket.
    pub(crate) fn upgrade(&self) -> String {
        self.target.replace("polling", "websocket")
    }

    /// A WebSocket that carries it from now on.
    pub(crate) async fn upgraded(&self) -> WebSocket {
        let opened = WebSocket::upgrade(self.gate.connect().await, &self.upgrade(), &[]).await;
        let mut socket = opened.unwrap_or_else(|head| panic!("refused: {head:?}"));
        socket.say("2probe").await;
        assert_eq!(socket.text().await, "3probe");
        socket.say("5").await;
        socket
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.gate.request("POST", &self.target, &[], body).await
    }

    /// Sends packets.
    pub(crate) async fn say(&self, packets: &str) {
        let answer = self.post(packets).await;
        assert_eq!((answer.status(), answer.text()), (200, "ok"));
    }

    pub(crate) async fn get(&self) -> Answer {
        self.gate.request("GET", &self.target, &[], "").await
    }

    /// What the session has to say next, as one body.
    pub(crate) async fn next(&self) -> String {
        let answer = self.get().await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.text().to_owned()
    }

    /// A GET whose answer is not waited for yet.
    pub(crate) async fn begin(&self) -> Socket {
        let mut socket = self.gate.connect().await;
        socket.send(request("GET", &self.target, &[], "")).await;
        socket
    }
}
