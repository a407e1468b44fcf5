//! The ways a stream reaches its client.

/// A transport. Its text is what configuration, queries, logs and metrics call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// RFC 6455; both ways.
    #[serde(rename = "websocket")]
    WebSocket,
    /// Server-Sent Events (WHATWG HTML §9.2); to the client only.
    Sse,
    /// One request an answer.
    LongPoll,
}

impl Transport {
    /// Every transport, in the order in which a role without a preference offers them.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Sse, Self::LongPoll];

    /// The transport that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::LongPoll => "long-poll",
        }
    }
}
