//! What a backend can be asked, or told: the hooks.

/// One hook. Its text is what the configuration, the body, logs and metrics call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Whether a stream may be opened, and with what.
    Connect,
    /// Whether a stream that is open may join a room.
    Subscribe,
    /// What to do about a client's message.
    Message,
    /// That a stream has ended.
    Disconnect,
    /// That a stream has left a room.
    Unsubscribe,
}

impl Kind {
    /// Every hook.
    pub const ALL: &[Self] = &[
        Self::Connect,
        Self::Subscribe,
        Self::Message,
        Self::Disconnect,
        Self::Unsubscribe,
    ];

    /// The hook that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Message => "message",
            Self::Disconnect => "disconnect",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}
