//! L5: one request, one response.

mod admin;
mod audit;
mod backend;
mod body;
mod caller;
mod cors;
mod engineio;
mod fallback;
mod head;
mod health;
mod history;
mod hosts;
mod long;
mod messages;
mod metrics;
mod negotiate;
mod openapi;
mod operations;
mod presence;
mod publish;
mod rates;
mod reply;
mod route;
mod session;
mod settings;
mod stream;
mod traced;

use std::sync::Arc;

use http::{Method, Request};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tracing::field::display;
use tracing::{Instrument as _, Span};

use crate::auth::Access;
use crate::ingress::By;
use crate::lifecycle::live::Live;
use crate::limit::Held;
use crate::limit::address::Address;
use crate::limit::seldom::Seldom;
use crate::model::code::{Code, Refusal};
use crate::model::peer::Peer;
use crate::model::time::Moment;
use crate::telemetry::audit::Asked;
use crate::telemetry::metrics::labels::{self, Door};
use crate::telemetry::spans;
use crate::transport::context::Context;
use crate::transport::granted::Caller;
use crate::transport::link::Hold;
use crate::transport::shard::Shard;
use crate::transport::wishes::Wishes;
use crate::wire::forwarded;
use crate::wire::query::Query;

pub use fallback::Fallback;
pub use operations::{Operation, Operations};
pub use reply::{Answer, Body, Response};
use route::Route;
pub use settings::{Cors, Settings};

/// Answers the requests of one gateway.
pub struct Service {
    context: Arc<Context>,
    settings: Live<Settings>,
    canary: health::Canary,
    operations: Operations,
    /// Origins that were refused of late.
    foreign: Seldom,
    /// Answers that may be compressed at once: one processor is left to the streams.
    compressing: Semaphore,
}

/// What is known of a request but what it says: its number, and the connection that it came on.
#[derive(Debug)]
pub struct Connection {
    /// Its client's address: behind a trusted proxy, what that says.
    pub peer: Peer,
    /// The request's number, which its answer shows (`X-Request-Id`).
    pub request: u64,
    /// Whether it is encrypted, and so whether its client says `https` and `wss`.
    pub secure: bool,
    /// Why it is one too many, if it is: it is told so, and closed.
    pub surplus: Option<Arc<Refusal>>,
    /// Which listener took it.
    pub audience: Audience,
    /// What the request holds of it.
    pub hold: Hold,
    /// Where it lives.
    pub shard: Arc<Shard>,
}

/// Whom a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody: each request shows its credential.
    Clients,
    /// Probes: who reaches it may read health and metrics, and nothing else is there.
    Probes,
    /// Operators: what they see and do is there, and nothing else; each request shows its credential.
    Operators,
}

impl Service {
    /// The service of the gateway whose parts `context` holds.
    #[must_use]
    pub fn new(context: Arc<Context>, settings: Settings, operations: Operations) -> Self {
        Self {
            context,
            settings: Live::new(settings),
            canary: health::Canary::default(),
            operations,
            foreign: Seldom::default(),
            compressing: Semaphore::new(processors().saturating_sub(1).max(1)),
        }
    }

    /// From now on `settings` hold. What a program says of its own, and no configuration, stays.
    pub fn configure(&self, settings: Settings) {
        let before = self.settings();
        self.settings.replace(Settings {
            operators_elsewhere: before.operators_elsewhere,
            page: before.page,
            fallback: before.fallback.clone(),
            echo: before.echo,
            ..settings
        });
    }

    /// What the configuration says now.
    fn settings(&self) -> Arc<Settings> {
        self.settings.now()
    }

    /// Answers one request, in every case; the answer carries the request's id.
    pub fn respond(
        &self,
        mut request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Answer> + Send {
        let connection = self.behind_proxies(connection, request.headers());
        let (id, peer) = (format!("{:016x}", connection.request), connection.peer);
        let is_head = request.method() == Method::HEAD;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let settings = self.settings();
        let origin = cors::Origin::of(&settings.cors, settings.public_url.as_ref(), &request);
        self.tell_foreign(&origin, &request);
        let route = self.route(&path);
        let label = route.as_ref().map_or(labels::Route::Nowhere, Route::label);
        // What a stream's request has to log is below: a span for each of a herd, and of polls without end, would cost as
        // much as the rest of it.
        let trace = traced::parent(request.headers());
        let trace_id = trace.map(|trace| display(trace.trace()));
        let span = if label == labels::Route::Stream {
            Span::none()
        } else {
            tracing::info_span!("request", id, %peer, trace_id)
        };
        let operation = self.operation(&method, label, connection.request, trace);
        let own = operation.as_ref().and_then(spans::Span::context);
        if let Some(trace) = own.or(trace) {
            // Whoever calls others for this request tells them.
            request.extensions_mut().insert(trace);
        }
        let presented = self.presented(&mut request, &connection);
        let making = Box::pin(self.answer(route, request, connection, origin.clone()));
        async move {
            let mut answer = making.instrument(span).await.unwrap_or_else(|Refused { refusal, door }| {
                self.count(&refusal, door);
                self.audit_refusal(presented.as_ref(), &refusal, door, label);
                let detail = refusal.operator.as_deref().unwrap_or(&refusal.message);
                tracing::info!(id, %peer, method = beginning(method.as_str()), path = beginning(&path), code = refusal.code.as_str(), detail, trace_id, "refused");
                reply::refusal(&refusal).into()
            });
            self.audit_answer(presented.as_ref(), &answer);
            origin.grant(answer.headers());
            reply::stamp(answer.headers(), &id);
            if let (Answer::Whole(response), true) = (&mut answer, is_head) {
                reply::without_body(response);
            }
            self.context.metrics.answered(label, answer.status().into());
            if let Some(operation) = operation {
                operation.end(answer.status().as_u16());
            }
            tracing::debug!(id, %peer, method = beginning(method.as_str()), path = beginning(&path), status = answer.status().as_u16(), trace_id, "answered");
            answer
        }
    }

    /// The route of `path`.
    fn route(&self, path: &str) -> Result<Route, Refusal> {
        if self.is_socketio(path) {
            return Ok(Route::SocketIo);
        }
        Route::of(path)
    }

    /// The connection that the client has, where it is a trusted proxy that has ours.
    fn behind_proxies(&self, connection: Connection, headers: &http::HeaderMap) -> Connection {
        let client = forwarded::client(headers, connection.peer, &self.context.rules().proxies);
        Connection {
            peer: client.peer,
            secure: client.secure.unwrap_or(connection.secure),
            ..connection
        }
    }

    async fn answer(
        &self,
        route: Result<Route, Refusal>,
        mut request: Request<Incoming>,
        connection: Connection,
        origin: cors::Origin,
    ) -> Result<Answer, Refused> {
        head::check(&request)?;
        if connection.audience == Audience::Clients {
            hosts::check(&self.settings().hosts, route.as_ref(), &request)?;
        }
        if connection.audience == Audience::Clients
            && let Some(fallback) = self.beside(request.uri().path())
        {
            let answer = Box::pin(self.fall_back(fallback, request, &connection));
            return Ok(answer.await?.into());
        }
        let route = route?;
        let is_there = match connection.audience {
            Audience::Clients => !route.is_for_operators() || !self.settings().operators_elsewhere,
            Audience::Probes => route.is_operational(),
            Audience::Operators => route.is_operational() || route.is_for_operators(),
        };
        if !is_there {
            return Err(route::not_found().into());
        }
        if request.method() == Method::OPTIONS {
            return Ok(origin.preflight(&route).into());
        }
        let answers_all = matches!(route, Route::SocketIo);
        if !answers_all && !route.allows(request.method()) && !stream::is_tunnel(&route, &request) {
            self.context
                .metrics
                .refused(Code::MethodNotAllowed, Door::Http);
            return Ok(reply::method_not_allowed(&route).into());
        }
        let query = Query::parse(request.uri().query());
        if !matches!(
            route,
            Route::Stream | Route::SocketIo | Route::Health | Route::Metrics
        ) {
            connection.has_room()?;
        }
        let circumstances = self.circumstances(&route, &connection, &origin);
        request.extensions_mut().insert(circumstances);
        self.await_key(&request, &query).await;
        if let Route::Stream = route {
            return self.stream(request, &query, &connection, &origin).await;
        }
        if let Route::SocketIo = route {
            let answer = Box::pin(self.engineio(request, &query, &connection, &origin));
            return Ok(answer.await?);
        }
        let response = Box::pin(self.plain(route, request, &query, &connection));
        Ok(response.await?.into())
    }

    /// Whatever is no stream.
    async fn plain(
        &self,
        route: Route,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        match route {
            Route::Negotiate => self.negotiate(&request, query, connection),
            Route::OpenApi => Ok(self.openapi(&request).await),
            Route::Events(room) => match *request.method() {
                Method::POST => self.publish_one(request, query, connection, room).await,
                Method::DELETE => self.purge(&request, query, room, connection),
                _ => self.history(&request, query, room).await,
            },
            Route::Presence(room) => self.presence(&request, query, room).await,
            Route::Publish => self.publish_many(request, query, connection).await,
            Route::Messages => self.message(request, query, connection).await,
            Route::Session => self.session(request, query, connection.secure).await,
            Route::Health => self.alive(),
            Route::Ready => self.ready().await,
            Route::Metrics => self.metrics(&request, query, connection).await,
            Route::Admin(desk) => self.admin(desk, request, query, connection).await,
            Route::Page => self.page(),
            Route::Stream | Route::SocketIo | Route::Whole => Err(route::not_found()),
        }
    }

    /// Names a page that the policy does not know, with what would let it in.
    fn tell_foreign(&self, origin: &cors::Origin, request: &Request<Incoming>) {
        if let Some(page) = origin.foreign(request)
            && self.foreign.is_due(page, self.context.clock.now())
        {
            let advice = cors::advice(&self.settings().cors, page);
            tracing::warn!("pages of {page} may not use the gateway: {advice}");
        }
    }

    fn count(&self, refusal: &Refusal, door: Door) {
        self.context.metrics.refused(refusal.code, door);
        self.context.metrics.limited(refusal);
    }

    /// What answers `path`, if the gateway itself does not.
    fn beside(&self, path: &str) -> Option<Fallback> {
        let settings = self.settings();
        let own = match self.route(path) {
            Ok(Route::Page) => settings.page.is_some(),
            Ok(_) => true,
            Err(_) => path == "/v1" || path.starts_with("/v1/"),
        };
        settings.fallback.clone().filter(|_| !own)
    }

    async fn fall_back(
        &self,
        fallback: Fallback,
        mut request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        connection.has_room()?;
        request.extensions_mut().insert(self.context.publisher());
        request.extensions_mut().insert(connection.peer);
        Ok(fallback.answer(request).await)
    }

    fn page(&self) -> Result<Response, Refusal> {
        self.settings()
            .page
            .map(reply::html)
            .ok_or_else(route::not_found)
    }
}

/// A request that is refused, and as what it counts.
struct Refused {
    refusal: Refusal,
    door: Door,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let door = Door::Http;
        Self { refusal, door }
    }
}

impl Connection {
    /// Whether it is one of those that there is room for.
    fn has_room(&self) -> Result<(), Refusal> {
        match &self.surplus {
            None => Ok(()),
            Some(refusal) => Err(Refusal::clone(refusal)),
        }
    }

    /// Who publishes by a request of its own.
    fn by<'a>(&self, access: &'a Access) -> By<'a> {
        By {
            access,
            address: Address::of_peer(self.peer),
            is_counted: false,
        }
    }

    /// The request, as the audit log names it.
    const fn asked(&self) -> Asked {
        Asked {
            peer: self.peer,
            request: self.request,
        }
    }

    /// What a stream of this request is known by.
    fn caller(&self, now: Moment, held: Held, wishes: Wishes) -> Box<Caller> {
        Box::new(Caller {
            peer: self.peer,
            request: self.request,
            since: now,
            held,
            wishes,
            voice: None,
        })
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// As much of a method or a path as a log line is worth: a stranger must not fill the disk.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(100)]
}
