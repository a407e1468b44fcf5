//! What a backend is told: at least once, in order for each stream, and not for ever.

use std::sync::Arc;
use std::time::Duration;

use gatecast::hooks::Kind;
use tokio::sync::Semaphore;

use super::backend::{Asked, Backend, Does, refuses, says};
use super::{Bench, ended, hook, left};
use crate::support::within;

const WAITING: &str = "hook_notifications_waiting";

fn bench(backend: &Backend) -> Bench {
    Bench::new(&[
        (Kind::Disconnect, hook(&backend.url())),
        (Kind::Unsubscribe, hook(&backend.url())),
    ])
}

fn given_up(bench: &Bench, hook: &str) -> f64 {
    bench.counted(&format!(
        "hook_notifications_given_up_total{{hook=\"{hook}\"}}"
    ))
}

/// What each request told: of which stream, and the room that it has left if it has not ended.
fn told(asked: &[Asked]) -> Vec<(String, String)> {
    let text = |asked: &Asked, key: &str| asked.json()[key].as_str().unwrap_or("-").to_owned();
    let tail = |stream: String| stream.trim_start_matches('0').to_owned();
    asked
        .iter()
        .map(|one| (tail(text(one, "stream")), text(one, "room")))
        .collect()
}

#[tokio::test]
async fn the_backend_is_told_what_has_happened_and_when() {
    let backend = Backend::start(refuses("204 No Content")).await;
    let bench = bench(&backend);
    bench.hooks.notify(&ended(7));
    bench.is(WAITING, 0.0).await;
    let asked = &backend.asked()[0];
    let body = asked.json();
    assert_eq!(
        (&body["type"], &body["code"]),
        (&"disconnect".into(), &"client".into())
    );
    assert_eq!(body["ts"], bench.clock.unix().0);
    assert!(
        asked
            .header("webhook-signature")
            .unwrap()
            .starts_with("v1,")
    );
    assert!(bench.calls("disconnect", "ok") > 0.0);
}

#[tokio::test]
async fn what_was_not_heard_is_told_again_as_the_same_message_with_a_new_time() {
    let backend = Backend::start(says("{}")).await;
    backend.does_first([
        refuses("500 Internal Server Error"),
        Does::Sends(Vec::new()),
        refuses("404 Not Found"),
        refuses("302 Found"),
    ]);
    let bench = bench(&backend);
    bench.hooks.notify(&ended(7));
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    let asked = backend.asked();
    assert_eq!(asked.len(), 5);
    let each =
        |name: &str| -> Vec<_> { asked.iter().map(|one| one.header(name).unwrap()).collect() };
    let (ids, times) = (each("webhook-id"), each("webhook-timestamp"));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(times.is_sorted() && times[0] < times[4], "{times:?}");
    assert!(asked.iter().all(|one| one.body == asked[0].body));
    assert_eq!(given_up(&bench, "disconnect") as usize, 0);
    let retries = bench.counted("hook_notification_retries_total{hook=\"disconnect\"}");
    assert_eq!(retries as usize, 4);
}

#[tokio::test]
async fn a_backend_may_say_when_to_come_back() {
    let backend = Backend::start(says("{}")).await;
    let busy = Does::Says(
        "429 Too Many Requests",
        "Retry-After: 20\r\n",
        String::new(),
    );
    backend.does_first([busy]);
    let bench = bench(&backend);
    bench.hooks.notify(&ended(7));
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    let asked = backend.asked();
    let at = |one: &Asked| -> u64 { one.header("webhook-timestamp").unwrap().parse().unwrap() };
    assert!(at(&asked[1]) >= at(&asked[0]) + 20);
}

#[tokio::test]
async fn a_streams_notifications_come_in_their_order_whatever_fails_and_others_overtake_them() {
    let backend = Backend::start(says("{}")).await;
    backend.does_first([refuses("500 Internal Server Error")]);
    let bench = bench(&backend);
    bench.hooks.notify(&left(1, "a"));
    backend.was_asked(1).await;
    for notice in [left(1, "b"), left(1, "c"), ended(1), left(2, "a"), ended(2)] {
        bench.hooks.notify(&notice);
    }
    let pair = |stream: &str, room: &str| (stream.to_owned(), room.to_owned());
    let asked = told(&backend.was_asked(3).await);
    assert_eq!(asked[1..], [pair("2", "a"), pair("2", "-")]);
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    let asked = told(&backend.asked());
    let expected = [
        pair("1", "a"),
        pair("1", "b"),
        pair("1", "c"),
        pair("1", "-"),
    ];
    assert_eq!(asked[3..], expected);
}

#[tokio::test]
async fn streams_are_told_side_by_side_and_each_of_them_one_after_the_other() {
    let until = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(until.clone(), String::new())).await;
    let bench = bench(&backend);
    for stream in 1..=5 {
        for room in ["a", "b", "c"] {
            bench.hooks.notify(&left(stream, room));
        }
    }
    backend.was_asked(5).await;
    until.add_permits(15);
    bench.is(WAITING, 0.0).await;
    let asked = told(&backend.asked());
    for stream in 1..=5_u32 {
        let own = asked.iter().filter(|(of, _)| *of == stream.to_string());
        let rooms: Vec<_> = own.map(|(_, room)| room.as_str()).collect();
        assert_eq!(rooms, ["a", "b", "c"]);
    }
    assert_eq!(backend.most_under_way(), 5);
}

#[tokio::test]
async fn what_nobody_hears_is_given_up_after_ten_attempts_and_counted() {
    let backend = Backend::start(refuses("404 Not Found")).await;
    let bench = bench(&backend);
    bench.hooks.notify(&ended(7));
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    assert_eq!(backend.asked().len(), 10);
    assert_eq!(given_up(&bench, "disconnect") as usize, 1);
}

#[tokio::test]
async fn a_backend_that_is_down_is_left_alone_and_what_it_missed_waits_for_a_quarter_of_an_hour() {
    let backend = Backend::start(refuses("503 Service Unavailable")).await;
    let bench = bench(&backend);
    for stream in 1..=20 {
        bench.hooks.notify(&ended(stream));
    }
    backend.was_asked(5).await;
    bench
        .is("hook_breaker_open{hook=\"disconnect\"}", 1.0)
        .await;
    let asked = backend.asked().len();
    for _ in 0..40 {
        bench.hand.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    let probes = backend.asked().len() - asked;
    assert!(probes < 60, "{probes} attempts in 400 s");
    assert_eq!(
        bench.counted(WAITING) as usize + given_up(&bench, "disconnect") as usize,
        20
    );
    backend.does(says("{}"));
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    assert_eq!(given_up(&bench, "disconnect") as usize, 0);
}

#[tokio::test]
async fn what_is_too_old_is_no_news() {
    let backend = Backend::start(refuses("503 Service Unavailable")).await;
    let bench = bench(&backend);
    for stream in 1..=20 {
        bench.hooks.notify(&ended(stream));
    }
    backend.was_asked(5).await;
    bench.hand.advance(Duration::from_secs(16 * 60));
    bench.in_rest(bench.is(WAITING, 0.0)).await;
    assert_eq!(given_up(&bench, "disconnect") as usize, 20);
    assert!(backend.asked().len() < 40, "{}", backend.asked().len());
}

#[tokio::test]
async fn no_more_waits_than_is_bounded_for_one_stream_and_in_all() {
    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let bench = bench(&backend);
    for _ in 0..300 {
        bench.hooks.notify(&left(1, "a"));
    }
    assert_eq!(bench.counted(WAITING) as usize, 255);
    assert_eq!(given_up(&bench, "unsubscribe") as usize, 45);
    bench.hooks.notify(&ended(1));
    assert_eq!(bench.counted(WAITING) as usize, 256, "its end has a place");
    for stream in 2..70_000 {
        bench.hooks.notify(&ended(stream));
    }
    assert!(bench.counted(WAITING) as usize <= 65_536);
    let all = bench.counted(WAITING) as usize + given_up(&bench, "disconnect") as usize;
    assert_eq!(all, 256 + 69_998);
}

#[tokio::test]
async fn a_stop_gives_what_waits_a_moment_and_what_fails_then_is_given_up() {
    let backend = Backend::start(says("{}")).await;
    backend.does_first([refuses("500 Internal Server Error")]);
    let one = bench(&backend);
    one.hooks.notify(&ended(1));
    backend.was_asked(1).await;
    one.is("hook_calls_in_flight{hook=\"disconnect\"}", 0.0)
        .await;
    // Its time has not come, and it is told all the same.
    let flushed = within("the end", one.hooks.flush(Duration::from_secs(5))).await;
    assert_eq!((flushed, backend.asked().len()), (0, 2));

    let backend = Backend::start(Does::Stops(Vec::new())).await;
    let other = bench(&backend);
    for stream in 1..=3 {
        other.hooks.notify(&ended(stream));
    }
    backend.was_asked(3).await;
    let flushed = within("the end", other.hooks.flush(Duration::from_millis(50))).await;
    assert_eq!((flushed, given_up(&other, "disconnect") as usize), (3, 3));
    other.hooks.notify(&ended(4));
    assert_eq!(given_up(&other, "disconnect") as usize, 4);
    assert_eq!(other.counted(WAITING) as usize, 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_backend_that_is_down() {
    let backend = Backend::start(refuses("503 Service Unavailable")).await;
    let bench = bench(&backend);
    for stream in 1..=20 {
        bench.hooks.notify(&ended(stream));
    }
    bench
        .is("hook_breaker_open{hook=\"disconnect\"}", 1.0)
        .await;
    bench
        .is("hook_calls_in_flight{hook=\"disconnect\"}", 0.0)
        .await;
    // Longer than a test may take.
    let flushed = within("the end", bench.hooks.flush(Duration::from_secs(60))).await;
    assert!(flushed <= 20);
}

#[tokio::test]
async fn what_a_backend_says_to_a_notification_is_not_looked_at() {
    for says in [
        says("<html>"),
        says(r#"{"refuse":{}}"#),
        says(&"x".repeat(1 << 20)),
    ] {
        let backend = Backend::start(says).await;
        let bench = bench(&backend);
        bench.hooks.notify(&ended(7));
        bench.is(WAITING, 0.0).await;
        assert_eq!(
            (
                backend.asked().len(),
                given_up(&bench, "disconnect") as usize
            ),
            (1, 0)
        );
    }
}
