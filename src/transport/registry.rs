//! The streams that cannot send, and the way to give them their clients' messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::auth::Access;
use crate::model::id::{Principal, StreamId};
use crate::session::Answer;
use crate::wire::client::{ClientMessage, Malformed};

/// Streams by name.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<HashMap<StreamId, Entry>>>);

struct Entry {
    principal: Principal,
    mailbox: mpsc::Sender<Posted>,
}

/// A message that came by another request, and where its answer goes.
pub struct Posted {
    /// The message.
    pub message: Result<ClientMessage, Malformed>,
    /// Whose credential came with it.
    pub by: Arc<Access>,
    /// The answer.
    pub reply: oneshot::Sender<Answer>,
}

/// A stream's place in the registry; it is given back when this is dropped.
pub struct Registration {
    registry: Registry,
    stream: StreamId,
    mailbox: mpsc::Receiver<Posted>,
}

impl Registry {
    /// Registers a stream.
    #[must_use]
    pub fn register(&self, stream: StreamId, principal: Principal) -> Registration {
        // One message at a time: each waits for its own answer.
        let (sender, mailbox) = mpsc::channel(1);
        self.lock().insert(
            stream.clone(),
            Entry {
                principal,
                mailbox: sender,
            },
        );
        Registration {
            registry: self.clone(),
            stream,
            mailbox,
        }
    }

    /// The way to a stream, for its own principal only; to anyone else it does not exist.
    #[must_use]
    pub fn find(&self, stream: &StreamId, principal: &Principal) -> Option<mpsc::Sender<Posted>> {
        let streams = self.lock();
        let entry = streams
            .get(stream)
            .filter(|entry| entry.principal == *principal)?;
        Some(entry.mailbox.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// The next message that somebody still waits for: whoever has given up was told so, and its message is not
    /// carried out behind its back. Dropping the future loses none.
    pub async fn next(&mut self) -> Posted {
        loop {
            match self.mailbox.recv().await {
                Some(posted) if posted.reply.is_closed() => {}
                Some(posted) => return posted,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.stream);
    }
}
