//! What is recorded. How the fields look is [`super::line`]'s.

use std::time::Duration;

use serde::Serialize;

use crate::model::code::Refusal;
use crate::model::decree::Revocation;
use crate::model::dialect::Dialect;
use crate::model::id::{Principal, StreamId};
use crate::model::peer::Peer;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::telemetry::metrics::labels::{End, Route};

use super::line;

/// Whose credential it was.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// The name of its role.
    pub role: &'a str,
}

/// The request that it came of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The client's address.
    pub peer: Peer,
    /// The request's number, as its answer shows it (`X-Request-Id`).
    pub request: u64,
}

/// One line.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A client got a stream: at once, or when its first message said who it is.
    StreamAccepted {
        /// The stream.
        #[serde(serialize_with = "line::shown")]
        stream: StreamId,
        /// How its events come.
        #[serde(serialize_with = "line::label")]
        transport: Transport,
        /// In which language.
        #[serde(
            serialize_with = "line::label",
            skip_serializing_if = "Dialect::is_native"
        )]
        dialect: Dialect,
        /// Who.
        #[serde(flatten)]
        who: Who<'a>,
        /// Which rooms.
        #[serde(flatten, serialize_with = "line::rooms")]
        rooms: &'a [Room],
    },
    /// The client of a stream is another, or has other rooms: it was anonymous before, or has renewed its credential, or
    /// what its role may do has changed.
    StreamChanged {
        /// The stream.
        #[serde(serialize_with = "line::shown")]
        stream: StreamId,
        /// How its events come.
        #[serde(serialize_with = "line::label")]
        transport: Transport,
        /// In which language.
        #[serde(
            serialize_with = "line::label",
            skip_serializing_if = "Dialect::is_native"
        )]
        dialect: Dialect,
        /// Who.
        #[serde(flatten)]
        who: Who<'a>,
        /// Which rooms it has now.
        #[serde(flatten, serialize_with = "line::rooms")]
        rooms: &'a [Room],
    },
    /// A client got no stream, or lost one that it had before it said who it is.
    StreamRefused {
        /// The stream, where there was one.
        #[serde(
            serialize_with = "line::shown_if_any",
            skip_serializing_if = "Option::is_none"
        )]
        stream: Option<StreamId>,
        /// How the events should have come.
        #[serde(serialize_with = "line::label")]
        transport: Transport,
        /// In which language.
        #[serde(
            serialize_with = "line::label",
            skip_serializing_if = "Dialect::is_native"
        )]
        dialect: Dialect,
        /// Who, where that is known.
        #[serde(flatten)]
        who: Option<Who<'a>>,
        /// Why.
        #[serde(flatten)]
        why: Why<'a>,
    },
    /// A stream that was accepted has ended.
    StreamEnded {
        /// The stream.
        #[serde(serialize_with = "line::shown")]
        stream: StreamId,
        /// How its events came.
        #[serde(serialize_with = "line::label")]
        transport: Transport,
        /// In which language.
        #[serde(
            serialize_with = "line::label",
            skip_serializing_if = "Dialect::is_native"
        )]
        dialect: Dialect,
        /// Who.
        #[serde(flatten)]
        who: Who<'a>,
        /// Who or what ended it.
        #[serde(rename = "reason", serialize_with = "line::label")]
        end: End,
        /// How long it was open.
        #[serde(rename = "lasted_ms", serialize_with = "line::millis")]
        lasted: Duration,
    },
    /// A request was refused for its credential, its grants or a limit.
    RequestRefused {
        /// Who, where that is known.
        #[serde(flatten)]
        who: Option<Who<'a>>,
        /// The request's method.
        method: &'a str,
        /// Its route.
        #[serde(serialize_with = "line::label")]
        route: Route,
        /// Why.
        #[serde(flatten, serialize_with = "line::refusal")]
        refusal: &'a Refusal,
    },
    /// Events were not published.
    PublishRefused {
        /// The stream that wanted it, where it was one.
        #[serde(
            serialize_with = "line::shown_if_any",
            skip_serializing_if = "Option::is_none"
        )]
        stream: Option<StreamId>,
        /// Who, where that is known.
        #[serde(flatten)]
        who: Option<Who<'a>>,
        /// Why.
        #[serde(flatten, serialize_with = "line::refusal")]
        refusal: &'a Refusal,
        /// How many events of the request that were.
        events: usize,
    },
    /// A client message, other than a publish, was refused for a credential, for grants or a limit.
    MessageRefused {
        /// The stream that it was for, where it was for one.
        #[serde(
            serialize_with = "line::shown_if_any",
            skip_serializing_if = "Option::is_none"
        )]
        stream: Option<StreamId>,
        /// Who, where that is known.
        #[serde(flatten)]
        who: Option<Who<'a>>,
        /// Why.
        #[serde(flatten, serialize_with = "line::refusal")]
        refusal: &'a Refusal,
    },
    /// Credentials, or a stream, were revoked.
    Revoked {
        /// By whom; nobody where the program or another node said so.
        #[serde(flatten)]
        by: Option<Who<'a>>,
        /// What.
        #[serde(flatten, serialize_with = "line::revocation")]
        what: &'a Revocation,
    },
    /// An operator did something.
    Admin {
        /// Who.
        #[serde(flatten)]
        by: Option<Who<'a>>,
        /// What, in one word: `purge`, `disconnect`, `drain`, `log_level` …
        action: &'static str,
        /// To what: a room, a stream, a role, a filter.
        subject: &'a str,
    },
    /// A new configuration was read.
    Configuration(Change<'a>),
}

/// Why a stream was refused.
#[derive(Clone, Copy, Debug)]
pub enum Why<'a> {
    /// In answer to its request.
    Told(&'a Refusal),
    /// On the open stream, before it was known whose it is.
    Ended(End),
}

/// What became of a new configuration.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Change<'a> {
    /// It holds.
    Applied {
        /// The keys whose values are others than before.
        changed: &'a [String],
        /// Those that hold only after a restart.
        at_next_start: &'a [String],
    },
    /// It has mistakes, and changed nothing. The log has their texts, with the file's lines.
    Refused,
}
