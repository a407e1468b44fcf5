//! A shard: the loop that writes. Each connection lives on one shard's thread, and each stream in its loop.
//!
//! A publish wakes the loop once, however many of its streams are in the room. The loop reads once for all streams that
//! are at the same place, encodes once for all of the same format, and writes all that has queued up for a socket in one
//! write. A socket that would block keeps its cursor and the bytes that it is in the middle of, and is called again when
//! it takes them.

mod ear;
mod ending;
mod prepared;
mod round;
mod stream;
mod timers;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::unconstrained;

use crate::bus::wake::Roster;
use crate::lifecycle::tasks::Guest;

use super::context::Context;
use super::granted::Granted;
use round::Streams;

/// The bytes of a connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One shard, for whoever gives it streams.
pub struct Shard {
    context: Arc<Context>,
    roster: Arc<Roster>,
    newcomers: Mutex<Vec<Newcomer>>,
}

/// A stream that was granted, with its connection.
struct Newcomer {
    io: Box<dyn Io>,
    granted: Granted,
    /// What goes before it: the response's head.
    head: Vec<u8>,
    /// A drain waits for it from the moment that its request is answered.
    guest: Guest,
}

impl Shard {
    /// A shard whose loop is still to be run.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Arc<Self> {
        let roster = Arc::new(Roster::default());
        context.bus.enlist(roster.clone());
        Arc::new(Self {
            context,
            roster,
            newcomers: Mutex::default(),
        })
    }

    /// Gives the shard a stream that was granted, and its connection; `head` is written first.
    pub fn adopt(&self, io: Box<dyn Io>, granted: Granted, head: Vec<u8>) {
        let guest = self
            .context
            .tasks
            .guest(granted.format.transport().as_str());
        let newcomer = Newcomer {
            io,
            granted,
            head,
            guest,
        };
        self.newcomers().push(newcomer);
        self.roster.wake();
    }

    /// The loop, for ever, on the thread that the connections live on.
    pub async fn run(self: Arc<Self>) {
        let mut streams = Streams::new(self);
        // It gives others their turns by itself. tokio's budget is for one stream: when it ran out, the sockets of all
        // that come later in the round would look blocked.
        unconstrained(poll_fn(|cx| streams.round(cx))).await
    }

    fn newcomers(&self) -> MutexGuard<'_, Vec<Newcomer>> {
        self.newcomers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
