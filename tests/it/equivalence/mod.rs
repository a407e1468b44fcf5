//! Equivalence: every client, on whatever transport and however often cut, ends with the same list of events, or
//! with a gap that covers exactly what is missing (DESIGN §6, SEMANTICS "The checker").
//!
//! `EQUIVALENCE_SEED=… cargo test equivalence` plays one script again; `EQUIVALENCE_SCRIPTS` says how many.

mod checker;
mod clients;
mod faults;
mod gateway;
mod message;
mod random;
mod record;
mod run;
mod script;
mod shrink;
mod simulator;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use gateway::Real;
use script::Script;
use shrink::Failure;

/// Scripts of a run, unless the environment says otherwise.
const SCRIPTS: u64 = 240;
/// Runs that shrinking may take.
const ATTEMPTS: usize = 300;

#[test]
fn every_client_ends_with_the_same_events_or_with_a_gap_that_says_what_is_missing() {
    let (first, count) = match number("EQUIVALENCE_SEED") {
        Some(seed) => (seed, 1),
        None => (
            fresh_seed(),
            number("EQUIVALENCE_SCRIPTS").unwrap_or(SCRIPTS),
        ),
    };
    println!("scripts {first} to {}", first + count - 1);
    let next = AtomicU64::new(first);
    let play_all = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return None;
            }
            if let Some(failure) = run(&Script::random(seed)) {
                next.store(first + count, Ordering::Relaxed);
                return Some(shrink::shrink(failure, ATTEMPTS, run));
            }
        }
    };
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(play_all)).collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    });
    if let Some(failure) = failures.first() {
        panic!(
            "repeat with EQUIVALENCE_SEED={}: {failure}",
            failure.script.seed
        );
    }
}

/// Plays a script on a gateway of its own. Every other one runs on several threads, so that readers, publishers
/// and the clock meet in all orders; the others on one, so that failures repeat.
fn run(script: &Script) -> Option<Failure> {
    let runtime = match script.seed.is_multiple_of(2) {
        true => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
        false => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build(),
    };
    let record = runtime.unwrap().block_on(async {
        let mut world = Real::start(script).await;
        let record = run::play(script, &mut world).await;
        world.stop().await;
        record
    });
    let complaints = checker::check(&record);
    (!complaints.is_empty()).then(|| Failure {
        script: script.clone(),
        complaints,
        record,
    })
}

/// A seed that no run had before; a multiple of four, so that a quarter of the scripts is calm.
fn fresh_seed() -> u64 {
    (RandomState::new().hash_one(1) >> 24) & !3
}

#[allow(
    clippy::disallowed_methods,
    reason = "how a person repeats a failure; no setting of the gateway"
)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
