//! What clients and services publish: to the rooms of single streams too, and with confirmations that are waited for.

use std::pin::Pin;

use crate::bus::idempotency::Idempotency;
use crate::ingress::{Accepted, By};
use crate::model::code::Refusal;
use crate::model::event::Offer;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::session::Answer;
use crate::wire::control::Ack;

use super::context::Context;

/// The answer to a publish.
pub enum Answered {
    /// It is known.
    Now(Box<Answer>),
    /// The event is in the log, and confirmations are waited for.
    Later(Later),
}

/// An answer that comes later.
pub type Later = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Answered {
    fn now(answer: Answer) -> Self {
        Self::Now(Box::new(answer))
    }
}

/// The answer to who has published to `rooms`, which came as a list of `several` or not.
pub(super) fn acked(id: Option<Position>, rooms: Vec<Room>, several: bool) -> Ack {
    let (room, rooms) = if several {
        (None, Some(rooms))
    } else {
        (rooms.into_iter().next(), None)
    };
    Ack {
        id,
        room,
        rooms,
        ..Ack::default()
    }
}

impl Context {
    /// Publishes what `by` may publish. A stream that is addressed by its own room reads it before anything is appended; what
    /// was applied before is answered the same also when its stream has ended since.
    ///
    /// # Errors
    /// As [`crate::ingress::Ingress::publish`]; `unknown_stream`: the room is of a stream that is not open here.
    pub async fn accept(
        &self,
        by: By<'_>,
        offer: Offer,
        once: Option<Idempotency>,
    ) -> Result<Accepted, Refusal> {
        let own = offer.rooms.iter().filter(|room| room.is_of_a_stream());
        let own: Vec<Room> = own.cloned().collect();
        let addressed = self.address(&own);
        self.ingress.publish(by, offer, once, addressed).await
    }

    /// Publishes for a client message. The event is in the log when this returns, or never.
    pub async fn offer(&self, by: By<'_>, offer: Offer) -> Answered {
        let (rooms, several) = (offer.rooms.clone(), offer.several);
        let Accepted {
            published,
            awaiting,
        } = match self.accept(by, offer, None).await {
            Ok(accepted) => accepted,
            Err(refusal) => return Answered::now(Answer::Refused(None, refusal)),
        };
        let ack = acked(published.position, rooms, several);
        match awaiting {
            None => Answered::now(Answer::Done(ack)),
            Some(awaiting) => Answered::Later(Box::pin(async move {
                let confirmed = Some(Box::new(awaiting.ended().await));
                Answer::Done(Ack { confirmed, ..ack })
            })),
        }
    }

    /// Publishes for a client message, and answers it.
    pub async fn publish(&self, by: By<'_>, offer: Offer) -> Answer {
        match self.offer(by, offer).await {
            Answered::Now(answer) => *answer,
            Answered::Later(later) => later.await,
        }
    }
}
