//! A client of Socket.IO by hand: a session that requests carry.

use serde_json::{Value, json};

use super::Gate;
use super::websocket::WebSocket;

/// A session over polling.
pub(crate) struct SocketIo<'a> {
    gate: &'a Gate,
    target: String,
}

impl<'a> SocketIo<'a> {
    /// A session in no namespace yet.
    pub(crate) async fn open(gate: &'a Gate) -> Self {
        let target = "/socket.io/?EIO=4&transport=polling";
        let opened = gate.request("GET", target, &[], "").await;
        let said = opened.text().strip_prefix('0');
        let said: Value = serde_json::from_str(said.unwrap()).unwrap();
        let target = format!("{target}&sid={}", said["sid"].as_str().unwrap());
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
        self.hear().await
    }

    /// A WebSocket that carries it from now on.
    pub(crate) async fn upgraded(&self) -> WebSocket {
        let target = self.target.replace("polling", "websocket");
        let opened = WebSocket::upgrade(self.gate.connect().await, &target, &[]).await;
        let mut socket = opened.unwrap_or_else(|head| panic!("refused: {head:?}"));
        socket.say("2probe").await;
        assert_eq!(socket.text().await, "3probe");
        socket.say("5").await;
        socket
    }

    /// Sends packets.
    pub(crate) async fn say(&self, packets: &str) {
        let answer = self.gate.request("POST", &self.target, &[], packets).await;
        assert_eq!(answer.text(), "ok");
    }

    /// The packets that are there next.
    pub(crate) async fn hear(&self) -> String {
        let answer = self.gate.request("GET", &self.target, &[], "").await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.text().to_owned()
    }
}
