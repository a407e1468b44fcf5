//! A hook that fails again and again is left alone for a while.

use std::time::Duration;

use gatecast::hooks::{Consent, Hook, Kind, OnFailure};

use super::backend::{Backend, Does, refuses, says};
use super::{Bench, connect, failed, hook, subscribe};

const FAILURES: usize = 5;
const OPEN: &str = "hook_breaker_open{hook=\"connect\"}";

async fn fail(bench: &Bench, times: usize) {
    for _ in 0..times {
        failed(&bench.hooks.connect(connect()).await.unwrap_err());
    }
}

#[tokio::test]
async fn after_five_failures_in_a_row_it_is_not_called_until_one_call_has_tried_it() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    fail(&bench, FAILURES).await;
    assert!(bench.counted(OPEN) > 0.0);
    fail(&bench, 10).await;
    assert_eq!(backend.asked().len(), FAILURES, "it is left alone");
    assert!((bench.calls("connect", "not_made") - 10.0).abs() < 0.1);
    bench.hand.advance(Duration::from_secs(1));
    fail(&bench, 3).await;
    assert_eq!(backend.asked().len(), FAILURES + 1, "one call tries it");
    backend.does(says("{}"));
    bench.hand.advance(Duration::from_secs(2));
    bench.hooks.connect(connect()).await.unwrap();
    assert!(bench.counted(OPEN) < 0.1);
    bench.hooks.connect(connect()).await.unwrap();
    assert_eq!(backend.asked().len(), FAILURES + 3);
}

#[tokio::test]
async fn one_answer_among_the_failures_begins_the_count_anew() {
    let backend = Backend::start(refuses("503 Service Unavailable")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    for _ in 0..3 {
        fail(&bench, FAILURES - 1).await;
        backend.does_first([says("{}")]);
        bench.hooks.connect(connect()).await.unwrap();
    }
    assert_eq!(backend.asked().len(), 3 * FAILURES);
    assert!(bench.counted(OPEN) < 0.1);
}

#[tokio::test]
async fn a_question_that_the_backend_does_not_like_says_nothing_of_how_it_is() {
    let backend = Backend::start(refuses("422 Unprocessable Content")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    fail(&bench, 3 * FAILURES).await;
    assert_eq!(backend.asked().len(), 3 * FAILURES);
}

#[tokio::test]
async fn each_hook_is_left_alone_by_itself_and_one_that_fails_open_lets_in_without_asking() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let open = Hook {
        on_failure: OnFailure::Open,
        ..hook(&backend.url())
    };
    let bench = Bench::new(&[
        (Kind::Connect, hook(&backend.url())),
        (Kind::Subscribe, open),
    ]);
    for _ in 0..2 * FAILURES {
        let assumed = bench.hooks.subscribe(subscribe("a")).await.unwrap();
        assert_eq!(assumed, Consent::Assumed, "no backend has said so");
    }
    assert_eq!(backend.asked().len(), FAILURES);
    fail(&bench, 1).await;
    assert_eq!(backend.asked().len(), FAILURES + 1);
}

#[tokio::test]
async fn who_is_refused_meanwhile_is_told_to_come_back_when_it_may_be_better() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    fail(&bench, FAILURES).await;
    for _ in 0..6 {
        // Each probe that fails makes the pause longer.
        bench.hand.advance(Duration::from_secs(30));
        fail(&bench, 1).await;
    }
    let refused = bench.hooks.connect(connect()).await.unwrap_err();
    let pause = refused.retry_after.unwrap();
    assert!((15..=32).contains(&pause.as_secs()), "{pause:?}");
}

#[tokio::test]
async fn a_call_that_was_to_try_it_and_whose_client_went_leaves_that_to_the_next() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    fail(&bench, FAILURES).await;
    bench.hand.advance(Duration::from_secs(1));
    backend.does(Does::Stops(Vec::new()));
    {
        let mut asking = Box::pin(bench.hooks.connect(connect()));
        assert!(futures_util::poll!(asking.as_mut()).is_pending());
        backend.was_asked(FAILURES + 1).await;
    }
    bench
        .is("hook_calls_in_flight{hook=\"connect\"}", 0.0)
        .await;
    backend.does(says("{}"));
    bench.hooks.connect(connect()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_large_says_nothing_of_how_it_is() {
    let backend = Backend::start(says(&" ".repeat(2 << 20))).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    fail(&bench, 2 * FAILURES).await;
    assert_eq!(backend.asked().len(), 2 * FAILURES);
    assert!(bench.counted(OPEN) < 0.1);
}
