//! `POST /v1/messages`: client messages for a stream that cannot send.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::auth::Access;
use crate::bus::confirmations::Confirmer;
use crate::limit::Payer;
use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::session::Answer;
use crate::session::deed::Deed;
use crate::telemetry::metrics::labels::Door;
use crate::transport::registry::Posted;
use crate::transport::voice::Line;
use crate::wire::client::{ClientMessage, Malformed, Want};
use crate::wire::control::Control;
use crate::wire::query::Query;

use super::{Connection, Response, Service, reply};

/// How long a stream may take to answer, beyond what the message itself waits for; it answers at once, and nobody waits
/// for ever should that be wrong.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where it may ask the backend first, which may take half a minute.
const BACKEND: Duration = Duration::from_secs(40);

impl Service {
    /// Carries out one message, and answers it in the response.
    pub(super) async fn message(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let access = self.access(&request, query)?;
        let line = self.line(&request, Transport::LongPoll, None);
        let body = self
            .body(request.into_body(), self.context.rules().message_bytes())
            .await?;
        let access = self.still(&access)?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| Refusal::new(Code::InvalidUtf8, "a message is UTF-8"))?;
        let message = ClientMessage::parse(text);
        let is_publish = message.as_ref().is_ok_and(ClientMessage::is_publish);
        let patience = self.patience(&message);
        let answer = match query.get("stream") {
            Some(stream) => {
                let streams = &self.context.streams;
                let mailbox = StreamId::from_client(stream)
                    .and_then(|stream| streams.find(stream, &access.principal));
                let mailbox = mailbox.ok_or_else(|| {
                    Refusal::new(
                        Code::UnknownStream,
                        "no stream of this name and principal is open here",
                    )
                })?;
                let (reply, answer) = oneshot::channel();
                mailbox.post(Posted {
                    message,
                    by: access.clone(),
                    reply,
                })?;
                // A stream that ends drops what waits for it, and whoever holds its mailbox last.
                drop(mailbox);
                match self.context.clock.timeout(patience, answer).await {
                    Some(Ok(answer)) => answer,
                    Some(Err(_)) => {
                        return Err(Refusal::new(
                            Code::UnknownStream,
                            "the stream has just ended",
                        ));
                    }
                    None => {
                        return Err(Refusal::new(Code::Timeout, "the stream does not answer"));
                    }
                }
            }
            None => match message {
                Ok(message) => {
                    self.without_stream(&access, connection, message, &line)
                        .await
                }
                Err(malformed) => Answer::Refused(malformed.reference, *malformed.refusal),
            },
        };
        if let Answer::Refused(_, refusal) = &answer {
            self.count(refusal, Door::Http);
            let stream = query.get("stream").and_then(StreamId::from_client);
            self.audit_message(connection, &access, stream, refusal, is_publish);
        }
        Ok(told(answer))
    }

    /// How long the answer to it may take.
    fn patience(&self, message: &Result<ClientMessage, Malformed>) -> Duration {
        let waits = message
            .as_ref()
            .map_or(Duration::ZERO, ClientMessage::waits);
        let stream = if self.context.hooks.is_any() {
            BACKEND
        } else {
            PATIENCE
        };
        stream + waits
    }

    /// What needs no stream: a poller publishes so.
    async fn without_stream(
        &self,
        access: &Arc<Access>,
        connection: &Connection,
        message: ClientMessage,
        line: &Line,
    ) -> Answer {
        let ClientMessage { reference, want } = message;
        let kind = want.kind();
        let serve = async |deed: Deed| {
            let counted = || self.counted(access, connection, kind);
            match deed
                .allowed(access)
                .and_then(|deed| counted().map(|()| deed))
            {
                Ok(deed) => self.context.serve(access, connection.asked(), deed).await,
                Err(refusal) => Answer::Refused(None, refusal),
            }
        };
        let answer = match want {
            Want::Publish(offer) => self.context.publish(connection.by(access), offer).await,
            Want::Ping => Answer::done(None),
            Want::Presence { room } => self.context.seen(line, access, room).await,
            Want::Confirm { id } => match self.counted(access, connection, kind) {
                Ok(()) => self.confirm(access, id),
                Err(refusal) => Answer::Refused(None, refusal),
            },
            Want::Join { whom, room } => serve(Deed::join(whom, room)).await,
            Want::Leave { whom, room } => serve(Deed::leave(whom, room)).await,
            Want::Disconnect { whom } => serve(Deed::Disconnect(whom)).await,
            Want::List(which) => serve(Deed::List(which)).await,
            Want::Emit(emit) => self.emit(access, connection, emit, line).await,
            Want::Subscribe { .. } | Want::Unsubscribe { .. } | Want::Auth { .. } => {
                let message = "this message is for a stream: name it with ?stream=…; a poll changes its rooms by its next GET";
                Answer::Refused(None, Refusal::new(Code::BadRequest, message))
            }
        };
        answer.with_reference(reference)
    }
}

impl Service {
    /// Whether as many messages of this type may come. A publish is counted by the name of its event.
    fn counted(&self, access: &Access, connection: &Connection, kind: &str) -> Result<(), Refusal> {
        let payer = Payer::of(&access.principal, connection.by(access).address);
        let now = self.context.clock.now();
        let limits = &access.role.events;
        self.context.limiter.event(payer, kind, limits, now)
    }

    /// A client without a stream, one that polls, confirms an event that it may have read.
    fn confirm(&self, access: &Access, id: Position) -> Answer {
        let by = Confirmer {
            principal: access.principal.name(),
            stream: None,
        };
        let may_read = |room: &Room| access.may_subscribe(room);
        match self.context.bus.confirm(id, by, may_read) {
            Ok(()) => Answer::done(None),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }
}

fn told(answer: Answer) -> Response {
    match answer {
        Answer::Done(ack) => reply::json(StatusCode::OK, Control::Ack(Box::new(ack)).to_json()),
        Answer::Refused(reference, refusal) => reply::answer_refused(&refusal, reference.as_ref()),
    }
}
