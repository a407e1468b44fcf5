//! The one table of refusals: every unhappy answer of the gateway, on every transport, is a row here.

use std::borrow::Cow;
use std::time::Duration;

use super::event::InvalidEventName;
use super::json::InvalidJson;
use super::limits::Quota;
use super::room::{InvalidRoom, Room};

/// What a client should do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Time heals it: come back after a pause with jitter, with the cursor.
    ComeBack,
    /// Come back with another credential, or not at all.
    StayAway,
    /// The request itself is wrong: the same one will be refused again.
    Mend,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Stable text for programs.
    pub text: &'static str,
    /// HTTP status (RFC 9110).
    pub status: u16,
    /// WebSocket close code (RFC 6455 §7.4), where the code ends a stream.
    pub close: Option<u16>,
    /// What the client should do.
    pub advice: Advice,
    /// A few words for people (`title` of RFC 9457).
    pub title: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident = $text:literal, $status:literal, $close:expr, $advice:ident, $title:literal;)+) => {
        /// A stable name for why something was refused or ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])+ $code,)+ }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// This code's row.
            #[must_use]
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$code => Row {
                        text: $text, status: $status, close: $close, advice: Advice::$advice, title: $title,
                    },)+
                }
            }
        }
    };
}

codes! {
    // What time heals.
    /// The gateway is stopping; another node, or this one after its restart, goes on.
    Draining = "draining", 503, Some(3001), ComeBack, "The gateway is draining";
    /// The gateway has no room for more.
    Overloaded = "overloaded", 503, Some(3002), ComeBack, "The gateway is full";
    /// Too much in too short a time; `limit` names which limit.
    RateLimited = "rate_limited", 429, Some(3004), ComeBack, "Too many requests";
    /// The client took too long to take what was written to it.
    Slow = "slow", 408, Some(3005), ComeBack, "Too slow";
    /// The credential ran out while the stream was open; a new one may come back.
    SessionExpired = "session_expired", 401, Some(3006), ComeBack, "The session expired";
    /// The request did not arrive in time.
    Timeout = "timeout", 408, Some(1001), ComeBack, "The request took too long";
    /// The publish was not applied.
    Unavailable = "unavailable", 503, Some(3002), ComeBack, "Out of reach for now";
    /// The backend was to be asked, and did not answer well in time.
    HookFailed = "hook_failed", 503, Some(3002), ComeBack, "The backend did not answer";
    /// A fault of the gateway; the log knows more under the request's id.
    Internal = "internal", 500, Some(1011), ComeBack, "The gateway failed";
    // Who may what.
    /// No credential, or one that is not good (any more).
    Unauthorized = "unauthorized", 401, Some(3500), StayAway, "Credential required";
    /// The credential is good, and does not allow this.
    Forbidden = "forbidden", 403, Some(3501), StayAway, "Not allowed";
    /// The backend was asked, and says no.
    Refused = "refused", 403, Some(3501), StayAway, "The backend said no";
    /// No credential arrived in time.
    AuthTimeout = "auth_timeout", 408, Some(3502), StayAway, "No credential in time";
    /// The credential was revoked.
    Revoked = "revoked", 401, Some(3503), StayAway, "Revoked";
    /// An operator or the backend ended the stream.
    Disconnected = "disconnected", 403, Some(3504), StayAway, "Disconnected";
    /// The role may not use this transport.
    TransportNotAllowed = "transport_not_allowed", 403, Some(3505), StayAway, "Transport not allowed";
    /// The page's origin is not on the allow-list (RFC 6455 §10.2).
    OriginNotAllowed = "origin_not_allowed", 403, None, StayAway, "Origin not allowed";
    // What is wrong with the request.
    /// Malformed: the message says where.
    BadRequest = "bad_request", 400, None, Mend, "Bad request";
    /// The body or message is no JSON.
    InvalidJson = "invalid_json", 400, None, Mend, "Not JSON";
    /// Not UTF-8 (on WebSocket, RFC 6455 §8.1).
    InvalidUtf8 = "invalid_utf8", 400, Some(1007), Mend, "Not UTF-8";
    /// Not a room name.
    InvalidRoom = "invalid_room", 400, None, Mend, "Not a room name";
    /// Not an event name.
    InvalidEvent = "invalid_event", 400, None, Mend, "Not an event name";
    /// An event name that the protocol keeps for itself.
    ReservedEvent = "reserved_event", 400, None, Mend, "Reserved event name";
    /// Not a cursor of this gateway.
    InvalidCursor = "invalid_cursor", 400, None, Mend, "Not a cursor";
    /// A client message of a type that is not known here.
    UnknownType = "unknown_type", 400, None, Mend, "Unknown message type";
    /// A binary message, where only text is spoken.
    UnsupportedData = "unsupported_data", 400, Some(1003), Mend, "Text only";
    /// A WebSocket frame that the standard does not allow (RFC 6455 §7.1.7).
    ProtocolError = "protocol_error", 400, Some(1002), Mend, "Protocol error";
    /// More rooms than one stream or one event may have.
    TooManyRooms = "too_many_rooms", 400, Some(1008), Mend, "Too many rooms";
    /// Larger than the limit that `limit` names.
    TooLarge = "too_large", 413, Some(1009), Mend, "Too large";
    /// No such resource.
    NotFound = "not_found", 404, None, Mend, "Not found";
    /// No stream of this name and principal is open here.
    UnknownStream = "unknown_stream", 404, None, Mend, "No such stream";
    /// For a host that is not the gateway's (RFC 9110 §15.5.20).
    Misdirected = "misdirected", 421, None, Mend, "Not the gateway of this host";
    /// Not with this method.
    MethodNotAllowed = "method_not_allowed", 405, None, Mend, "Method not allowed";
    /// Nobody handles an event that a client emits.
    Unhandled = "unhandled", 404, None, Mend, "Nobody handles this event";
    /// It is not looked at who is in the room.
    NotTracked = "not_tracked", 404, None, Mend, "No presence in this room";
    /// The retained values of a room, or of all, take as much as they may.
    StateFull = "state_full", 507, None, Mend, "No room for one more retained value";
    /// The idempotency key came before, with another body.
    IdempotencyConflict = "idempotency_conflict", 422, None, Mend, "Idempotency key used for another body";
    /// The configuration that was to be loaded has mistakes, and the one before goes on.
    BadConfiguration = "bad_configuration", 422, None, Mend, "The configuration has mistakes";
    /// A WebSocket version other than 13 (RFC 6455 §4.4).
    UpgradeRequired = "upgrade_required", 426, None, Mend, "WebSocket version 13 only";
}

impl Code {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().text
    }

    /// The code of this stable text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl Advice {
    /// What a WebSocket's close code tells its client to do, also one that is in no row: a proxy's, or a later
    /// version's, whose range says it.
    #[must_use]
    pub fn of_close(close: u16) -> Self {
        let row = Code::ALL
            .iter()
            .map(|code| code.row())
            .find(|row| row.close == Some(close));
        match (row, close) {
            (Some(row), _) => row.advice,
            (None, 3500..=3999) => Self::StayAway,
            (None, _) => Self::ComeBack,
        }
    }

    /// What a status without a code tells: it comes from something between the gateway and its client.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            408 | 425 | 429 | 500 | 502..=504 => Self::ComeBack,
            204 | 401 | 403 | 407 | 451 => Self::StayAway,
            _ => Self::Mend,
        }
    }
}

/// What a client has used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// What it may use.
    pub quota: Quota,
    /// The event, or the type of message, whose own limit that is.
    pub event: Option<Box<str>>,
}

/// A refusal on its way to the one who is refused: a row of the table and what is known about this case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which row.
    pub code: Code,
    /// One sentence for the caller, which never repeats a credential.
    pub message: Box<str>,
    /// The configuration key of the limit that was met.
    pub limit: Option<&'static str>,
    /// What was used up of it, where time gives it back.
    pub spent: Option<Box<Spent>>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// The room that was refused.
    pub room: Option<Room>,
    /// What the backend, which says no, calls its reason.
    pub reason: Option<Box<str>>,
    /// More for the operator's log, never sent.
    pub operator: Option<Box<str>>,
}

impl Refusal {
    /// A refusal with its sentence for the caller.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into().into(),
            limit: None,
            spent: None,
            retry_after: None,
            room: None,
            reason: None,
            operator: None,
        }
    }

    /// Names the limit that was met, by its configuration key.
    #[must_use]
    pub fn limit(self, limit: &'static str) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// Says what was used up.
    #[must_use]
    pub fn spent(self, quota: Quota) -> Self {
        let spent = Spent { quota, event: None };
        Self {
            spent: Some(Box::new(spent)),
            ..self
        }
    }

    /// Says what was used up of the limit of messages of this name.
    #[must_use]
    pub fn spent_by(self, event: &str, quota: Quota) -> Self {
        let event = Some(event.into());
        Self {
            spent: Some(Box::new(Spent { quota, event })),
            ..self
        }
    }

    /// The configuration key of the limit that was met, as it is written in full.
    #[must_use]
    pub fn limit_key(&self) -> Option<Cow<'static, str>> {
        let event = self.spent.as_ref().and_then(|spent| spent.event.as_ref());
        self.limit.map(|limit| match event {
            Some(event) => limit.replace("NAME", event).into(),
            None => limit.into(),
        })
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(self, pause: Duration) -> Self {
        Self {
            retry_after: Some(pause),
            ..self
        }
    }

    /// Names the room that was refused.
    #[must_use]
    pub fn room(self, room: Room) -> Self {
        Self {
            room: Some(room),
            ..self
        }
    }

    /// Adds what the backend calls its reason.
    #[must_use]
    pub fn reason(self, reason: Option<Box<str>>) -> Self {
        Self { reason, ..self }
    }

    /// Adds what only the operator may know.
    #[must_use]
    pub fn operator(self, detail: impl Into<Box<str>>) -> Self {
        Self {
            operator: Some(detail.into()),
            ..self
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<InvalidRoom> for Refusal {
    fn from(error: InvalidRoom) -> Self {
        Self::new(Code::InvalidRoom, error.to_string())
    }
}

impl From<InvalidEventName> for Refusal {
    fn from(error: InvalidEventName) -> Self {
        let code = match error {
            InvalidEventName::Reserved => Code::ReservedEvent,
            InvalidEventName::Length | InvalidEventName::Byte => Code::InvalidEvent,
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidJson> for Refusal {
    fn from(error: InvalidJson) -> Self {
        Self::new(Code::InvalidJson, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_keep_their_ranges_so_that_clients_know_whether_to_return() {
        for code in Code::ALL {
            let row = code.row();
            match row.close {
                Some(3000..=3499) => assert_eq!(row.advice, Advice::ComeBack, "{code:?}"),
                Some(3500..=3999) => assert_eq!(row.advice, Advice::StayAway, "{code:?}"),
                Some(1000..=1015) | None => {}
                Some(other) => panic!("{code:?} closes with {other}"),
            }
        }
    }

    #[test]
    fn a_close_code_gives_the_advice_of_its_row_or_of_its_range() {
        for code in Code::ALL {
            let row = code.row();
            if let Some(close) = row.close {
                assert_eq!(Advice::of_close(close), row.advice, "{code:?}");
            }
        }
        for (close, advice) in [
            (1001, Advice::ComeBack),
            (1006, Advice::ComeBack),
            (1012, Advice::ComeBack),
            (3499, Advice::ComeBack),
            (3599, Advice::StayAway),
            (4000, Advice::ComeBack),
        ] {
            assert_eq!(Advice::of_close(close), advice, "{close}");
        }
    }

    #[test]
    fn every_code_is_found_by_its_text() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(Code::parse("nonsense"), None);
    }

    #[test]
    fn every_code_has_a_text_of_its_own() {
        let texts: std::collections::HashSet<_> =
            Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
