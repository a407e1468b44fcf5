//! The refusals of requests, as the original's server numbers them. The document knows only their status.

use http::StatusCode;

/// Why a request of Engine.IO is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// `transport` is missing, or names none that is spoken here.
    TransportUnknown,
    /// There is no session of this name (any more), or it is another node's.
    SessionUnknown,
    /// A session begins with a GET.
    HandshakeMethod,
    /// The request does not fit its session.
    BadRequest,
    /// This client may not have a session. Clients try again for ever.
    Forbidden,
    /// `EIO` is missing, or another revision.
    Version,
}

impl Rejection {
    /// All of them, each at the place that its code says.
    pub const ALL: [Self; 6] = [
        Self::TransportUnknown,
        Self::SessionUnknown,
        Self::HandshakeMethod,
        Self::BadRequest,
        Self::Forbidden,
        Self::Version,
    ];

    /// Its code: a number, which clients compare as one.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.row().0
    }

    /// The sentence beside the code.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.row().1
    }

    /// The status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TransportUnknown
            | Self::SessionUnknown
            | Self::HandshakeMethod
            | Self::BadRequest
            | Self::Version => StatusCode::BAD_REQUEST,
        }
    }

    /// The body, as `application/json`.
    #[must_use]
    pub fn to_json(self) -> String {
        let (code, message) = self.row();
        format!(r#"{{"code":{code},"message":"{message}"}}"#)
    }

    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::TransportUnknown => (0, "Transport unknown"),
            Self::SessionUnknown => (1, "Session ID unknown"),
            Self::HandshakeMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::Forbidden => (4, "Forbidden"),
            Self::Version => (5, "Unsupported protocol version"),
        }
    }
}
