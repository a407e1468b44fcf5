//! A line as it is written. How an event's fields look is said here, once for all events.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::{Asked, Event, TARGET, Who, Why};
use crate::model::code::Refusal;
use crate::model::decree::Revocation;
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::telemetry::metrics::labels::{Label, Revoked};

/// The longest text of somebody else's in a line, in bytes: a subject or a message may be as long as a request.
const TEXT: usize = 256;
/// The most rooms that a line names; how many there are it says in any case.
const ROOMS: usize = 10;

#[derive(Serialize)]
pub(super) struct Line<'a> {
    ts: String,
    target: &'static str,
    #[serde(flatten)]
    event: &'a Event<'a>,
    #[serde(flatten)]
    asked: Option<Asked>,
}

impl<'a> Line<'a> {
    pub(super) fn of(now: UnixMillis, asked: Option<Asked>, event: &'a Event<'a>) -> Self {
        Self {
            ts: now.to_rfc3339(),
            target: TARGET,
            event,
            asked,
        }
    }

    /// With its end.
    pub(super) fn to_json(&self) -> String {
        // Its keys are texts, so this does not fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

impl Serialize for Who<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            principal: &'a str,
            principal_kind: &'static str,
            #[serde(skip_serializing_if = "str::is_empty")]
            issuer: &'a str,
            role: &'a str,
        }
        let (principal_kind, issuer) = match self.principal {
            Principal::Anonymous => ("anonymous", ""),
            Principal::ApiKey(_) => ("api_key", ""),
            Principal::Subject { issuer, .. } => ("token", &**issuer),
        };
        let fields = Fields {
            principal: short(self.principal.name()),
            principal_kind,
            issuer: short(issuer),
            role: self.role,
        };
        fields.serialize(serializer)
    }
}

impl Serialize for Asked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            peer: String,
            request_id: String,
        }
        let fields = Fields {
            peer: self.peer.to_string(),
            request_id: format!("{:016x}", self.request),
        };
        fields.serialize(serializer)
    }
}

impl Serialize for Why<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Told(told) => refusal(told, serializer),
            Self::Ended(end) => {
                let code = Label::text(*end);
                Fields {
                    code,
                    ..Fields::default()
                }
                .serialize(serializer)
            }
        }
    }
}

/// Of a refusal: for the operator what is for the operator, and never more than its log has too.
#[derive(Default, Serialize)]
struct Fields<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
}

pub(super) fn refusal<S: Serializer>(refusal: &Refusal, serializer: S) -> Result<S::Ok, S::Error> {
    let reason = refusal.operator.as_deref().unwrap_or(&refusal.message);
    let fields = Fields {
        code: refusal.code.as_str(),
        reason: short(reason),
        limit: refusal.limit,
        room: refusal.room.as_ref().map(Room::as_str),
    };
    fields.serialize(serializer)
}

pub(super) fn rooms<S: Serializer>(all: &[Room], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        rooms: Vec<&'a str>,
        rooms_count: usize,
    }
    let fields = Fields {
        rooms: all.iter().take(ROOMS).map(Room::as_str).collect(),
        rooms_count: all.len(),
    };
    fields.serialize(serializer)
}

pub(super) fn revocation<S: Serializer>(
    revocation: &Revocation,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        kind: &'static str,
        name: std::borrow::Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        of_issuer: Option<&'a str>,
    }
    let (name, of_issuer) = match revocation {
        Revocation::Token(name) | Revocation::Key(name) => (short(name).into(), None),
        Revocation::Subject {
            subject, issuer, ..
        } => (short(subject).into(), issuer.as_deref().map(short)),
        Revocation::Stream(stream) => (stream.to_string().into(), None),
    };
    let kind = Revoked::from(revocation).text();
    Fields {
        kind,
        name,
        of_issuer,
    }
    .serialize(serializer)
}

pub(super) fn label<L: Label, S: Serializer>(label: &L, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(label.text())
}

pub(super) fn shown<T: Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn shown_if_any<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

pub(super) fn millis<S: Serializer>(
    span: &std::time::Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(span.as_millis())
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT)]
}
