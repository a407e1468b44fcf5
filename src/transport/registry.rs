//! The streams that cannot send, and the way to give them their clients' messages.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::id::{Principal, StreamId};
use crate::session::Answer;
use crate::wire::client::{ClientMessage, Malformed};

/// Messages that may wait for one stream: each is answered before the next is looked at.
const WAITING: usize = 32;

/// Streams by name.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<HashMap<StreamId, Arc<Mailbox>>>>);

/// A message that came by another request, and where its answer goes.
pub struct Posted {
    /// The message.
    pub message: Result<ClientMessage, Malformed>,
    /// Whose credential came with it.
    pub by: Arc<Access>,
    /// The answer.
    pub reply: oneshot::Sender<Answer>,
}

/// What waits for one stream.
pub struct Mailbox {
    /// Whose stream it is.
    principal: Principal,
    waiting: Mutex<VecDeque<Posted>>,
    stream: Waker,
}

/// A stream's place in the registry; it is given back when this is dropped.
pub struct Registration {
    registry: Registry,
    stream: StreamId,
    mailbox: Arc<Mailbox>,
}

impl Registry {
    /// Registers a stream, which `waker` wakes when there is a message for it.
    #[must_use]
    pub fn register(&self, stream: StreamId, principal: Principal, waker: Waker) -> Registration {
        let mailbox = Arc::new(Mailbox {
            principal,
            waiting: Mutex::default(),
            stream: waker,
        });
        lock(&self.0).insert(stream, mailbox.clone());
        Registration {
            registry: self.clone(),
            stream,
            mailbox,
        }
    }

    /// The way to a stream, for its own principal only; to anyone else it does not exist.
    #[must_use]
    pub fn find(&self, stream: StreamId, principal: &Principal) -> Option<Arc<Mailbox>> {
        let streams = lock(&self.0);
        let mailbox = streams.get(&stream);
        mailbox
            .filter(|mailbox| mailbox.principal == *principal)
            .cloned()
    }
}

impl Mailbox {
    /// Gives the stream a message.
    ///
    /// # Errors
    /// Too many wait already.
    pub fn post(&self, posted: Posted) -> Result<(), Refusal> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.len() >= WAITING {
                let refusal =
                    Refusal::new(Code::RateLimited, "too many messages wait for this stream");
                return Err(refusal
                    .limit("messages")
                    .retry_after(Duration::from_secs(1)));
            }
            waiting.push_back(posted);
        }
        self.stream.wake_by_ref();
        Ok(())
    }
}

impl Registration {
    /// The next message that somebody still waits for: whoever has given up was told so, and its message is not
    /// carried out behind its back.
    #[must_use]
    pub fn next(&self) -> Option<Posted> {
        let mut waiting = lock(&self.mailbox.waiting);
        std::iter::from_fn(|| waiting.pop_front()).find(|posted| !posted.reply.is_closed())
    }
}

impl Drop for Registration {
    /// Whoever waits for an answer is told by its sender's end.
    fn drop(&mut self) {
        lock(&self.registry.0).remove(&self.stream);
        lock(&self.mailbox.waiting).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
