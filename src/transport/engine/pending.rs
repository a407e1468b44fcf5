//! Answers that come later, and hold up nothing meanwhile.

use std::pin::Pin;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;

use crate::model::code::{Code, Refusal};
use crate::session::{Answer, Input};
use crate::transport::publishing::Later;
use crate::wire::client::Ref;

use super::Engine;

/// Answers that may be due to one stream at the same time.
const DUE: usize = 64;

/// Answers that are due to a stream.
pub(super) type Pending = FuturesUnordered<Pin<Box<dyn Future<Output = Late> + Send>>>;

/// One that has come.
pub(super) struct Late {
    reference: Option<Ref>,
    answer: Answer,
    /// Where it goes, if not onto the stream.
    reply: Option<oneshot::Sender<Answer>>,
}

impl Engine {
    /// The message at hand is answered `later`, or now if that can be: what it does at once is done before the next message
    /// is looked at.
    pub(super) fn answer_later(
        &mut self,
        reference: Option<Ref>,
        mut later: Later,
    ) -> Option<Input> {
        let waker = self.seat.clone().into();
        if let Poll::Ready(answer) = later.as_mut().poll(&mut Cx::from_waker(&waker)) {
            return Some(Input::Answered { reference, answer });
        }
        let reply = self.reply.take();
        let late = async move {
            let answer = later.await;
            Late {
                reference,
                answer,
                reply,
            }
        };
        // What it waits for calls the seat, and then it is among those that are looked at.
        self.pending.get_or_insert_default().push(Box::pin(late));
        None
    }

    /// Whether one more answer may be due. That of a publish may be due for a minute.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn may_wait(&self) -> Result<(), Refusal> {
        let due = self.pending.as_ref().map_or(0, |pending| pending.len());
        if due < DUE {
            return Ok(());
        }
        let message = format!("{DUE} messages of this stream wait for their answers");
        let refusal = Refusal::new(Code::RateLimited, message).limit("messages");
        Err(refusal.retry_after(Duration::from_secs(1)))
    }

    /// An answer that was due and has come.
    pub(crate) fn late(&mut self) -> Option<Input> {
        let pending = self.pending.as_mut()?;
        let waker = self.seat.clone().into();
        match pending.poll_next_unpin(&mut Cx::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready(None) => {
                self.pending = None;
                None
            }
            Poll::Ready(Some(late)) => {
                self.reply = late.reply;
                Some(Input::Answered {
                    reference: late.reference,
                    answer: late.answer,
                })
            }
        }
    }
}
