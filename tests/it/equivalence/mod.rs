//! Equivalence: every client, on whatever transport and however often cut, ends with the same list of events, or
//! with a gap that covers exactly what is missing (DESIGN §6, SEMANTICS "The checker").
//!
//! `EQUIVALENCE_SEED=… cargo test equivalence` plays one script again; `EQUIVALENCE_SCRIPTS` says how many.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "each check picks out the frames that concern it; the others concern other checks"
)]

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
mod tally;
mod windows;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use gateway::Real;
use script::Script;
use shrink::Outcome;
use tally::Tally;

/// Scripts of a run, unless the environment says otherwise.
const SCRIPTS: u64 = 400;
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
    let work = || play_scripts(&next, first + count);
    let (mut all, mut failures) = (Tally::default(), Vec::new());
    std::thread::scope(|scope| {
        for thread in [scope.spawn(work), scope.spawn(work)] {
            let (tally, failure) = thread.join().unwrap();
            all.merge(tally);
            failures.extend(failure);
        }
    });
    if let Some(failure) = failures.first() {
        panic!(
            "repeat with EQUIVALENCE_SEED={}: {failure}",
            failure.script.seed
        );
    }
    println!("{all}");
    let missing = all.missing();
    assert!(
        count < SCRIPTS || missing.is_empty(),
        "no script met {missing:?}"
    );
}

/// Plays scripts until there are no more, or one fails; that one is shrunk.
fn play_scripts(next: &AtomicU64, end: u64) -> (Tally, Option<Outcome>) {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return (tally, None);
        }
        let outcome = run(&Script::of(seed));
        tally.add(&outcome.record);
        if let Some(first) = outcome.complaints.first() {
            println!("seed {seed} fails, and is being shrunk: {first:?}");
            next.store(end, Ordering::Relaxed);
            return (tally, Some(shrink::shrink(outcome, ATTEMPTS, run)));
        }
    }
}

/// Plays a script on a gateway of its own. Every other one runs on several threads, so that readers, publishers
/// and the clock meet in all orders; the others on one, so that failures repeat.
fn run(script: &Script) -> Outcome {
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
    Outcome {
        script: script.clone(),
        complaints: checker::check(&record),
        record,
    }
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
