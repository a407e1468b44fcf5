//! What a client has done: it publishes, confirms, or is a service that does something to the streams of others.

use std::sync::Arc;

use crate::auth::Access;
use crate::bus::confirmations::Confirmer;
use crate::ingress::By;
use crate::limit::address::Address;
use crate::model::event::Offer;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::session::deed::Deed;
use crate::session::{Answer, Input};
use crate::wire::client::Ref;

use super::{Busy, Engine};

impl Engine {
    /// Publishes. The next message waits until the event is in the log, and for no confirmation.
    pub(super) fn publish(
        &mut self,
        reference: Option<Ref>,
        access: Arc<Access>,
        offer: Offer,
    ) -> Option<Input> {
        if offer.awaited.is_some()
            && let Err(refusal) = self.may_wait()
        {
            let answer = Answer::Refused(None, refusal);
            return Some(Input::Published { reference, answer });
        }
        let (context, address) = (self.context.clone(), Address::of_peer(self.caller.peer));
        let answer = Box::pin(async move {
            let by = By {
                access: &access,
                address,
                is_counted: true,
            };
            context.offer(by, offer).await
        });
        self.go_on(Box::new(Busy::Publishing { reference, answer }), false)
    }

    /// Has something done to the streams of others: they may be in other loops, and this one goes on.
    pub(super) fn serve(
        &mut self,
        reference: Option<Ref>,
        access: Arc<Access>,
        deed: Deed,
    ) -> Option<Input> {
        if let Err(refusal) = self.may_wait() {
            let answer = Answer::Refused(None, refusal);
            return Some(Input::Answered { reference, answer });
        }
        let (context, asked) = (self.context.clone(), self.caller.asked());
        let done = async move { context.serve(&access, asked, deed).await };
        self.answer_later(reference, Box::pin(done));
        self.late()
    }

    /// Its client confirms an event that it may have read here.
    pub(super) fn confirm(&self, id: Position) -> Answer {
        let (session, stream) = (&self.session, self.session.stream());
        let by = Confirmer {
            principal: session
                .access()
                .map_or("", |access| access.principal.name()),
            stream: Some(stream),
        };
        let may_read = |room: &Room| session.may_subscribe(room) || room.stream() == Some(stream);
        match self.context.bus.confirm(id, by, may_read) {
            Ok(()) => Answer::done(None),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }
}
