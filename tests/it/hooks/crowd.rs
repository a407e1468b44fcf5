//! More questions than a hook may be asked at once.

use std::sync::Arc;
use std::time::Duration;

use gatecast::hooks::{AT_ONCE, Consent, Hook, Kind, few_at_once};
use tokio::sync::Semaphore;

use super::backend::{Backend, Does, says};
use super::{Bench, connect, failed, hook, subscribe};
use crate::support::within;

fn few(backend: &Backend, concurrency: usize) -> Bench {
    let few = Hook {
        concurrency,
        ..hook(&backend.url())
    };
    Bench::new(&[(Kind::Connect, few)])
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_there_may_be_and_the_others_have_their_turns() {
    let until = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(until.clone(), "{}".into())).await;
    let bench = few(&backend, 3);
    let asked = futures_util::future::join_all((0..20).map(|_| bench.hooks.connect(connect())));
    let released = async {
        backend.was_asked(3).await;
        until.add_permits(20);
    };
    let (answers, ()) = within("all answers", async { tokio::join!(asked, released) }).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((backend.asked().len(), backend.most_under_way()), (20, 3));
}

#[tokio::test]
async fn who_has_no_place_in_time_is_refused_and_the_backend_hears_nothing_of_it() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let bench = few(&backend, 1);
    let both = async {
        tokio::join!(
            bench.hooks.connect(connect()),
            bench.hooks.connect(connect())
        )
    };
    let ((one, other), took) = bench.heard_in_time(&backend, both).await;
    failed(&one.unwrap_err());
    failed(&other.unwrap_err());
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(backend.asked().len(), 1);
    assert!(bench.calls("connect", "not_made") > 0.0);
}

#[tokio::test]
async fn who_does_not_wait_for_the_answer_leaves_its_place_to_others() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let bench = few(&backend, 1);
    {
        let mut asking = Box::pin(bench.hooks.connect(connect()));
        assert!(futures_util::poll!(asking.as_mut()).is_pending());
        backend.was_asked(1).await;
    }
    backend.does(says("{}"));
    within("an answer", bench.hooks.connect(connect()))
        .await
        .unwrap();
    bench
        .is("hook_calls_in_flight{hook=\"connect\"}", 0.0)
        .await;
}

#[tokio::test]
async fn who_had_to_wait_for_its_place_shuts_no_hook_of_a_backend_that_is_well() {
    let until = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(until.clone(), "{}".into())).await;
    let bench = few(&backend, 6);
    let asked = futures_util::future::join_all((0..12).map(|_| bench.hooks.connect(connect())));
    // Each answer takes 1.25 s of the 2 s that there are, so that all of the second half are late, one after another.
    let time = async {
        backend.was_asked(6).await;
        bench.hand.advance(Duration::from_millis(1250));
        until.add_permits(6);
        backend.was_asked(12).await;
        bench.hand.advance(Duration::from_millis(750));
    };
    let both = Box::pin(async { tokio::join!(asked, time) });
    let (answers, ()) = within("all answers", both).await;
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 6);
    assert!((bench.calls("connect", "failed") - 6.0).abs() < 0.1);
    assert!(bench.counted("hook_breaker_open{hook=\"connect\"}") < 0.1);
}

#[tokio::test]
async fn the_rooms_of_one_stream_hold_few_places() {
    let until = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(until.clone(), "{}".into())).await;
    let bench = Bench::new(&[(Kind::Subscribe, hook(&backend.url()))]);
    let rooms: Vec<_> = (0..50).map(|n| format!("tab:{n}")).collect();
    let questions = rooms
        .iter()
        .map(|name| bench.hooks.subscribe(subscribe(name)));
    let released = async {
        backend.was_asked(AT_ONCE).await;
        until.add_permits(50);
    };
    let both = async { tokio::join!(few_at_once(questions.collect()), released) };
    let (answers, ()) = within("all answers", both).await;
    assert!(answers.iter().all(|one| *one == Ok(Consent::Given)));
    assert_eq!((answers.len(), backend.asked().len()), (50, 50));
    assert_eq!(backend.most_under_way(), AT_ONCE);
}
