//! `/v1/admin/…`: what operators see and do. Each of them asks for a role with `admin = true`.

mod explain;
mod leaving;
mod revoke;
mod rooms;
mod streams;

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::model::room::Room;
use crate::telemetry;
use crate::wire::query::Query;
use crate::wire::{admin, poll};

use super::{Connection, Response, Service, reply};

/// Where an operator's request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desk {
    /// `/v1/admin/streams`
    Streams,
    /// `/v1/admin/streams/{stream}`
    Stream(StreamId),
    /// `/v1/admin/rooms`
    Rooms,
    /// `/v1/admin/disconnect`
    Disconnect,
    /// `/v1/admin/drain`
    Drain,
    /// `/v1/admin/revoke`
    Revoke,
    /// `/v1/admin/revocations`
    Revocations,
    /// `/v1/admin/reload`
    Reload,
    /// `/v1/admin/explain`
    Explain,
    /// `/v1/admin/log`
    Log,
}

/// The largest body of an operator's request, in bytes.
const BODY: usize = 64 * 1024;
/// A page, where nothing is said, and the largest.
const PAGE: (usize, usize) = (100, 1000);

impl Desk {
    /// Those whose path names nothing.
    pub(super) const FIXED: [(&'static str, Self); 9] = [
        ("/v1/admin/streams", Self::Streams),
        ("/v1/admin/rooms", Self::Rooms),
        ("/v1/admin/disconnect", Self::Disconnect),
        ("/v1/admin/drain", Self::Drain),
        ("/v1/admin/revoke", Self::Revoke),
        ("/v1/admin/revocations", Self::Revocations),
        ("/v1/admin/reload", Self::Reload),
        ("/v1/admin/explain", Self::Explain),
        ("/v1/admin/log", Self::Log),
    ];

    /// The one at `path`.
    pub(super) fn of(path: &str) -> Option<Self> {
        let named = || {
            let stream = path.strip_prefix("/v1/admin/streams/")?;
            StreamId::from_client(stream).map(Self::Stream)
        };
        let mut fixed = Self::FIXED.into_iter();
        fixed
            .find(|(known, _)| *known == path)
            .map(|(_, desk)| desk)
            .or_else(named)
    }

    /// The methods, as `Allow` lists them.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::Streams | Self::Rooms | Self::Revocations => "GET, HEAD, OPTIONS",
            Self::Stream(_) => "GET, HEAD, DELETE, OPTIONS",
            Self::Log => "GET, HEAD, PUT, OPTIONS",
            Self::Disconnect | Self::Drain | Self::Revoke | Self::Reload | Self::Explain => {
                "POST, OPTIONS"
            }
        }
    }
}

/// Who does something, and whence.
struct Operator<'a> {
    access: Arc<Access>,
    connection: &'a Connection,
}

impl Service {
    /// Answers an operator.
    pub(super) async fn admin(
        &self,
        desk: Desk,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let access = self.operator(&request, query)?;
        let by = Operator { access, connection };
        match desk {
            Desk::Streams => self.streams(query).await,
            Desk::Stream(stream) if *request.method() == Method::DELETE => {
                let doing = self.disconnect_one(stream);
                self.recorded(&by, "disconnect", &stream.to_string(), doing)
                    .await
            }
            Desk::Stream(stream) => self.one_stream(stream).await,
            Desk::Rooms => self.rooms(query),
            Desk::Disconnect => {
                let whom = self.asked::<admin::Whom>(request, &by.access).await?;
                let subject = said(&whom);
                let doing = self.disconnect(whom);
                self.recorded(&by, "disconnect", &subject, doing).await
            }
            Desk::Drain => {
                let whom = self.asked::<admin::Drain>(request, &by.access).await?;
                let subject = said(&whom);
                self.recorded(&by, "drain", &subject, self.drain(whom))
                    .await
            }
            Desk::Revoke => {
                self.revoke(&by, self.asked(request, &by.access).await?)
                    .await
            }
            Desk::Revocations => Ok(self.revocations()),
            Desk::Reload => {
                let doing = async { Ok(ok(&self.operations.reload().await?)) };
                self.recorded(&by, "reload", "configuration", doing).await
            }
            Desk::Log if *request.method() == Method::PUT => {
                let asked = self.asked::<admin::Log>(request, &by.access).await?;
                let doing = async { set_log(&asked) };
                self.recorded(&by, "log", &asked.filter, doing).await
            }
            Desk::Log => log(),
            Desk::Explain => self.explain(self.asked(request, &by.access).await?),
        }
    }

    /// Only an operator goes on.
    pub(super) fn operator<B>(
        &self,
        request: &Request<B>,
        query: &Query,
    ) -> Result<Arc<Access>, Refusal> {
        only_operator(self.access(request, query)?)
    }

    /// Does what an operator has asked for, and records it once it is done.
    async fn recorded(
        &self,
        by: &Operator<'_>,
        action: &'static str,
        subject: &str,
        doing: impl Future<Output = Result<Response, Refusal>>,
    ) -> Result<Response, Refusal> {
        let done = doing.await?;
        self.audit_operator(by.connection, &by.access, action, subject);
        Ok(done)
    }

    /// What the body asks, if `access` still is an operator's when it has come.
    async fn asked<T: DeserializeOwned + admin::Body>(
        &self,
        request: Request<Incoming>,
        access: &Arc<Access>,
    ) -> Result<T, Refusal> {
        let body = self.body(request.into_body(), BODY).await?;
        only_operator(self.still(access)?)?;
        serde_json::from_slice(&body).map_err(|error| match error.classify() {
            Category::Data => Refusal::new(Code::BadRequest, T::SHAPE),
            Category::Io | Category::Syntax | Category::Eof => {
                Refusal::new(Code::InvalidJson, error.to_string())
            }
        })
    }
}

fn only_operator(access: Arc<Access>) -> Result<Arc<Access>, Refusal> {
    if access.is_admin() {
        return Ok(access);
    }
    let message = "only a role with `admin = true` may do this";
    Err(Refusal::new(Code::Forbidden, message))
}

/// What is logged.
fn log() -> Result<Response, Refusal> {
    let filter = telemetry::filter().ok_or_else(|| {
        let message = "the log lines of this process are not the gateway's to filter";
        Refusal::new(Code::NotFound, message)
    })?;
    Ok(ok(&admin::Log { filter }))
}

/// From now on this is logged, until the next reload of another filter.
fn set_log(asked: &admin::Log) -> Result<Response, Refusal> {
    telemetry::set_filter(&asked.filter)
        .map_err(|why| Refusal::new(Code::BadRequest, format!("`filter` cannot be read: {why}")))?;
    tracing::info!(filter = asked.filter, "log lines are filtered otherwise");
    log()
}

/// What an operator has named, for the audit log.
fn said(whom: &impl Serialize) -> String {
    serde_json::to_string(whom).unwrap_or_default()
}

fn ok(answer: &impl Serialize) -> Response {
    reply::json(StatusCode::OK, poll::to_json(answer))
}

/// The room that an operator names.
fn room(name: &str) -> Result<Room, Refusal> {
    Room::parse(name).map_err(Refusal::from)
}

/// The stream that an operator names.
fn stream(name: &str) -> Result<StreamId, Refusal> {
    StreamId::from_client(name).ok_or_else(|| {
        let message =
            "`stream` is 24 hexadecimal digits, as `welcome` and the list of streams have them";
        Refusal::new(Code::BadRequest, message)
    })
}

/// How many a page holds.
fn limit(query: &Query) -> Result<usize, Refusal> {
    let Some(text) = query.get("limit") else {
        return Ok(PAGE.0);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=PAGE.1).contains(limit));
    limit.ok_or_else(|| {
        Refusal::new(
            Code::BadRequest,
            format!("`limit` is a number from 1 to {}", PAGE.1),
        )
    })
}

/// There is no such stream.
fn no_stream() -> Refusal {
    Refusal::new(Code::UnknownStream, "no stream of this name is open here")
}
