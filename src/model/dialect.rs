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
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::SocketIo => "socketio",
        }
    }
}
