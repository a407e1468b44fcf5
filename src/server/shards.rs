//! The threads that connections live on, each with the loop that writes their streams.

use std::io;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::lifecycle::clock::Clock;
use crate::lifecycle::hanging::Hanging;
use crate::lifecycle::worker::Worker;
use crate::telemetry::metrics::Pulse;
use crate::transport::context::Context;
use crate::transport::shard::Shard;

use super::settings::Watch;
use super::socket::{Raw, Socket};
use super::tenants::Tenants;

/// All of them. They end when this is dropped.
pub(super) struct Shards {
    homes: Box<[Home]>,
    next: AtomicUsize,
    watch: Watch,
    hanging: Hanging,
}

/// One thread, the shard that runs there, and the connections that live there.
pub(super) struct Home {
    pub(super) worker: Worker,
    pub(super) shard: Arc<Shard>,
    tenants: Arc<Tenants>,
    beats: Arc<AtomicU64>,
}

impl Home {
    /// Takes a connection in, before the thread knows of it: one that is handed over in the moment in which the thread
    /// hangs is on the list too.
    pub(super) fn open(&self, raw: Raw) -> io::Result<Socket> {
        let _there = self.worker.enter();
        Socket::open(raw, &self.tenants)
    }
}

impl Shards {
    /// Starts so many of them; one for each processor where nothing is said.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(super) fn start(
        count: Option<usize>,
        watch: Watch,
        context: &Arc<Context>,
    ) -> io::Result<Self> {
        let home = |number| {
            let shard = Shard::new(context.clone());
            let beats = Arc::new(AtomicU64::new(0));
            let (running, beating) = (shard.clone(), beats.clone());
            let pulse = shard.pulse().clone();
            let life = async move {
                tokio::select! {
                    () = again(number, || running.clone().run()) => {}
                    () = beat(&beating, &pulse, watch.beat) => {}
                }
            };
            let worker = Worker::start(format!("shard-{number}"), life)?;
            Ok(Home {
                worker,
                shard,
                tenants: Arc::default(),
                beats,
            })
        };
        let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let homes = (0..count.unwrap_or_else(processors).max(1))
            .map(home)
            .collect::<io::Result<_>>()?;
        Ok(Self {
            homes,
            next: AtomicUsize::new(0),
            watch,
            hanging: context.hanging.clone(),
        })
    }

    /// How many threads there are.
    pub(super) const fn count(&self) -> usize {
        self.homes.len()
    }

    /// The home of the next connection: each in turn that does not hang. None where all do.
    pub(super) fn next(&self) -> Option<&Home> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let number = whose(turn, self.homes.len(), |one| self.hanging.has(one))?;
        Some(&self.homes[number])
    }

    /// Looks after them, for ever. In real time, whatever the gateway's clock says: it is the thread that is looked at.
    pub(super) async fn watch(&self) {
        let clock = Clock::system();
        let mut seen = vec![Seen::default(); self.homes.len()];
        loop {
            clock.sleep(self.watch.beat).await;
            for (number, (home, seen)) in self.homes.iter().zip(&mut seen).enumerate() {
                let missed = seen.look(home.beats.load(Ordering::Relaxed));
                let hangs = missed >= self.watch.missed.max(2);
                match (self.hanging.has(number), hangs) {
                    (false, true) => self.hangs(number).await,
                    (true, false) => self.goes_on(number),
                    (true, true) | (false, false) => {}
                }
            }
        }
    }

    /// A thread hangs: it gets no new connections, and those that it has are ended, because it cannot do so itself.
    /// Their clients would wait for as long as it hangs, and come back to another instead.
    async fn hangs(&self, shard: usize) {
        self.hanging.begin(shard);
        let connections = self.homes[shard].tenants.close().await;
        tracing::error!(
            shard,
            connections,
            "a shard's thread hangs: its connections were ended, and it gets no new ones"
        );
    }

    /// It is open before it is chosen again.
    fn goes_on(&self, shard: usize) {
        self.homes[shard].tenants.open();
        self.hanging.end(shard);
        tracing::warn!(shard, "a shard's thread that hung goes on");
    }
}

/// What was seen of a thread.
#[derive(Clone, Default)]
struct Seen {
    beats: u64,
    missed: u32,
}

impl Seen {
    /// How often in a row there were no more `beats` than before.
    fn look(&mut self, beats: u64) -> u32 {
        let is_new = beats != self.beats;
        self.missed = if is_new { 0 } else { self.missed + 1 };
        self.beats = beats;
        self.missed
    }
}

/// The first of `count` from this `turn` on that does not hang.
fn whose(turn: usize, count: usize, hangs: impl Fn(usize) -> bool) -> Option<usize> {
    let mut turns = (0..count).map(|more| turn.wrapping_add(more) % count);
    turns.find(|one| !hangs(*one))
}

async fn beat(beats: &AtomicU64, pulse: &Pulse, span: Duration) {
    let clock = Clock::system();
    loop {
        let due = clock.now() + span;
        clock.sleep_until(due).await;
        pulse.late(clock.now().since(due));
        beats.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs a shard. Should its loop die of a fault of ours, its streams have ended with it, and their clients come back to
/// a new one.
async fn again<F: Future<Output = ()>>(shard: usize, life: impl Fn() -> F) {
    while AssertUnwindSafe(life()).catch_unwind().await.is_err() {
        tracing::error!(
            shard,
            "a shard died, and its streams have ended; it begins anew"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_shard_that_dies_begins_anew() {
        let lives = Cell::new(0);
        again(0, || async {
            lives.set(lives.get() + 1);
            assert!(lives.get() > 2, "a fault of ours");
        })
        .await;
        assert_eq!(lives.get(), 3);
    }

    #[test]
    fn each_has_its_turn_and_one_that_hangs_has_none() {
        let turns = |hang: &[usize]| {
            (0..4)
                .map(|turn| whose(turn, 3, |one| hang.contains(&one)))
                .collect::<Vec<_>>()
        };
        assert_eq!(turns(&[]), [0, 1, 2, 0].map(Some));
        assert_eq!(turns(&[1]), [0, 2, 2, 0].map(Some));
        assert_eq!(turns(&[0, 1, 2]), [None; 4]);
    }

    #[test]
    fn only_beats_that_are_missed_in_a_row_count() {
        let mut seen = Seen::default();
        let missed = [1, 1, 1, 2, 4, 4].map(|beats| seen.look(beats));
        assert_eq!(missed, [0, 1, 2, 0, 0, 1]);
    }
}
