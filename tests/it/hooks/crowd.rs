//! More questions than a hook may be asked at once.

use std::sync::Arc;
use std::time::Duration;

use gatecast::hooks::{Hook, Kind};
use tokio::sync::Semaphore;

use super::backend::{Backend, Does};
use super::{Bench, connect, failed, hook};
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
    backend.does(super::backend::says("{}"));
    within("an answer", bench.hooks.connect(connect()))
        .await
        .unwrap();
    bench
        .is("hook_calls_in_flight{hook=\"connect\"}", 0.0)
        .await;
}
