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
use crate::session::{Answer, Input, Step};
use crate::transport::publishing::Answered;
use crate::wire::client::Ref;

use super::Engine;
use super::busy::Busy;
use super::inquiring::Inquiry;

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
        self.begin(Busy::Publishing { reference, answer })
    }

    /// Its event is in the log, or was refused.
    pub(super) fn published(&mut self, reference: Option<Ref>, answer: Answered) -> Option<Input> {
        match answer {
            Answered::Now(answer) => {
                let answer = *answer;
                Some(Input::Published { reference, answer })
            }
            Answered::Later(later) => self.answer_later(reference, later),
        }
    }

    /// What the backend has its stream do; its client is told its rooms anew where they change.
    pub(super) fn follow_step(&mut self, step: &Step) -> Option<Input> {
        let subscription = self.subscription.as_mut()?;
        let cursor = Some(subscription.cursor());
        match step {
            Step::Enter(room) => {
                subscription.enter(room, &self.session.access()?.principal);
                self.owe_if(self.caller.wishes.snapshot(), room);
                self.bar(room, false);
            }
            Step::Exit(room) => {
                subscription.leave(room);
                self.bar(room, true);
            }
            Step::Bar(room) => {
                self.bar(room, true);
                return None;
            }
        }
        Some(Input::Opened {
            cursor,
            gaps: Vec::new(),
            recovered: None,
        })
    }

    /// Whether the join of this room that its client waits for goes no further: it was asked before the room was taken
    /// away, unless that has been given again since.
    fn bar(&mut self, concerned: &Room, barred: bool) {
        if let Some(
            Busy::Joining {
                room, is_barred, ..
            }
            | Busy::Inquiring(Inquiry::Room {
                room, is_barred, ..
            }),
        ) = self.busy.as_mut().map(|held| &mut held.busy)
            && room == concerned
        {
            *is_barred = barred;
        }
    }

    /// Has something done to the streams of others: they may be in other loops, and this one goes on.
    pub(super) fn serve(
        &mut self,
        reference: Option<Ref>,
        access: Arc<Access>,
        deed: Deed,
    ) -> Option<Input> {
        let (context, asked) = (self.context.clone(), self.caller.asked());
        let done = Box::pin(async move { context.serve(&access, asked, deed).await });
        if self.may_wait().is_err() {
            // It is done in a moment: a service that is in a hurry is not refused, and waits for this one.
            let doing = Busy::Doing {
                reference,
                answer: done,
            };
            return self.begin(doing);
        }
        self.answer_later(reference, done)
    }

    /// Its client confirms an event that it may have read here; `with` another credential, where one came with the message.
    pub(super) fn confirm(&self, with: Option<&Access>, id: Position) -> Answer {
        let session = &self.session;
        let by = Confirmer {
            principal: session
                .access()
                .map_or("", |access| access.principal.name()),
            stream: Some(session.stream()),
        };
        let may_read = |room: &Room| session.may_confirm(with, room);
        match self.context.bus.confirm(id, by, may_read) {
            Ok(()) => Answer::done(None),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }
}
