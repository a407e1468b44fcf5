//! `GET /v1/stream`: the one stream URL.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use hyper::body::{Body as _, Incoming};

use crate::auth::Access;
use crate::model::code::{Advice, Code, Refusal};
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening, admit};
use crate::telemetry::metrics::labels::{Door, HttpVersion};
use crate::transport::context::come_back;
use crate::transport::format::Format;
use crate::transport::granted::{Granted, Reception};
use crate::transport::link::Hold;
use crate::transport::{long_poll, sse, websocket};
use crate::wire::encoding::Encoding;
use crate::wire::negotiate::{StreamRequest, transport};
use crate::wire::poll;
use crate::wire::query::Query;
use crate::wire::websocket::{Handshake, handshake};

use super::{Answer, Connection, Refused, Service, cors, reply, surplus};

impl Service {
    /// Opens a stream, or refuses it in the way that its transport's clients can bear.
    pub(super) async fn stream(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: Connection,
        origin: &cors::Origin,
    ) -> Result<Answer, Refused> {
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
    ) -> Result<Answer, Refusal> {
        match wanted.transport {
            Transport::WebSocket => {
                origin.check()?;
                let handshake = handshake(request.version(), request.headers())?;
                if !request.body().is_end_stream() {
                    let message = "a WebSocket's request has no body";
                    return Err(Refusal::new(Code::BadRequest, message));
                }
                let reception = self.websocket_reception(&request, query, &connection, &wanted);
                self.websocket(reception, request.version(), &wanted, handshake)
            }
            Transport::Sse => {
                let admitted = self.admitted(&request, query, &connection, &wanted);
                self.sse(admitted, request.version(), &wanted)
            }
            Transport::LongPoll => {
                let (access, admitted) = self.admitted(&request, query, &connection, &wanted)?;
                let encoding = Encoding::preferred(request.headers());
                let version = request.version().into();
                // What follows a body that nobody has read is no request.
                let may_leave = request.body().is_end_stream();
                drop(request);
                let hold = may_leave.then_some(&connection.hold);
                let answer = self.poll(&access, admitted, wanted.wait, version, hold);
                Ok(self.long(encoding, reply::JSON, answer.await?).await.into())
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

    /// `EventSource` dies for ever of any status but 200: what time can heal is told inside a stream.
    fn sse(
        &self,
        admitted: Result<(Arc<Access>, Admitted), Refusal>,
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
        let granted = Granted {
            reception,
            format: Format::Sse(style),
            version: version.into(),
        };
        Ok(Answer::Stream(reply::event_stream(), Box::new(granted)))
    }

    async fn poll(
        &self,
        access: &Access,
        admitted: Admitted,
        wait: Duration,
        version: HttpVersion,
        hold: Option<&Hold>,
    ) -> Result<Bytes, Refusal> {
        if admitted.rooms.is_empty() && admitted.gaps.is_empty() {
            let message = "name a room (?room=…): the role has none by default";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let meter = self.context.metrics.open(Transport::LongPoll, version);
        let answer = long_poll::answer(&self.context, access, admitted, wait, hold, meter).await;
        Ok(poll::to_json(&answer))
    }

    /// What concerns credentials, roles, rooms and load is said on the open socket, because browsers cannot
    /// read a refused upgrade.
    fn websocket(
        &self,
        reception: Result<Reception, Refusal>,
        version: Version,
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
        };
        let granted = Granted {
            reception,
            format: Format::WebSocket(style),
            version: version.into(),
        };
        Ok(Answer::Stream(
            reply::switching(handshake),
            Box::new(granted),
        ))
    }

    fn websocket_reception(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
        wanted: &StreamRequest,
    ) -> Result<Reception, Refusal> {
        self.has_room(connection)?;
        let opening = Opening::of(wanted);
        let Some(access) = self.access_if_any(request.headers(), query)? else {
            return Ok(Reception::Waiting(opening));
        };
        let admitted = admit(&access, &opening)?;
        Ok(Reception::Admitted(access, opening, admitted))
    }
}
