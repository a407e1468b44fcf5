//! `GET /v1/stream`: the one stream URL.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use tracing::Instrument as _;

use crate::auth::Access;
use crate::model::code::{Advice, Code, Refusal};
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening, admit};
use crate::telemetry::metrics::Meter;
use crate::telemetry::metrics::labels::{Door, HttpVersion};
use crate::transport::context::come_back;
use crate::transport::{long_poll, sse, websocket};
use crate::wire::encoding::Encoding;
use crate::wire::negotiate::{StreamRequest, transport};
use crate::wire::poll;
use crate::wire::query::Query;
use crate::wire::websocket::{Handshake, handshake};

use super::{Connection, Refused, Response, Service, cors, reply, surplus};

impl Service {
    /// Opens a stream, or refuses it in the way that its transport's clients can bear.
    pub(super) async fn stream(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: Connection,
        origin: &cors::Origin,
    ) -> Result<Response, Refused> {
        let (method, version, headers) = (request.method(), request.version(), request.headers());
        let wanted =
            StreamRequest::parse(method, version, headers, query).map_err(|refusal| Refused {
                refusal,
                door: transport(method, version, headers, query).map_or(Door::Http, Door::Stream),
            })?;
        let door = Door::Stream(wanted.transport);
        self.open(request, query, connection, origin, wanted)
            .await
            .map_err(|refusal| Refused { refusal, door })
    }

    async fn open(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: Connection,
        origin: &cors::Origin,
        wanted: StreamRequest,
    ) -> Result<Response, Refusal> {
        let version = request.version().into();
        match wanted.transport {
            Transport::WebSocket => {
                origin.check()?;
                let handshake = handshake(request.version(), request.headers())?;
                self.websocket(request, query, &connection, &wanted, handshake)
            }
            Transport::Sse => match self.admitted(&request, query, &connection, &wanted) {
                Ok((access, admitted)) => {
                    let meter = self.context.metrics.open(wanted.transport, version);
                    Ok(self.sse(access, &wanted, admitted, connection, meter))
                }
                Err(refusal) => self.refuse_event_source(refusal, &wanted, connection),
            },
            Transport::LongPoll => {
                let (access, admitted) = self.admitted(&request, query, &connection, &wanted)?;
                let encoding = Encoding::preferred(request.headers());
                drop(request);
                let answer = self.poll(&access, admitted, wanted.wait, version).await?;
                Ok(self.long(encoding, reply::JSON, answer).await)
            }
        }
    }

    /// Who may have what they want: load, credential, then transport and rooms.
    fn admitted(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
    ) -> Result<(Arc<Access>, Admitted), Refusal> {
        self.has_room(connection)?;
        let access = self.access(request.headers(), query)?;
        let admitted = admit(&access, &Opening::of(wanted))?;
        Ok((access, admitted))
    }

    fn has_room(&self, connection: &Connection) -> Result<(), Refusal> {
        if self.context.draining.has_begun() {
            let refusal = Refusal::new(Code::Draining, "the gateway is draining");
            return Err(refusal.retry_after(come_back()));
        }
        if connection.surplus {
            Err(surplus())
        } else {
            Ok(())
        }
    }

    fn sse(
        &self,
        access: Arc<Access>,
        wanted: &StreamRequest,
        admitted: Admitted,
        connection: Connection,
        meter: Meter,
    ) -> Response {
        let StreamRequest {
            raw,
            padding,
            quiet_heartbeat,
            ..
        } = *wanted;
        let style = sse::Style {
            raw,
            padding,
            quiet_heartbeat,
        };
        let opening = Opening::of(wanted);
        let context = self.context.clone();
        reply::event_stream(sse::stream(
            context,
            access,
            opening,
            admitted,
            style,
            connection.hold,
            meter,
        ))
    }

    /// `EventSource` dies for ever of any status but 200: what time can heal is told inside a stream.
    fn refuse_event_source(
        &self,
        refusal: Refusal,
        wanted: &StreamRequest,
        connection: Connection,
    ) -> Result<Response, Refusal> {
        if wanted.plain_refusals || refusal.code.row().advice != Advice::ComeBack {
            return Err(refusal);
        }
        self.count(&refusal, Door::Stream(wanted.transport));
        Ok(reply::event_stream(sse::refusal(
            self.context.clock.clone(),
            refusal,
            connection.hold,
        )))
    }

    async fn poll(
        &self,
        access: &Access,
        admitted: Admitted,
        wait: Duration,
        version: HttpVersion,
    ) -> Result<Bytes, Refusal> {
        if admitted.rooms.is_empty() && admitted.gaps.is_empty() {
            let message = "name a room (?room=…): the role has none by default";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let meter = self.context.metrics.open(Transport::LongPoll, version);
        let answer = long_poll::answer(&self.context, access, admitted, wait, meter).await;
        Ok(poll::to_json(&answer))
    }

    /// What concerns credentials, roles, rooms and load is said on the open socket, because browsers cannot
    /// read a refused upgrade.
    fn websocket(
        &self,
        mut request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
        handshake: Handshake,
    ) -> Result<Response, Refusal> {
        let reception = match self.websocket_reception(&request, query, connection, wanted) {
            Ok(reception) => reception,
            Err(refusal) if wanted.plain_refusals || refusal.code.row().close.is_none() => {
                return Err(refusal);
            }
            Err(refusal) => {
                self.count(&refusal, Door::Stream(wanted.transport));
                websocket::Reception::Refused(refusal)
            }
        };
        let upgrade = hyper::upgrade::on(&mut request);
        let context = self.context.clone();
        let terms = websocket::Terms {
            batch: wanted.batch,
            version: request.version().into(),
            given_up: connection.hold.given_up(),
        };
        let patience = self.patience.handshake;
        let stream = async move {
            if let Some(Ok(upgraded)) = context.clock.timeout(patience, upgrade).await {
                websocket::run(context, upgraded, reception, terms).await;
            }
        };
        self.context
            .tasks
            .spawn("websocket", stream.in_current_span());
        Ok(reply::switching(handshake))
    }

    fn websocket_reception(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
    ) -> Result<websocket::Reception, Refusal> {
        self.has_room(connection)?;
        let opening = Opening::of(wanted);
        let Some(access) = self.access_if_any(request.headers(), query)? else {
            return Ok(websocket::Reception::Waiting(opening));
        };
        let admitted = admit(&access, &opening)?;
        Ok(websocket::Reception::Admitted(access, opening, admitted))
    }
}
