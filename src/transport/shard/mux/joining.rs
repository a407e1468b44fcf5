//! Who joins a namespace: asked for by a CONNECT, let in or refused.

use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use crate::auth::Access;
use crate::model::code::Refusal;
use crate::model::dialect::Dialect;
use crate::model::json::Json;
use crate::session::admission::may_use;
use crate::session::{Input, Now, Session, ends_abruptly};
use crate::telemetry::audit::{Event, Why};
use crate::telemetry::metrics::labels::Door;
use crate::transport::audited::who;
use crate::transport::engine::{Engine, Output};
use crate::transport::shard::stream::{Round, Turn};
use crate::transport::socketio::admission::{Admission, Refused, admit};
use crate::transport::socketio::conversation::Conversation;
use crate::transport::socketio::settings::Space;
use crate::transport::socketio::style;
use crate::wire::control::Error;
use crate::wire::socketio::{Auth, Namespace, encoder};

use super::carrier::Carrier;
use super::more::Joining;
use super::{Found, Mux};

impl Mux {
    pub(super) fn is_joining(&self, namespace: &Namespace) -> bool {
        let rare = self.more.0.as_ref();
        rare.is_some_and(|rare| rare.joining.iter().any(|one| one.space.name == *namespace))
    }

    pub(super) fn forget(&mut self, namespace: &Namespace) {
        if let Some(rare) = &mut self.more.0 {
            rare.joining.retain(|one| one.space.name != *namespace);
        }
        self.more.tidy();
    }

    pub(super) fn connect(
        &mut self,
        namespace: &Namespace,
        auth: Option<Auth>,
        now: Now,
    ) -> Option<Turn> {
        if self.is_joining(namespace) {
            return self.misplaced("this namespace is being joined already");
        }
        if let Some(end) = self.charge(now) {
            return Some(end);
        }
        let settings = self.context.rules().socketio.clone();
        match settings.namespaces.get(namespace) {
            Some(space) => self.join(space.clone(), auth),
            None => self.say(|writer| {
                writer.message(|packet| {
                    encoder::connect_error(packet, namespace, encoder::INVALID_NAMESPACE, None);
                });
            }),
        }
        None
    }

    /// What is asked for by a CONNECT.
    fn join(&mut self, space: Arc<Space>, auth: Option<Auth>) {
        let asking = admit(
            self.context.clone(),
            self.origin.clone(),
            space.clone(),
            auth,
            self.transport(),
        );
        let joining = Joining {
            space,
            asking: Box::pin(asking),
        };
        self.more.0.get_or_insert_default().joining.push(joining);
    }

    /// Begins a conversation with who was let in.
    fn joined(
        &mut self,
        space: Arc<Space>,
        admission: Admission,
        round: &mut Round<'_>,
    ) -> Option<Turn> {
        let (transport, who) = (self.transport(), Some(admission.access.clone()));
        // A WebSocket may have come to carry it while it was let in.
        if let Err(refusal) = may_use(&admission.access, transport) {
            return self.refused(&space, Refused { who, refusal });
        }
        let (conversation, outputs) = match self.converse(space.clone(), admission, round) {
            Ok(begun) => begun,
            Err(refusal) => return self.refused(&space, Refused { who, refusal }),
        };
        if let Carrier::Polling(polled) = &self.carrier {
            polled.door.has_joined();
        }
        self.alone = None;
        let place = if self.first.is_none() {
            self.first = Some(conversation);
            0
        } else {
            let others = &mut self.more.0.get_or_insert_default().others;
            others.push(conversation);
            others.len()
        };
        self.more.tidy();
        self.tell(place, outputs)
    }

    /// The conversation of who was let in, and what it is told first. Whoever comes back leaves the rooms that were taken
    /// from it while it was let in.
    ///
    /// # Errors
    /// `disconnected`: it was ended meanwhile.
    fn converse(
        &self,
        space: Arc<Space>,
        admission: Admission,
        round: &mut Round<'_>,
    ) -> Result<(Conversation, Vec<Output>), Refusal> {
        let Admission {
            access,
            opening,
            admitted,
            caller,
            stream,
            back,
        } = admission;
        let (context, now, transport) = (self.context.clone(), round.now, self.transport());
        let seat = if self.first.is_none() {
            self.seat.clone()
        } else {
            round.branch()
        };
        let (settings, mut actions) = (context.rules().session.clone(), Vec::new());
        let session = Session::admitted(
            stream,
            settings,
            access,
            &opening,
            admitted,
            now,
            &mut actions,
        );
        let dialect = Dialect::SocketIo;
        let mut meter = context
            .metrics
            .open(transport, dialect, self.origin.version);
        let entry = context
            .audit
            .entry(caller.asked(), stream, transport, dialect);
        meter.audited(entry);
        let mut engine = Engine::new(context, session, seat, style::size, meter, caller);
        if opening.transport != transport {
            engine.is_carried_by(transport);
        }
        let mut outputs = engine.start(actions, now);
        let (kept, had) = back.map_or((None, Vec::new()), |back| (Some(back.kept), back.rooms));
        let mut conversation = Conversation::new(engine, space, self.carrier.transport(), kept);
        for room in conversation.missed(&had)?.into_iter().cloned() {
            let leaves = Input::Moved { room, joins: false };
            outputs.extend(conversation.engine.run(leaves, now));
        }
        Ok((conversation, outputs))
    }

    /// Whoever is let in, or not.
    pub(super) fn welcome(&mut self, round: &mut Round<'_>) -> Found {
        let waker = self.waker();
        let mut cx = Cx::from_waker(&waker);
        let Some(rare) = &mut self.more.0 else {
            return Found::Nothing;
        };
        let ready = rare
            .joining
            .iter_mut()
            .enumerate()
            .find_map(|(place, one)| match one.asking.as_mut().poll(&mut cx) {
                Poll::Ready(verdict) => Some((place, verdict)),
                Poll::Pending => None,
            });
        let Some((place, verdict)) = ready else {
            return Found::Nothing;
        };
        let Joining { space, .. } = rare.joining.remove(place);
        match verdict {
            Ok(admission) => self.joined(space, admission, round).into(),
            Err(refused) => self.refused(&space, refused).into(),
        }
    }

    /// Somebody is not let in: for good, or what carries it ends, so that the client comes back.
    pub(super) fn refused(&mut self, space: &Space, refused: Refused) -> Option<Turn> {
        let Refused { who, refusal } = refused;
        self.audit_refusal(who.as_deref(), &refusal);
        let door = Door::Stream(self.transport());
        self.context.metrics.refused(refusal.code, door);
        self.context.metrics.limited(&refusal);
        let detail = refusal.operator.as_deref().unwrap_or(&refusal.message);
        tracing::info!(peer = %self.origin.peer, code = refusal.code.as_str(), detail, "refused");
        let is_alone = self.conversations().next().is_none();
        self.more.tidy();
        if is_alone && ends_abruptly(refusal.code) {
            return self.close_carrier(refusal.code, &refusal.message);
        }
        self.connect_error(space, refusal);
        None
    }

    /// Records that somebody got no stream, and who, where that is known.
    fn audit_refusal(&self, access: Option<&Access>, refusal: &Refusal) {
        let event = Event::StreamRefused {
            stream: None,
            transport: self.transport(),
            dialect: Dialect::SocketIo,
            who: access.map(who),
            why: Why::Told(refusal),
        };
        let asked = Some(self.origin.asked());
        self.context.audit.refused(asked, refusal, &event);
    }

    /// Somebody is refused.
    pub(super) fn connect_error(&mut self, space: &Space, refusal: Refusal) {
        #[derive(serde::Serialize)]
        struct Data {
            #[serde(flatten)]
            error: Error,
            retryable: bool,
        }
        let retryable = ends_abruptly(refusal.code);
        let message = refusal.message.to_string();
        let error = Error::new(None, refusal);
        let data = Json::around(&Data { error, retryable });
        let name = space.name.clone();
        self.say(|writer| {
            writer.message(|packet| {
                encoder::connect_error(packet, &name, &message, Some(&data));
            });
        });
    }
}
