//! Labels: closed sets of values, so that no client decides how many series there are.

use crate::model::code::Code;
use crate::model::decree::Revocation;
use crate::model::dialect::Dialect;
use crate::model::gap::Reason;
use crate::model::hook;
use crate::model::transport::Transport;

/// One label with all the values that it can have.
pub trait Label: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// Its name.
    const KEY: &'static str;
    /// How many values there are.
    const COUNT: usize;

    /// Every value, in the order of their places.
    fn values() -> impl Iterator<Item = Self>;

    /// Its place among the values.
    fn place(self) -> usize;

    /// The value.
    fn text(self) -> &'static str;
}

/// The labels of one series: one label, two, or three.
pub trait Labels: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// Every combination, in the order of their places.
    fn combinations() -> impl Iterator<Item = Self>;

    /// Its place among the combinations.
    fn place(self) -> usize;

    /// Names and values.
    fn pairs(self) -> Vec<(&'static str, &'static str)>;
}

impl<A: Label> Labels for A {
    fn combinations() -> impl Iterator<Item = Self> {
        A::values()
    }

    fn place(self) -> usize {
        Label::place(self)
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        vec![(A::KEY, self.text())]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn combinations() -> impl Iterator<Item = Self> {
        A::values().flat_map(|a| B::values().map(move |b| (a, b)))
    }

    fn place(self) -> usize {
        self.0.place() * B::COUNT + self.1.place()
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        vec![(A::KEY, self.0.text()), (B::KEY, self.1.text())]
    }
}

impl<A: Label, B: Label, C: Label> Labels for (A, B, C) {
    fn combinations() -> impl Iterator<Item = Self> {
        A::values().flat_map(|a| <(B, C)>::combinations().map(move |(b, c)| (a, b, c)))
    }

    fn place(self) -> usize {
        let (a, b, c) = self;
        (a.place() * B::COUNT + b.place()) * C::COUNT + c.place()
    }

    fn pairs(self) -> Vec<(&'static str, &'static str)> {
        let (a, b, c) = self;
        vec![(A::KEY, a.text()), (B::KEY, b.text()), (C::KEY, c.text())]
    }
}

macro_rules! label {
    ($(#[$doc:meta])+ $name:ident, $key:literal: $($(#[$note:meta])+ $value:ident = $text:literal,)+) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$note])+ $value,)+ }

        impl Label for $name {
            const KEY: &'static str = $key;
            const COUNT: usize = [$(Self::$value),+].len();

            fn values() -> impl Iterator<Item = Self> {
                [$(Self::$value),+].into_iter()
            }

            fn place(self) -> usize {
                self as usize
            }

            fn text(self) -> &'static str {
                match self { $(Self::$value => $text,)+ }
            }
        }
    };
}

label! {
    /// The version of HTTP that a stream was opened with.
    HttpVersion, "http":
    /// HTTP/1.0.
    Http10 = "1.0",
    /// HTTP/1.1.
    Http11 = "1.1",
    /// HTTP/2.
    Http2 = "2",
}

label! {
    /// When an event was appended, seen from the stream that it is given to.
    Kind, "kind":
    /// While the stream was open.
    Live = "live",
    /// Before: it is part of what the client missed, or asked to see again.
    Replay = "replay",
}

label! {
    /// How something went.
    Outcome, "outcome":
    /// It was done.
    Done = "ok",
    /// It was not.
    Failed = "failed",
}

label! {
    /// A route, as the documentation writes it.
    Route, "route":
    /// `/v1/stream`
    Stream = "/v1/stream",
    /// Where Socket.IO is served, whatever its path.
    SocketIo = "/socket.io/",
    /// `/v1/negotiate`
    Negotiate = "/v1/negotiate",
    /// `/v1/openapi.json`
    OpenApi = "/v1/openapi.json",
    /// `/v1/rooms/{room}/events`
    Events = "/v1/rooms/{room}/events",
    /// `/v1/rooms/{room}/presence`
    Presence = "/v1/rooms/{room}/presence",
    /// `/v1/publish`
    Publish = "/v1/publish",
    /// `/v1/messages`
    Messages = "/v1/messages",
    /// `/v1/session`
    Session = "/v1/session",
    /// `/healthz`
    Health = "/healthz",
    /// `/readyz`
    Ready = "/readyz",
    /// `/metrics`
    Metrics = "/metrics",
    /// `/v1/admin/…`
    Admin = "/v1/admin",
    /// `/`
    Page = "/",
    /// Whatever is not there.
    Nowhere = "none",
}

label! {
    /// The class of a status (RFC 9110 §15).
    StatusClass, "status":
    /// Switching to WebSocket.
    Informational = "1xx",
    /// It was done.
    Successful = "2xx",
    /// Nothing of ours redirects.
    Redirection = "3xx",
    /// The client must change something.
    ClientError = "4xx",
    /// The gateway could not.
    ServerError = "5xx",
}

label! {
    /// Which kind of listener took a connection.
    Listener, "listener":
    /// One for clients, in clear text over TCP.
    Http = "http",
    /// One for clients, over TLS.
    Https = "https",
    /// One for clients, on a Unix socket.
    Unix = "unix",
    /// One for operators.
    Operators = "operators",
}

label! {
    /// How a TLS handshake came out.
    Handshake, "outcome":
    /// Both sides agreed.
    Done = "done",
    /// They did not, or the client went or took too long.
    Failed = "failed",
}

label! {
    /// What a client that came back with a cursor was given.
    Resume, "outcome":
    /// All that it missed.
    Hit = "hit",
    /// A gap, and what is still held.
    Gap = "gap",
}

label! {
    /// How a token was found to be good, or not.
    Verdict, "outcome":
    /// It was verified before.
    Remembered = "remembered",
    /// Its signature and claims were verified.
    Verified = "verified",
    /// They were, and are not good.
    Refused = "refused",
}

label! {
    /// How the canary's flight through the log came out.
    Flight, "outcome":
    /// It came back.
    Returned = "returned",
    /// It did not, or not in time.
    Failed = "failed",
}

label! {
    /// What became of a line of the audit log.
    Line, "outcome":
    /// It was written.
    Written = "written",
    /// It came faster than lines are written, and was dropped.
    Dropped = "dropped",
    /// It could not be written.
    Failed = "failed",
}

label! {
    /// What became of a new configuration.
    Reload, "outcome":
    /// It holds now.
    Applied = "applied",
    /// It has mistakes, and changed nothing.
    Refused = "refused",
}

label! {
    /// What a revocation names.
    Revoked, "kind":
    /// One token, by its id (`jti`).
    Token = "token",
    /// All tokens of a subject that were issued before.
    Subject = "subject",
    /// The API key of a name.
    Key = "key",
    /// One stream.
    Stream = "stream",
}

label! {
    /// How a call of a hook went.
    Called, "outcome":
    /// It was answered, and not with a no.
    Answered = "ok",
    /// The backend said no.
    Refused = "refused",
    /// There was no answer, or none that is one.
    Failed = "failed",
    /// It was not made: the hook failed too often of late, or had too many calls for too long.
    NotMade = "not_made",
}

label! {
    /// A hook that is told things.
    Told, "hook":
    /// That streams end.
    Disconnect = "disconnect",
    /// That streams leave rooms.
    Unsubscribe = "unsubscribe",
}

impl From<&Revocation> for Revoked {
    fn from(revocation: &Revocation) -> Self {
        match revocation {
            Revocation::Token(_) => Self::Token,
            Revocation::Subject { .. } => Self::Subject,
            Revocation::Key(_) => Self::Key,
            Revocation::Stream(_) => Self::Stream,
        }
    }
}

impl From<http::Version> for HttpVersion {
    fn from(version: http::Version) -> Self {
        match version {
            http::Version::HTTP_2 => Self::Http2,
            http::Version::HTTP_11 => Self::Http11,
            _ => Self::Http10,
        }
    }
}

impl From<http::StatusCode> for StatusClass {
    fn from(status: http::StatusCode) -> Self {
        match status.as_u16() {
            ..200 => Self::Informational,
            200..300 => Self::Successful,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

/// Makes a label of a set of values that has places and names already.
macro_rules! label_of {
    ($type:ty, $key:literal) => {
        impl Label for $type {
            const KEY: &'static str = $key;
            const COUNT: usize = Self::ALL.len();

            fn values() -> impl Iterator<Item = Self> {
                Self::ALL.iter().copied()
            }

            fn place(self) -> usize {
                self as usize
            }

            fn text(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

label_of!(Transport, "transport");
label_of!(Dialect, "dialect");
label_of!(Code, "code");
label_of!(Reason, "reason");
label_of!(hook::Kind, "hook");

/// Where a refusal was told: on a plain request, or to the client of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// In the answer to a request that is for no stream.
    Http,
    /// In the answer to a request for a stream of this transport, or on the stream.
    Stream(Transport),
}

impl Label for Door {
    const KEY: &'static str = "transport";
    const COUNT: usize = 1 + Transport::COUNT;

    fn values() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Http).chain(Transport::values().map(Self::Stream))
    }

    fn place(self) -> usize {
        match self {
            Self::Http => 0,
            Self::Stream(transport) => 1 + Label::place(transport),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Stream(transport) => transport.text(),
        }
    }
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client went, or its connection broke.
    Client,
    /// A poll got its answer.
    Answered,
    /// The gateway ended it.
    Code(Code),
}

impl Label for End {
    const KEY: &'static str = "reason";
    const COUNT: usize = 2 + Code::COUNT;

    fn values() -> impl Iterator<Item = Self> {
        [Self::Client, Self::Answered]
            .into_iter()
            .chain(Code::values().map(Self::Code))
    }

    fn place(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Answered => 1,
            Self::Code(code) => 2 + Label::place(code),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Answered => "answered",
            Self::Code(code) => code.text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_place<L: Labels>() {
        let places: Vec<_> = L::combinations().map(Labels::place).collect();
        assert_eq!(places, Vec::from_iter(0..places.len()));
        let texts: std::collections::HashSet<_> = L::combinations().map(Labels::pairs).collect();
        assert_eq!(texts.len(), places.len(), "two series would be one");
    }

    #[test]
    fn each_combination_has_a_place_and_a_text_of_its_own() {
        in_place::<(Transport, Dialect, HttpVersion)>();
        in_place::<(Transport, Dialect, End)>();
        in_place::<(Transport, Dialect, Kind)>();
        in_place::<(Code, Door)>();
        in_place::<(Route, StatusClass)>();
        in_place::<Outcome>();
        in_place::<Reason>();
        in_place::<(Transport, Dialect, Resume)>();
        in_place::<Listener>();
        in_place::<(hook::Kind, Called)>();
    }
}
