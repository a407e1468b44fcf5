//! `GET /v1/stream`: the one stream URL.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Version};
use hyper::body::{Body as _, Incoming};

use crate::auth::Access;
use crate::limit::Held;
use crate::model::code::{Advice, Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening};
use crate::telemetry::metrics::labels::Door;
use crate::transport::context::come_back;
use crate::transport::format::Format;
use crate::transport::granted::{Caller, Granted, Grantee, Native, Reception};
use crate::transport::long_poll::{self, Look};
use crate::transport::shard::Parked;
use crate::transport::wishes::Wishes;
use crate::transport::{sse, websocket};
use crate::wire::encoding::Encoding;
use crate::wire::negotiate::{StreamRequest, transport};
use crate::wire::poll;
use crate::wire::query::Query;
use crate::wire::websocket::{Handshake, handshake};

use super::caller::needed;
use super::route::Route;
use super::{Answer, Connection, Refused, Response, Service, cors, reply};

impl Service {
    /// Opens a stream, or refuses it in the way that its transport's clients can bear.
    pub(super) async fn stream(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        origin: &cors::Origin,
    ) -> Result<Answer, Refused> {
        let (method, version, headers) = (request.method(), request.version(), request.headers());
        let wanted =
            StreamRequest::parse(method, version, headers, query).map_err(|refusal| Refused {
                refusal,
                door: transport(method, version, headers, query).map_or(Door::Http, Door::Stream),
            })?;
        let door = Door::Stream(wanted.transport);
        let opened = self.open(request, query, connection, origin, wanted);
        opened.await.map_err(|refusal| Refused { refusal, door })
    }

    async fn open(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        origin: &cors::Origin,
        wanted: StreamRequest,
    ) -> Result<Answer, Refusal> {
        match wanted.transport {
            Transport::WebSocket => {
                origin.check()?;
                let (method, version) = (request.method(), request.version());
                let handshake = handshake(method, version, request.headers())?;
                if version != Version::HTTP_2 && !request.body().is_end_stream() {
                    let message = "a WebSocket's request has no body";
                    return Err(Refusal::new(Code::BadRequest, message));
                }
                let mut caller = self.caller(&request, connection, &wanted);
                let held = &mut caller.held;
                let access = self.visitor(&request, query, connection, &wanted, held);
                let reception = match access {
                    Ok(Some(access)) => {
                        let opening = Opening::of(&wanted);
                        let admitted = self
                            .context
                            .let_in(access, &opening, None, &mut caller)
                            .await;
                        admitted.map(|(access, admitted)| {
                            Reception::Admitted(access, opening, admitted)
                        })
                    }
                    Ok(None) => Ok(Reception::Waiting(Opening::of(&wanted))),
                    Err(refusal) => Err(refusal),
                };
                self.websocket(reception, caller, request, query, &wanted, handshake)
            }
            Transport::Sse => {
                let mut caller = self.caller(&request, connection, &wanted);
                let admitted = self
                    .admitted(&request, query, connection, &wanted, &mut caller)
                    .await;
                self.sse(admitted, caller, request.version(), &wanted)
            }
            Transport::LongPoll => {
                let mut caller = self.caller(&request, connection, &wanted);
                let admitted = self
                    .admitted(&request, query, connection, &wanted, &mut caller)
                    .await?;
                Box::pin(self.long_poll(admitted, caller.held, &request, &wanted)).await
            }
        }
    }

    /// Answers a poll at once, or lets it wait.
    async fn long_poll(
        &self,
        (access, admitted): (Arc<Access>, Admitted),
        held: Held,
        request: &Request<Incoming>,
        wanted: &StreamRequest,
    ) -> Result<Answer, Refusal> {
        if admitted.rooms.is_empty() && admitted.gaps.is_empty() {
            let message = "name a room (?room=…): the role has none by default";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let version = request.version().into();
        let encoding = Encoding::preferred(request.headers());
        // The answer to a HEAD has no body to wait for.
        let is_head = request.method() == Method::HEAD;
        let wait = if is_head { Duration::ZERO } else { wanted.wait };
        let metrics = &self.context.metrics;
        let meter = metrics.open(Transport::LongPoll, Dialect::Native, version);
        let head = reply::long(reply::JSON);
        let wishes = Wishes::of(wanted);
        match long_poll::look(
            &self.context,
            &access,
            admitted,
            wait,
            meter,
            (held, wishes),
        )? {
            Look::Answered(answer) => {
                let body = poll::to_json(&answer);
                Ok(self.fill(head, encoding, body).await.into())
            }
            Look::Waits(waiting) => {
                let style = long_poll::Style { encoding };
                Ok(Answer::Poll(head, Parked::Poll { waiting, style }))
            }
        }
    }

    /// The answer to a poll that waits where its connection has other requests; `head` is its beginning.
    pub async fn wait(&self, head: http::Response<()>, parked: Parked) -> Response {
        let (waiting, style) = match parked {
            Parked::Poll { waiting, style } => (waiting, style),
            Parked::Session(claim) => return Self::piece(head, claim.piece().await),
        };
        let body = poll::to_json(&waiting.answered(&self.context).await);
        Box::pin(self.fill(head, style.encoding, body)).await
    }

    /// Who may have what they want: load, address, credential, then transport and rooms, and the place of one more.
    async fn admitted(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
        caller: &mut Caller,
    ) -> Result<(Arc<Access>, Admitted), Refusal> {
        let visitor = self.visitor(request, query, connection, wanted, &mut caller.held)?;
        let access = visitor.ok_or_else(needed)?;
        let opening = Opening::of(wanted);
        self.context.let_in(access, &opening, None, caller).await
    }

    /// Whether one more can be let in. A poll with a cursor is no newcomer: its client is there, and waits for what is
    /// next as an open stream does.
    fn has_room(&self, connection: &Connection, wanted: &StreamRequest) -> Result<(), Refusal> {
        if self.context.draining.has_begun() {
            let refusal = Refusal::new(Code::Draining, "the gateway is draining");
            return Err(refusal.retry_after(come_back()));
        }
        connection.has_room()?;
        let goes_on = wanted.transport == Transport::LongPoll && wanted.start.is_resume();
        if !goes_on && self.context.is_full() {
            let refusal = Refusal::new(Code::Overloaded, "the gateway has no memory for more");
            return Err(refusal.limit("memory").retry_after(come_back()));
        }
        Ok(())
    }

    /// `EventSource` dies for ever of any status but 200: what time can heal is told inside a stream.
    fn sse(
        &self,
        admitted: Result<(Arc<Access>, Admitted), Refusal>,
        caller: Box<Caller>,
        version: Version,
        wanted: &StreamRequest,
    ) -> Result<Answer, Refusal> {
        let reception = match admitted {
            Ok((access, admitted)) => Reception::Admitted(access, Opening::of(wanted), admitted),
            Err(refusal)
                if wanted.plain_refusals || refusal.code.row().advice != Advice::ComeBack =>
            {
                return Err(refusal);
            }
            Err(refusal) => {
                self.count(&refusal, Door::Stream(wanted.transport));
                Reception::Refused(refusal)
            }
        };
        let style = sse::Style {
            raw: wanted.raw,
            padding: wanted.padding,
            quiet_heartbeat: wanted.quiet_heartbeat,
            chunked: version == Version::HTTP_11,
        };
        let native = Native {
            reception,
            format: Format::Sse(style),
            version: version.into(),
            caller,
        };
        let granted = Granted {
            to: Grantee::Stream(native),
            tunnel: None,
        };
        Ok(Answer::Stream(reply::event_stream(), Box::new(granted)))
    }

    /// What concerns credentials, roles, rooms and load is said on the open socket, because browsers cannot
    /// read a refused upgrade.
    fn websocket(
        &self,
        reception: Result<Reception, Refusal>,
        caller: Box<Caller>,
        mut request: Request<Incoming>,
        query: &Query,
        wanted: &StreamRequest,
        handshake: Handshake,
    ) -> Result<Answer, Refusal> {
        let reception = match reception {
            Ok(reception) => reception,
            Err(refusal) if wanted.plain_refusals || refusal.code.row().close.is_none() => {
                return Err(refusal);
            }
            Err(refusal) => {
                self.count(&refusal, Door::Stream(wanted.transport));
                Reception::Refused(refusal)
            }
        };
        let style = websocket::Style {
            batch: wanted.batch,
            echo: self.settings().echo && query.switch("echo")?,
            deflate: handshake.deflate,
        };
        let native = Native {
            reception,
            format: Format::WebSocket(style),
            version: request.version().into(),
            caller,
        };
        let granted = Granted {
            to: Grantee::Stream(native),
            tunnel: (request.version() == Version::HTTP_2)
                .then(|| hyper::upgrade::on(&mut request)),
        };
        Ok(Answer::Stream(
            reply::switching(handshake),
            Box::new(granted),
        ))
    }

    /// Who asks for a stream, if it says so: load, address, credential.
    fn visitor(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
        held: &mut Held,
    ) -> Result<Option<Arc<Access>>, Refusal> {
        self.has_room(connection, wanted)?;
        *held = self.context.arrive(connection.peer, wanted.transport)?;
        self.access_if_any(request, query)
    }
}

/// Whether this is the request for a WebSocket over HTTP/2: CONNECT with `:protocol` (RFC 8441 §4).
pub(super) fn is_tunnel(route: &Route, request: &Request<Incoming>) -> bool {
    let protocol = request.extensions().get::<hyper::ext::Protocol>();
    matches!(route, Route::Stream | Route::SocketIo)
        && request.method() == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
}
