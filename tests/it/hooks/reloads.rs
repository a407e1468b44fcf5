//! What a reload changes.

use std::time::Duration;

use gatecast::hooks::{Hook, Kind};

use super::backend::{Backend, refuses, says};
use super::{Bench, SECRET, connect, ended, failed, hook, settings};
use crate::support::{Gate, within};

#[tokio::test]
async fn a_new_configuration_holds_from_the_next_question_on() {
    let (old, new) = (
        Backend::start(says("{}")).await,
        Backend::start(says("{}")).await,
    );
    let bench = Bench::new(&[(Kind::Connect, hook(&old.url()))]);
    bench.hooks.connect(connect()).await.unwrap();
    let shown = Hook {
        headers: vec![http::HeaderName::from_static("x-tenant")],
        ..hook(&new.url())
    };
    bench
        .hooks
        .configure(&settings(&[(Kind::Connect, shown)]))
        .unwrap();
    bench.hooks.connect(connect()).await.unwrap();
    assert_eq!((old.asked().len(), new.asked().len()), (1, 1));
    let mut headers = http::HeaderMap::new();
    headers.insert("x-tenant", "acme".parse().unwrap());
    assert_eq!(bench.hooks.forwarded(&headers).len(), 1);
    bench.hooks.configure(&settings(&[])).unwrap();
    assert!(!bench.hooks.has(Kind::Connect));
    bench.hooks.connect(connect()).await.unwrap();
    assert_eq!(new.asked().len(), 1);
}

#[tokio::test]
async fn a_hook_that_stays_the_same_stays_left_alone_and_one_that_changes_begins_anew() {
    let backend = Backend::start(refuses("500 Internal Server Error")).await;
    let same = [(Kind::Connect, hook(&backend.url()))];
    let bench = Bench::new(&same);
    for _ in 0..5 {
        failed(&bench.hooks.connect(connect()).await.unwrap_err());
    }
    bench.hooks.configure(&settings(&same)).unwrap();
    failed(&bench.hooks.connect(connect()).await.unwrap_err());
    assert_eq!(backend.asked().len(), 5);
    let mut other = hook(&backend.url());
    other.timeout = Duration::from_secs(3);
    bench
        .hooks
        .configure(&settings(&[(Kind::Connect, other)]))
        .unwrap();
    assert!(bench.counted("hook_breaker_open{hook=\"connect\"}") < 0.1);
    failed(&bench.hooks.connect(connect()).await.unwrap_err());
    assert_eq!(backend.asked().len(), 6);
}

#[tokio::test]
async fn what_waits_is_told_to_the_new_hook_and_given_up_where_there_is_none() {
    let (old, new) = (
        Backend::start(refuses("503 Service Unavailable")).await,
        Backend::start(says("{}")).await,
    );
    let bench = Bench::new(&[(Kind::Disconnect, hook(&old.url()))]);
    for stream in 1..=10 {
        bench.hooks.notify(&ended(stream));
    }
    bench
        .is("hook_breaker_open{hook=\"disconnect\"}", 1.0)
        .await;
    bench
        .hooks
        .configure(&settings(&[(Kind::Disconnect, hook(&new.url()))]))
        .unwrap();
    bench
        .in_rest(bench.is("hook_notifications_waiting", 0.0))
        .await;
    assert_eq!(new.asked().len(), 10);

    bench
        .hooks
        .configure(&settings(&[(Kind::Disconnect, hook(&old.url()))]))
        .unwrap();
    for stream in 1..=10 {
        bench.hooks.notify(&ended(stream));
    }
    bench
        .is("hook_breaker_open{hook=\"disconnect\"}", 1.0)
        .await;
    bench.hooks.configure(&settings(&[])).unwrap();
    bench
        .in_rest(bench.is("hook_notifications_waiting", 0.0))
        .await;
    let given_up = "hook_notifications_given_up_total{hook=\"disconnect\"}";
    assert!((bench.counted(given_up) - 10.0).abs() < 0.1);
}

#[tokio::test]
async fn a_gateway_takes_hooks_from_its_configuration_and_says_so() {
    let mut gate = Gate::open("", "").await;
    let hooks = format!(
        "{}[hooks.disconnect]\nurl = \"http://127.0.0.1:1/\"\nsecret = \"{SECRET}\"\n",
        gate.toml()
    );
    let reloaded = gate.reload(&hooks).await.unwrap();
    assert_eq!(reloaded.changed, ["hooks"]);
    let reloaded = gate.reload(&hooks).await.unwrap();
    assert!(reloaded.changed.is_empty() && reloaded.at_next_start.is_empty());
    within("the end", gate.stop()).await;
}
