//! What a client emits, while the backend thinks about it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use crate::auth::Access;
use crate::ingress::By;
use crate::limit::address::Address;
use crate::model::code::{Code, Refusal};
use crate::session::admission::too_many_rooms;
use crate::session::emits::Emission;
use crate::session::{Answer, Input};
use crate::transport::directory::may_be_joined;
use crate::transport::emit::{Own, Step, undone};
use crate::wire::client::Ref;

use super::Engine;
use super::busy::Busy;

/// A message on its way, and what is still to be done of its answer.
pub(super) struct Emitting {
    reference: Option<Ref>,
    step: Pin<Box<dyn Future<Output = Step> + Send>>,
}

impl Engine {
    /// Begins to tell the backend what its client emits.
    pub(super) fn emit(
        &mut self,
        reference: Option<Ref>,
        access: Arc<Access>,
        emission: Emission,
    ) -> Option<Input> {
        let (context, address) = (self.context.clone(), Address::of_peer(self.caller.peer));
        // The backend is told of the credential that the message came with: a stream lends nobody its role.
        let (own, line) = (access.clone(), self.line());
        let step = Box::pin(async move {
            let by = By {
                access: &access,
                address,
                is_counted: true,
            };
            context.emit(by, emission, move || line.teller(&own)).await
        });
        let emitting = Emitting { reference, step };
        self.begin(Busy::Emitting(emitting))
    }

    /// Goes on with it, and gives the next input; nothing while the backend thinks.
    pub(super) fn emitted(&mut self, emitting: &mut Emitting) -> Option<Input> {
        let waker = self.seat.clone().into();
        loop {
            let polled = emitting.step.as_mut().poll(&mut Cx::from_waker(&waker));
            let Poll::Ready(step) = polled else {
                return None;
            };
            let (answer, ends) = match step {
                Step::Told { answer, ends } => (answer, ends),
                Step::Own(own, errand) => match self.moved(own) {
                    Ok(input) => {
                        let context = self.context.clone();
                        emitting.step = Box::pin(async move { context.go_on(errand).await });
                        match input {
                            Some(input) => return Some(input),
                            None => continue,
                        }
                    }
                    Err(why) => (Answer::Refused(None, undone(&why)), false),
                },
            };
            let reference = emitting.reference.take();
            return Some(Input::Told {
                reference,
                answer,
                ends,
            });
        }
    }

    /// What its stream does because the backend says so; nothing where that is so already.
    fn moved(&self, own: Own) -> Result<Option<Input>, Refusal> {
        let Some(access) = self.session.access() else {
            return Err(Refusal::new(Code::UnknownStream, "the stream has ended"));
        };
        let (rooms, most) = (self.session.rooms(), access.role.limits.rooms_per_stream);
        let (room, joins) = match own {
            Own::Join(room) => (room, true),
            Own::Leave(room) => (room, false),
        };
        let is_there = rooms.contains(&room);
        if joins {
            may_be_joined(&room)?;
            if !is_there && rooms.len() >= most {
                return Err(too_many_rooms(most));
            }
        }
        Ok((is_there != joins).then_some(Input::Moved { room, joins }))
    }
}
