//! The threads that connections live on, each with the loop that writes their streams.

use std::io;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;

use crate::lifecycle::worker::Worker;
use crate::transport::context::Context;
use crate::transport::shard::Shard;

/// All of them. They end when this is dropped.
pub(super) struct Shards {
    homes: Box<[Home]>,
    next: AtomicUsize,
}

/// One thread, and the shard that runs there.
pub(super) struct Home {
    pub(super) worker: Worker,
    pub(super) shard: Arc<Shard>,
}

impl Shards {
    /// Starts so many of them; one for each processor where nothing is said.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(super) fn start(count: Option<usize>, context: &Arc<Context>) -> io::Result<Self> {
        let home = |number| {
            let shard = Shard::new(context.clone());
            let worker = Worker::start(format!("shard-{number}"), run(shard.clone(), number))?;
            Ok(Home { worker, shard })
        };
        let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let homes = (0..count.unwrap_or_else(processors).max(1))
            .map(home)
            .collect::<io::Result<_>>()?;
        Ok(Self {
            homes,
            next: AtomicUsize::new(0),
        })
    }

    /// The home of the next connection: each in turn.
    pub(super) fn next(&self) -> &Home {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.homes[turn % self.homes.len()]
    }
}

/// Runs a shard. Should its loop die of a fault of ours, its streams have ended with it, and their clients come back to
/// a new one.
async fn run(shard: Arc<Shard>, number: usize) {
    loop {
        if AssertUnwindSafe(shard.clone().run())
            .catch_unwind()
            .await
            .is_ok()
        {
            return;
        }
        tracing::error!(
            shard = number,
            "a shard died, and its streams have ended; it begins anew"
        );
    }
}
