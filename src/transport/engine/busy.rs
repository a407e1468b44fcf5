//! What a client waits for, before its next message is looked at.

use std::pin::Pin;
use std::task::{Context as Cx, Poll};

use tokio::sync::oneshot;

use crate::auth::credentials::Credential;
use crate::bus::Past;
use crate::bus::state::Told;
use crate::model::code::Refusal;
use crate::model::room::Room;
use crate::session::{Answer, Input};
use crate::transport::CREDIT;
use crate::transport::publishing::{Answered, Later};
use crate::wire::client::Ref;

use super::Engine;
use super::emitting::Emitting;
use super::inquiring::Inquiry;

/// What its client waits for, and where the answer to that goes, if not onto the stream. What happens meanwhile is answered
/// elsewhere.
pub(super) struct Held {
    pub(super) busy: Busy,
    pub(super) reply: Option<oneshot::Sender<Answer>>,
}

/// One thing that it waits for.
pub(super) enum Busy {
    /// A credential whose key is being fetched.
    Fetching {
        reference: Option<Ref>,
        credential: Result<Credential, Refusal>,
        fetch: Pin<Box<dyn Future<Output = ()> + Send>>,
    },
    /// A join whose past is longer than one step.
    Joining {
        reference: Option<Ref>,
        room: Room,
        past: Past,
        /// Whether what is live is read first: the newest of a room are to be all that there are.
        catches_up: bool,
        /// Whether the room was taken away meanwhile.
        is_barred: bool,
    },
    /// The state of some rooms, which is longer than one step: what is live comes behind it.
    Telling(Told),
    /// What the backend is told.
    Emitting(Emitting),
    /// What the backend is asked.
    Inquiring(Inquiry),
    /// A publish whose log answers later.
    Publishing {
        reference: Option<Ref>,
        answer: Pin<Box<dyn Future<Output = Answered> + Send>>,
    },
    /// A deed of a service that has many under way.
    Doing {
        reference: Option<Ref>,
        answer: Later,
    },
}

impl From<Busy> for Held {
    fn from(busy: Busy) -> Self {
        Self { busy, reply: None }
    }
}

impl Busy {
    /// Whether it is the backend that it waits for.
    pub(super) const fn is_asking(&self) -> bool {
        match self {
            Self::Emitting(_) | Self::Inquiring(_) => true,
            Self::Fetching { .. }
            | Self::Joining { .. }
            | Self::Telling(_)
            | Self::Publishing { .. }
            | Self::Doing { .. } => false,
        }
    }
}

impl Engine {
    /// Begins to wait for the answer to the message at hand, if it is not there at once.
    pub(super) fn begin(&mut self, busy: Busy) -> Option<Input> {
        self.go_on(Box::new(busy.into()), false)
    }

    /// The message at hand is answered later.
    pub(super) fn hold(&mut self, mut held: Box<Held>) {
        held.reply = self.reply.take();
        self.busy = Some(held);
    }

    /// The next step of a join.
    fn join_on(&mut self, mut held: Box<Held>) -> Option<Input> {
        let Busy::Joining {
            reference,
            room,
            past,
            catches_up,
            is_barred,
        } = &mut held.busy
        else {
            return None;
        };
        // Once: in a lively room there is always more, and that comes live.
        if std::mem::take(catches_up)
            && let Some(input) = self.read()
        {
            self.hold(held);
            return Some(input);
        }
        // A heartbeat reads between two steps, and may have read that rights have changed.
        if *is_barred || !self.session.may_subscribe(room) {
            return Some(Input::Barred {
                reference: reference.take(),
                room: room.clone(),
            });
        }
        let joining = self.past_of(room, *past, CREDIT)?;
        Some(Input::Joined {
            reference: reference.take(),
            room: room.clone(),
            joining,
            in_answer: false,
        })
    }

    /// A step of what the client waits for. A join's comes before what is live, because its answer ends it.
    pub(super) fn go_on(&mut self, mut held: Box<Held>, writable: bool) -> Option<Input> {
        match &mut held.busy {
            Busy::Inquiring(_) | Busy::Emitting(_) => return self.asked(held, writable),
            Busy::Joining { .. } if writable => return self.join_on(held),
            Busy::Joining { .. } => {}
            Busy::Telling(told) if writable => {
                let step = told.step(CREDIT.bytes);
                if !told.is_over() {
                    self.hold(held);
                }
                return Some(Input::State(step));
            }
            Busy::Telling(_) => {}
            Busy::Fetching {
                reference,
                credential,
                fetch,
            } => {
                let waker = self.seat.clone().into();
                if fetch.as_mut().poll(&mut Cx::from_waker(&waker)).is_ready() {
                    let verdict = self.authenticate(credential.clone());
                    return self.known(reference.take(), verdict);
                }
            }
            Busy::Doing { reference, answer } => {
                let waker = self.seat.clone().into();
                if let Poll::Ready(answer) = answer.as_mut().poll(&mut Cx::from_waker(&waker)) {
                    let reference = reference.take();
                    return Some(Input::Answered { reference, answer });
                }
            }
            Busy::Publishing { reference, answer } => {
                let waker = self.seat.clone().into();
                if let Poll::Ready(answer) = answer.as_mut().poll(&mut Cx::from_waker(&waker)) {
                    return self.published(reference.take(), answer);
                }
            }
        }
        let is_first = matches!(held.busy, Busy::Joining { .. } | Busy::Telling(_));
        self.hold(held);
        (writable && !is_first).then(|| self.read()).flatten()
    }
}
