//! The threads that connections live on, each with the loop that writes their streams.

use std::io;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::lifecycle::clock::Clock;
use crate::lifecycle::worker::Worker;
use crate::transport::context::Context;
use crate::transport::shard::Shard;

/// How often a shard's thread says that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// So many beats that did not come, and the thread hangs: it does nothing that takes as much as one.
const MISSED: u32 = 5;

/// All of them. They end when this is dropped.
pub(super) struct Shards {
    homes: Box<[Home]>,
    next: AtomicUsize,
}

/// One thread, and the shard that runs there.
pub(super) struct Home {
    pub(super) worker: Worker,
    pub(super) shard: Arc<Shard>,
    pulse: Arc<Pulse>,
}

/// Whether a thread lives.
#[derive(Default)]
struct Pulse {
    beats: AtomicU64,
    hangs: AtomicBool,
}

impl Shards {
    /// Starts so many of them; one for each processor where nothing is said.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(super) fn start(count: Option<usize>, context: &Arc<Context>) -> io::Result<Self> {
        let home = |number| {
            let shard = Shard::new(context.clone());
            let pulse = Arc::new(Pulse::default());
            let (running, beating) = (shard.clone(), pulse.clone());
            let life = async move {
                tokio::select! {
                    () = again(number, || running.clone().run()) => {}
                    () = beat(&beating) => {}
                }
            };
            let worker = Worker::start(format!("shard-{number}"), life)?;
            Ok(Home {
                worker,
                shard,
                pulse,
            })
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

    /// The home of the next connection: each in turn that does not hang.
    pub(super) fn next(&self) -> &Home {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let hangs = |number: usize| self.homes[number].pulse.hangs.load(Ordering::Relaxed);
        &self.homes[whose(turn, self.homes.len(), hangs)]
    }

    /// Looks after them, for ever: a thread that hangs is reported, and gets no new connections until it is back. In
    /// real time, whatever the gateway's clock says: it is the thread that is looked at.
    pub(super) async fn watch(&self) {
        let clock = Clock::system();
        let mut seen = vec![(0, 0); self.homes.len()];
        loop {
            clock.sleep(BEAT).await;
            for (number, (home, (before, missed))) in self.homes.iter().zip(&mut seen).enumerate() {
                let beats = home.pulse.beats.load(Ordering::Relaxed);
                *missed = if beats == *before { *missed + 1 } else { 0 };
                *before = beats;
                let hangs = *missed >= MISSED;
                if home.pulse.hangs.swap(hangs, Ordering::Relaxed) != hangs {
                    report(number, hangs);
                }
            }
        }
    }
}

/// The first of `count` from this `turn` on that does not hang; where all do, it matters no more.
fn whose(turn: usize, count: usize, hangs: impl Fn(usize) -> bool) -> usize {
    let mut turns = (0..count).map(|more| turn.wrapping_add(more) % count);
    turns.find(|one| !hangs(*one)).unwrap_or(turn % count)
}

fn report(shard: usize, hangs: bool) {
    if hangs {
        tracing::error!(
            shard,
            "a shard's thread hangs: its connections wait, and it gets no new ones"
        );
    } else {
        tracing::warn!(shard, "a shard's thread that hung goes on");
    }
}

async fn beat(pulse: &Pulse) {
    let clock = Clock::system();
    loop {
        clock.sleep(BEAT).await;
        pulse.beats.fetch_add(1, Ordering::Relaxed);
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
    fn each_has_its_turn_and_one_that_hangs_has_none_while_another_does_not() {
        let turns = |hang: &[usize]| {
            (0..4)
                .map(|turn| whose(turn, 3, |one| hang.contains(&one)))
                .collect::<Vec<_>>()
        };
        assert_eq!(turns(&[]), [0, 1, 2, 0]);
        assert_eq!(turns(&[1]), [0, 2, 2, 0]);
        assert_eq!(turns(&[0, 1, 2]), [0, 1, 2, 0]);
    }
}
