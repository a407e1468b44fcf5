//! What a client tells the backend: on its way to the hook, and what the backend has done about it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::ingress::By;
use crate::lifecycle::random;
use crate::limit::Payer;
use crate::limit::counts::Counted;
use crate::model::code::{Code, Refusal};
use crate::model::decree::Whom;
use crate::model::event::Offer;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::trace::TraceParent;
use crate::session::Answer;
use crate::session::emits::Emission;
use crate::wire::client::Emit;
use crate::wire::control::{Ack, Envelope};
use crate::wire::hook::{About, Deed, Message, Reply};

use super::context::Context;
use super::publishing::acked;

/// How many messages of one principal that belong to no stream are at the backend at once: each holds one of the places of
/// the hook, and a stream holds one for all of its own.
const AT_ONCE: u32 = 16;
const SECOND: Duration = Duration::from_secs(1);

/// As far as it has come.
#[derive(Debug)]
pub enum Step {
    /// To its end: what the client is told, and whether its stream ends with it.
    Told {
        /// The answer.
        answer: Answer,
        /// Whether the stream ends.
        ends: bool,
    },
    /// To something that its own stream must do before what is left.
    Own(Own, Errand),
}

/// What a stream does because its backend says so.
#[derive(Debug, PartialEq, Eq)]
pub enum Own {
    /// It joins a room.
    Join(Room),
    /// It leaves a room.
    Leave(Room),
}

/// What is still to be done of what the backend wants.
#[derive(Debug)]
pub struct Errand {
    ack: Option<Json>,
    deeds: VecDeque<Deed>,
    /// Whether there is a stream of the sender's own.
    has_stream: bool,
    ends: bool,
}

/// Who emits, for the backend.
#[derive(Clone, Debug)]
pub struct Teller {
    /// Who.
    pub about: Arc<About>,
    /// The trace that its request is part of.
    pub trace: Option<TraceParent>,
}

impl Context {
    /// Tells the backend, or publishes, what `by` emits.
    pub async fn emit(
        &self,
        by: By<'_>,
        emission: Emission,
        teller: impl FnOnce() -> Teller + Send,
    ) -> Step {
        let emit = match emission {
            Emission::Publish { offer, is_granted } => {
                let answer = self.emitted(by, offer, is_granted).await;
                let ends = false;
                return Step::Told { answer, ends };
            }
            Emission::Tell(emit) => emit,
        };
        match self.tell(by, emit, teller).await {
            Ok(errand) => self.go_on(errand).await,
            Err(refusal) => refused(refusal),
        }
    }

    async fn emitted(&self, by: By<'_>, offer: Offer, is_granted: bool) -> Answer {
        if !is_granted {
            return self.publish(by, offer).await;
        }
        let (rooms, several) = (offer.rooms.clone(), offer.several);
        let accepted = match self.ingress.emit(by, offer).await {
            Ok(accepted) => accepted,
            Err(refusal) => return Answer::Refused(None, refusal),
        };
        Answer::Done(acked(accepted.published.position, rooms, several))
    }

    async fn tell(
        &self,
        by: By<'_>,
        emit: Emit,
        teller: impl FnOnce() -> Teller + Send,
    ) -> Result<Errand, Refusal> {
        let Emit { event, room, data } = emit;
        if !self.hooks.takes(&event) {
            let message = format!("nobody here takes {}", event.as_str());
            return Err(Refusal::new(Code::Unhandled, message));
        }
        let Teller { about, trace } = teller();
        let has_stream = about.stream.is_some();
        // Until it is answered.
        let _place = match about.stream {
            None => Some(self.place(by)?),
            Some(_) => None,
        };
        let question = Message {
            about,
            event,
            room,
            data,
            trace,
        };
        let Reply { ack, deeds } = self.hooks.message(question).await?;
        // It waits with its stream until the client takes it.
        let most = self.rules().event_bytes;
        if ack.as_ref().is_some_and(|ack| ack.as_bytes().len() > most) {
            return Err(too_large(&format!("`ack` has more than {most} bytes")));
        }
        Ok(Errand {
            ack,
            deeds: deeds.into(),
            has_stream,
            ends: false,
        })
    }

    /// A place at the backend for what belongs to no stream. Nobody knows when there is one: in a second or two.
    fn place(&self, by: By<'_>) -> Result<Counted, Refusal> {
        let payer = Payer::of(&by.access.principal, by.address);
        let place = self.limiter.question(payer, AT_ONCE);
        place.map_err(|full| full.retry_after(random::between(SECOND, 2 * SECOND)))
    }

    /// Does what is left, in order, as far as it can be done without the stream. What fails ends it, and what was done
    /// stays done.
    pub async fn go_on(&self, mut errand: Errand) -> Step {
        while let Some(deed) = errand.deeds.pop_front() {
            let done = match own(deed) {
                Theirs::Publish(offer) => self.publish_for_backend(offer).await,
                Theirs::Move(whom, room, joins) => {
                    self.move_streams(whom, room, joins).await.map(drop)
                }
                Theirs::End(whom) => self.disconnect_streams(&whom).await.map(drop),
                Theirs::This(_) if !errand.has_stream => Err(Refusal::new(
                    Code::BadRequest,
                    "the message belongs to no stream",
                )),
                Theirs::This(None) => {
                    errand.ends = true;
                    Ok(())
                }
                Theirs::This(Some(own)) => return Step::Own(own, errand),
            };
            if let Err(why) = done {
                return refused(undone(&why));
            }
        }
        let Errand { ack, ends, .. } = errand;
        let data = ack.map(|data| Box::new(Envelope(data.as_bytes().clone())));
        let ack = Ack {
            data,
            ..Ack::default()
        };
        let answer = Answer::Done(ack);
        Step::Told { answer, ends }
    }

    async fn publish_for_backend(&self, offer: Offer) -> Result<(), Refusal> {
        self.address(&offer.rooms).await?;
        self.publisher().publish_offer(offer).await.map(drop)
    }
}

/// A deed, by who does it.
enum Theirs {
    Publish(Offer),
    /// Other streams, or not only this one, join a room or leave it.
    Move(Whom, Room, bool),
    /// They end.
    End(Whom),
    /// This stream: it moves, or ends.
    This(Option<Own>),
}

fn own(deed: Deed) -> Theirs {
    match deed {
        Deed::Publish(offer) => Theirs::Publish(offer),
        Deed::Join { whom, room } => match whom {
            None => Theirs::This(Some(Own::Join(room))),
            Some(whom) => Theirs::Move(whom, room, true),
        },
        Deed::Leave { whom, room } => match whom {
            None => Theirs::This(Some(Own::Leave(room))),
            Some(whom) => Theirs::Move(whom, room, false),
        },
        Deed::Disconnect { whom } => whom.map_or(Theirs::This(None), Theirs::End),
    }
}

/// What the client is told of something that the backend wanted and that cannot be done: the fault is not its own.
pub(in crate::transport) fn undone(why: &Refusal) -> Refusal {
    if why.code == Code::Unavailable {
        return why.clone();
    }
    let detail = why.operator.as_deref().unwrap_or(&why.message);
    tracing::warn!(
        code = why.code.as_str(),
        detail,
        "what the message hook wants done cannot be done"
    );
    let message = "what the backend wants done about it cannot be done";
    Refusal::new(Code::HookFailed, message).operator(detail.to_owned())
}

/// The refusal of an answer that is larger than what a stream keeps for its client.
pub(super) fn too_large(detail: &str) -> Refusal {
    tracing::warn!(detail, "what a hook answers is too large");
    let message = "the backend answers more than a client is told";
    Refusal::new(Code::HookFailed, message).operator(detail)
}

fn refused(refusal: Refusal) -> Step {
    Step::Told {
        answer: Answer::Refused(None, refusal),
        ends: false,
    }
}
