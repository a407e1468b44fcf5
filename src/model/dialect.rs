//! The message languages that are spoken on the transports.

/// A dialect. Its text is what logs, metrics and operators call it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The gateway's own: envelopes and control messages.
    #[default]
    Native,
    /// Socket.IO 5 in Engine.IO 4.
    SocketIo,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::Native, Self::SocketIo];

    /// The dialect that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Whether it is the gateway's own, which need not be said where no other is known.
    #[must_use]
    pub fn is_native(&self) -> bool {
        *self == Self::Native
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::SocketIo => "socketio",
        }
    }
}
