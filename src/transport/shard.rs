//! A shard: the loop that writes. Each connection lives on one shard's thread, and each stream in its loop.
//!
//! A publish wakes the loop once, however many of its streams are in the room. The loop reads once for all streams that
//! are at the same place, encodes once for all of the same format, and writes all that has queued up for a socket in one
//! write. A socket that would block keeps its cursor and the bytes that it is in the middle of, and is called again when
//! it takes them.

mod ending;
mod prepared;
mod round;
mod stream;
mod timers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::bus::wake::Roster;

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
        let newcomer = Newcomer { io, granted, head };
        self.newcomers().push(newcomer);
        self.roster.wake();
    }

    /// The loop, for ever. It is to be run without tokio's budget, on the thread that the connections live on: it gives
    /// others their turns by itself.
    pub async fn run(self: Arc<Self>) {
        let mut streams = Streams::new(self);
        std::future::poll_fn(|cx| streams.round(cx)).await
    }

    fn newcomers(&self) -> MutexGuard<'_, Vec<Newcomer>> {
        self.newcomers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
