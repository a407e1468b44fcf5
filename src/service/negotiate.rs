//! `GET /v1/negotiate`: what a credential may use, and where. Stateless: nothing is reserved, no answer binds a
//! client to this process.

use http::header::HOST;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::session::admission::{Opening, admit};
use crate::wire::base_url::BaseUrl;
use crate::wire::control::millis;
use crate::wire::endpoints::{ClientLimits, Endpoint, Endpoints};
use crate::wire::negotiate::rooms;
use crate::wire::poll;
use crate::wire::query::Query;

use super::{Connection, Response, Service, reply};

impl Service {
    /// Answers with the transports of the role and a URL for each, or refuses as a first connect would.
    pub(super) fn negotiate(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let access = self.access(request, query)?;
        let named = rooms(query)?;
        let joined = first_connect(&access, &named)?;
        let base = self.base(request, connection.secure)?;
        let left = access
            .expires_at
            .map(|end| end.since(self.context.clock.unix()));
        let endpoints = Endpoints {
            role: access.role.name.clone(),
            principal: access.principal.name().to_owned(),
            expires_in_ms: left.map(millis),
            rooms: joined,
            heartbeat_ms: millis(self.context.rules().session.heartbeat),
            limits: ClientLimits::new(
                access.role.limits,
                &access.role.events,
                self.settings().body,
            ),
            // Default rooms are not spelt out: they are then those of the day on which the URL is used.
            transports: access
                .role
                .transports
                .iter()
                .map(|&transport| Endpoint::new(&base, transport, &named))
                .collect(),
        };
        Ok(reply::json(StatusCode::OK, poll::to_json(&endpoints)))
    }

    /// What stands before `/v1/…` in the URLs that the client of `request` is given.
    pub(super) fn base(
        &self,
        request: &Request<Incoming>,
        secure: bool,
    ) -> Result<BaseUrl, Refusal> {
        match &self.settings().public_url {
            Some(public) => Ok(public.clone()),
            None => base_of(request, secure),
        }
    }
}

/// The rooms that a first connect gets, over whichever transport the role likes best.
fn first_connect(access: &Access, named: &[Room]) -> Result<Vec<Room>, Refusal> {
    let preferred = access.role.transports.first().copied();
    let opening = Opening {
        transport: preferred.unwrap_or(Transport::LongPoll),
        dialect: Dialect::Native,
        rooms: named.to_vec(),
        start: Start::Now,
        keeps: None,
    };
    admit(access, &opening).map(|admitted| admitted.rooms)
}

/// Where the client found the gateway: the target's authority, before `Host` (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
fn base_of(request: &Request<Incoming>, secure: bool) -> Result<BaseUrl, Refusal> {
    let host = request.headers().get(HOST);
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => host.and_then(|host| host.to_str().ok()),
    };
    authority
        .and_then(|authority| BaseUrl::of_authority(secure, authority))
        .ok_or_else(|| {
            let message = "`Host` is the gateway's host and port; it becomes part of the URLs";
            Refusal::new(Code::BadRequest, message)
        })
}
