//! Engine.IO 4, at the path that the configuration names: handshakes, and the requests that name a session.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use crate::limit::Held;
use crate::model::code::{Code, Refusal};
use crate::model::trace::TraceParent;
use crate::model::transport::Transport as Public;
use crate::telemetry::metrics::labels::Door as Counted;
use crate::transport::context::come_back;
use crate::transport::engineio::door::{Door, Misuse};
use crate::transport::engineio::item::Item;
use crate::transport::engineio::opening;
use crate::transport::engineio::sid::Sid;
use crate::transport::granted::{Granted, Grantee};
use crate::transport::shard::{Arrival, Parked};
use crate::transport::socketio::origin::Origin;
use crate::wire::engineio::payload::{PACKETS, Terms};
use crate::wire::engineio::{self, Asked, Rejection, Transport};
use crate::wire::negotiate::is_upgrade;
use crate::wire::query::Query;
use crate::wire::websocket::{Handshake, handshake};

use super::{Answer, Connection, Response, Service, cors, reply};

/// How long a GET is held while a WebSocket is about to carry its session, as with the original.
const HOLD: Duration = Duration::from_millis(100);
/// What the original calls its bodies.
const TEXT: &str = "text/plain; charset=UTF-8";
const HTML: &str = "text/html";

/// Why a request is not served.
enum Unserved {
    /// As the protocol says it.
    Rejected(Rejection),
    /// As any request is refused.
    Refused(Refusal),
}

impl From<Rejection> for Unserved {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Service {
    /// Whether `path` is where it is served.
    pub(super) fn is_socketio(&self, path: &str) -> bool {
        let rules = self.context.rules();
        let own = rules.socketio.path.as_deref();
        own.is_some_and(|own| path == own || Some(path) == own.strip_suffix('/'))
    }

    /// Answers one request.
    pub(super) async fn engineio(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        origin: &cors::Origin,
    ) -> Result<Answer, Refusal> {
        match self.serve(request, query, connection, origin).await {
            Ok(answer) => Ok(answer),
            Err(Unserved::Refused(refusal)) => Err(refusal),
            Err(Unserved::Rejected(rejection)) => {
                let code = match rejection {
                    Rejection::Forbidden => Code::Forbidden,
                    Rejection::SessionUnknown => Code::UnknownStream,
                    Rejection::TransportUnknown
                    | Rejection::HandshakeMethod
                    | Rejection::BadRequest
                    | Rejection::Version => Code::BadRequest,
                };
                self.context.metrics.refused(code, Counted::Http);
                Ok(reply::json(rejection.status(), rejection.to_json()).into())
            }
        }
    }

    async fn serve(
        &self,
        mut request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        origin: &cors::Origin,
    ) -> Result<Answer, Unserved> {
        connection.has_room()?;
        let (method, version) = (request.method(), request.version());
        let upgrades = is_upgrade(method, version, request.headers());
        let find = |sid: &str| {
            let known = self.context.sessions.find(Sid::from_client(sid)?)?;
            let carrier = known.carrier();
            Some((known, carrier))
        };
        let is_foreign = || upgrades && origin.check().is_err();
        let asked = engineio::Request::parse(query).check(method, upgrades, find, is_foreign)?;
        match asked {
            Asked::Handshake(Transport::Polling) => {
                Ok(self.begin(&request, query, connection)?.into())
            }
            Asked::Handshake(Transport::WebSocket) => {
                let accepted = plain(handshake(method, version, request.headers())?);
                let arrival = self.arrival(&request, query, connection, Transport::WebSocket)?;
                Ok(granted(&mut request, accepted, Grantee::Session(arrival)))
            }
            Asked::Upgrade(known) => {
                origin.check().map_err(|_| Rejection::Forbidden)?;
                let accepted = plain(handshake(method, version, request.headers())?);
                Ok(granted(
                    &mut request,
                    accepted,
                    Grantee::Carrier(known.door()),
                ))
            }
            Asked::Poll(known) => {
                let door = known.door().ok_or(Rejection::BadRequest)?;
                Self::poll(&self.context.clock, door).await
            }
            Asked::Post(known) => {
                let door = known.door().ok_or(Rejection::BadRequest)?;
                Ok(self.post(request, &door).await?.into())
            }
        }
    }

    /// Begins a session that requests carry.
    fn begin(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let settings = self.context.rules().socketio.clone();
        let arrival = self.arrival(request, query, connection, Transport::Polling)?;
        let packet = opening(&settings, arrival.entry.sid(), Transport::Polling);
        connection.shard.host(arrival);
        Ok(reply::whole(StatusCode::OK, TEXT, packet))
    }

    /// What a session begins with, if there is room for one.
    fn arrival(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        carrier: Transport,
    ) -> Result<Arrival, Refusal> {
        let held = self.room_for(connection)?;
        let origin = Origin {
            peer: connection.peer,
            request: connection.request,
            version: request.version().into(),
            credential: self.credential(request, query).map_err(Box::new),
            headers: match self.context.hooks.forwarded(request.headers()) {
                none if none.is_empty() => Arc::default(),
                some => some.into(),
            },
            trace: request.extensions().get::<TraceParent>().copied(),
            echo: self.settings().echo && self.context.rules().socketio.namespaces.is_empty(),
        };
        let (entry, door) = self.context.sessions.enter(carrier)?;
        Ok(Arrival {
            origin: Arc::new(origin),
            entry,
            door,
            held,
            since: self.context.clock.now(),
        })
    }

    fn room_for(&self, connection: &Connection) -> Result<Held, Refusal> {
        if self.context.draining.has_begun() {
            let refusal = Refusal::new(Code::Draining, "the gateway is draining");
            return Err(refusal.retry_after(come_back()));
        }
        if self.context.is_full() {
            let refusal = Refusal::new(Code::Overloaded, "the gateway has no memory for more");
            return Err(refusal.limit("memory").retry_after(come_back()));
        }
        // It lasts as a WebSocket does, whatever carries it: a poll lasts too short to be counted as a handshake.
        self.context.arrive(connection.peer, Public::WebSocket)
    }

    /// Lets a GET wait for what its session has to say. One that comes while a WebSocket is about to carry that is held,
    /// and judged again.
    async fn poll(
        clock: &crate::lifecycle::clock::Clock,
        door: Arc<Door>,
    ) -> Result<Answer, Unserved> {
        clock.timeout(HOLD, door.settled()).await;
        if door.carrier() != Transport::Polling {
            return Err(Rejection::BadRequest.into());
        }
        let claim = door.claim()?;
        let mut head = http::Response::new(());
        let kind = http::HeaderValue::from_static(TEXT);
        head.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(Answer::Poll(head, Parked::Session(claim)))
    }

    /// The answer to a GET that waits where its connection has other requests.
    pub(super) fn piece(head: http::Response<()>, piece: Option<Bytes>) -> Response {
        match piece {
            Some(piece) => head.map(|()| reply::full(piece)),
            None => {
                let rejection = Rejection::SessionUnknown;
                reply::json(rejection.status(), rejection.to_json())
            }
        }
    }

    /// Brings what a POST holds to its session.
    async fn post(
        &self,
        request: Request<Incoming>,
        door: &Arc<Door>,
    ) -> Result<Response, Unserved> {
        let kind = request.headers().get(CONTENT_TYPE);
        // What the revision before this one sent its bytes as.
        if kind.is_some_and(|kind| kind == "application/octet-stream") {
            return Err(Rejection::BadRequest.into());
        }
        let most = self.context.rules().socketio.max_payload;
        let body = self.body(request.into_body(), most).await?;
        let terms = Terms {
            bytes: most,
            packets: PACKETS,
        };
        let Ok(items) = Item::all_of(&body, terms) else {
            door.misused(Misuse::Malformed);
            return Err(Rejection::BadRequest.into());
        };
        let patience = self.context.rules().timeouts.body;
        let posted = self.context.clock.timeout(patience, door.post(items)).await;
        match posted {
            Some(posted) => posted?,
            None => {
                let message = "the session takes nothing more now";
                let refusal = Refusal::new(Code::RateLimited, message).limit("messages");
                return Err(refusal.retry_after(come_back()).into());
            }
        }
        Ok(reply::whole(StatusCode::OK, HTML, "ok"))
    }
}

/// The original compresses nothing unless it is told to.
fn plain(handshake: Handshake) -> Handshake {
    Handshake {
        deflate: None,
        ..handshake
    }
}

fn granted(request: &mut Request<Incoming>, handshake: Handshake, to: Grantee) -> Answer {
    let is_tunnel = handshake.accept.is_none();
    let granted = Granted {
        to,
        tunnel: is_tunnel.then(|| hyper::upgrade::on(request)),
    };
    Answer::Stream(reply::switching(handshake), Box::new(granted))
}
