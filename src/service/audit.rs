//! What of requests goes into the audit log.

use std::sync::{Arc, OnceLock};

use http::{Method, Request};

use crate::auth::Access;
use crate::model::code::Refusal;
use crate::model::decree::Revocation;
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::telemetry::audit::{Asked, Event, Who, Why};
use crate::telemetry::metrics::labels::{Door, Route};
use crate::transport::audited::who;
use crate::transport::granted::{Grantee, Reception};

use super::{Answer, Connection, Service};

/// What the audit log knows of a request, kept for the case that it is refused.
pub(super) struct Presented {
    asked: Asked,
    method: Method,
    seen: Seen,
}

/// Whose request it is, once that is known. It travels with the request.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<Arc<Access>>>);

impl Seen {
    /// Notes that `request` is one of `access`.
    pub(super) fn note<B>(request: &Request<B>, access: &Arc<Access>) {
        if let Some(Self(whose)) = request.extensions().get() {
            // The first one that is found stays.
            let _ = whose.set(access.clone());
        }
    }
}

impl Service {
    /// What `request` presents; nothing where the log is off.
    pub(super) fn presented<B>(
        &self,
        request: &mut Request<B>,
        connection: &Connection,
    ) -> Option<Presented> {
        if !self.context.audit.is_on() {
            return None;
        }
        let seen = Seen::default();
        request.extensions_mut().insert(seen.clone());
        Some(Presented {
            asked: connection.asked(),
            method: request.method().clone(),
            seen,
        })
    }

    /// Records that a request was refused.
    pub(super) fn audit_refusal(
        &self,
        presented: Option<&Presented>,
        refusal: &Refusal,
        door: Door,
        route: Route,
    ) {
        let Some(presented) = presented else {
            return;
        };
        let who = presented.seen.0.get().map(|access| who(access));
        let event = event(who, refusal, door, route, &presented.method);
        self.context
            .audit
            .refused(Some(presented.asked), refusal, &event);
    }

    /// Records a refusal that is told on the stream that was asked for.
    pub(super) fn audit_answer(&self, presented: Option<&Presented>, answer: &Answer) {
        if let Answer::Stream(_, granted) = answer
            && let Grantee::Stream(native) = &granted.to
            && let Reception::Refused(refusal) = &native.reception
        {
            let door = Door::Stream(native.format.transport());
            self.audit_refusal(presented, refusal, door, Route::Stream);
        }
    }

    /// Records that events of one request were not published: a line for each code, however many they are.
    pub(super) fn audit_unpublished(
        &self,
        connection: &Connection,
        access: &Access,
        refusals: &[Refusal],
    ) {
        for (place, refusal) in refusals.iter().enumerate() {
            let same = |other: &&Refusal| other.code == refusal.code;
            if !refusals[..place].iter().any(|other| same(&other)) {
                let event = Event::PublishRefused {
                    stream: None,
                    who: Some(who(access)),
                    refusal,
                    events: refusals.iter().filter(same).count(),
                };
                let asked = Some(connection.asked());
                self.context.audit.refused(asked, refusal, &event);
            }
        }
    }

    /// Records that a client message was refused that came by a request, for `stream` or for none.
    pub(super) fn audit_message(
        &self,
        connection: &Connection,
        access: &Access,
        stream: Option<StreamId>,
        refusal: &Refusal,
        is_publish: bool,
    ) {
        let who = Some(who(access));
        let event = if is_publish {
            Event::PublishRefused {
                stream,
                who,
                refusal,
                events: 1,
            }
        } else {
            Event::MessageRefused {
                stream,
                who,
                refusal,
            }
        };
        let asked = Some(connection.asked());
        self.context.audit.refused(asked, refusal, &event);
    }

    /// Records what an operator has revoked.
    pub(super) fn audit_revocation(
        &self,
        connection: &Connection,
        access: &Access,
        what: &Revocation,
    ) {
        let by = Some(who(access));
        let event = Event::Revoked { by, what };
        self.context.audit.record(Some(connection.asked()), &event);
    }

    /// Records what an operator did.
    pub(super) fn audit_operator(
        &self,
        connection: &Connection,
        access: &Access,
        action: &'static str,
        subject: &str,
    ) {
        let by = Some(who(access));
        let event = Event::Admin {
            by,
            action,
            subject,
        };
        self.context.audit.record(Some(connection.asked()), &event);
    }
}

fn event<'a>(
    who: Option<Who<'a>>,
    refusal: &'a Refusal,
    door: Door,
    route: Route,
    method: &'a Method,
) -> Event<'a> {
    match (door, route) {
        (Door::Stream(transport), _) => Event::StreamRefused {
            stream: None,
            transport,
            dialect: Dialect::Native,
            who,
            why: Why::Told(refusal),
        },
        (Door::Http, Route::Events | Route::Publish) if method == Method::POST => {
            Event::PublishRefused {
                stream: None,
                who,
                refusal,
                events: 1,
            }
        }
        (Door::Http, _) => Event::RequestRefused {
            who,
            method: method.as_str(),
            route,
            refusal,
        },
    }
}
