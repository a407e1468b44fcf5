//! A backend that is not well: whoever waits gets a stated answer in time, and little is taken from it.

use std::time::Duration;

use gatecast::hooks::{Hook, Kind, OnFailure};
use gatecast::model::code::Refusal;

use super::backend::{Backend, Does, refuses, says};
use super::{Bench, connect, failed, hook, message, settings, subscribe};
use crate::support::within;

const TIMEOUT: Duration = Duration::from_secs(2);
/// What an answer to each question may have.
const MOST: [usize; 3] = [1 << 20, 64 << 10, 1 << 20];
/// What two sockets, and a parser that looks for the end of a head, hold besides.
const BESIDES: usize = 640 << 10;

fn head(more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{more}").into_bytes()
}

/// What breaks off, or never comes.
fn slow() -> Vec<(&'static str, Does)> {
    vec![
        ("no head", Does::Stops(Vec::new())),
        ("half a head", Does::Stops(head("Content-Le"))),
        ("no body", Does::Stops(head("Content-Length: 2\r\n\r\n"))),
        (
            "half a body",
            Does::Stops(head("Content-Length: 9\r\n\r\n{\"rooms")),
        ),
        (
            "no last chunk",
            Does::Stops(head("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")),
        ),
        (
            "no end of a body without a length",
            Does::Stops(head("\r\n{}")),
        ),
    ]
}

fn wrong() -> Vec<(&'static str, Does)> {
    let own = |says: &str| Does::Sends(says.as_bytes().to_vec());
    vec![
        ("closes", Does::Sends(Vec::new())),
        ("resets", Does::Resets(Vec::new())),
        ("resets in the head", Does::Resets(head("Content-"))),
        (
            "resets in the body",
            Does::Resets(head("Content-Length: 9\r\n\r\n{\"r")),
        ),
        (
            "closes in the body",
            Does::Sends(head("Content-Length: 100\r\n\r\n{}")),
        ),
        (
            "closes in a chunk",
            Does::Sends(head("Transfer-Encoding: chunked\r\n\r\n9\r\n{}")),
        ),
        ("no HTTP", own("SSH-2.0-OpenSSH_9.6\r\n")),
        (
            "two lengths",
            Does::Sends(head("Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}")),
        ),
        (
            "a length that is none",
            Does::Sends(head("Content-Length: -2\r\n\r\n{}")),
        ),
        ("a redirect", refuses("302 Found")),
        ("500", refuses("500 Internal Server Error")),
        ("503", refuses("503 Service Unavailable")),
        ("404", refuses("404 Not Found")),
        (
            "a yes with another status",
            Does::Says("401 Unauthorized", "", "{}".into()),
        ),
        ("a part", Does::Says("206 Partial Content", "", "{}".into())),
        ("a page", says("<html>sign in</html>")),
        ("a list", says("[]")),
        ("null", says("null")),
        ("a field that is not known", says(r#"{"ok":true}"#)),
        ("half an object", says(r#"{"refuse":{"#)),
        (
            "no UTF-8",
            Does::Sends([head("Content-Length: 4\r\n\r\n"), b"{\"\xff\"}".to_vec()].concat()),
        ),
        (
            "compressed",
            Does::Says("200 OK", "Content-Encoding: gzip\r\n", "{}".into()),
        ),
        ("deep", says(&"[".repeat(60_000))),
    ]
}

fn floods() -> Vec<(&'static str, Does)> {
    let flood = |first: Vec<u8>, again: &str| Does::Floods(first, again.as_bytes().to_vec());
    let spaces = " ".repeat(8192);
    let header = format!("X-A: {}\r\n", "x".repeat(4000));
    let chunk = format!("2000\r\n{spaces}\r\n");
    vec![
        ("a body without end", flood(head("\r\n"), &spaces)),
        (
            "chunks without end",
            flood(head("Transfer-Encoding: chunked\r\n\r\n"), &chunk),
        ),
        (
            "a huge body",
            flood(head("Content-Length: 99999999999\r\n\r\n"), &spaces),
        ),
        ("a head without end", flood(head(""), &header)),
        (
            "a header without end",
            flood(head("X-A: "), &spaces.replace(' ', "x")),
        ),
        (
            "a status without end",
            flood(b"HTTP/1.1 200 ".to_vec(), &spaces.replace(' ', "x")),
        ),
    ]
}

const KINDS: [Kind; 3] = [Kind::Connect, Kind::Subscribe, Kind::Message];

/// Each question of each kind once, against a backend that does this; what came of it, how long it took, and how much was
/// taken.
async fn each(
    bench: &Bench,
    does: &Does,
    on_failure: OnFailure,
) -> Vec<(Result<(), Refusal>, Duration, usize)> {
    let mut outcomes = Vec::new();
    for kind in KINDS {
        let backend = Backend::start(does.clone()).await;
        let own = Hook {
            on_failure,
            ..hook(&backend.url())
        };
        bench.hooks.configure(&settings(&[(kind, own)])).unwrap();
        let (name, hooks) = (kind.as_str(), &bench.hooks);
        let before = bench.calls(name, "failed");
        let asked = async {
            match kind {
                Kind::Connect => hooks.connect(connect()).await.map(drop),
                Kind::Subscribe => hooks.subscribe(subscribe("a")).await.map(drop),
                Kind::Message | Kind::Disconnect | Kind::Unsubscribe => {
                    hooks.message(message("note")).await.map(drop)
                }
            }
        };
        let (outcome, took) = bench.heard_in_time(&backend, asked).await;
        assert!(bench.calls(name, "failed") > before, "{kind:?} {does:?}");
        assert_eq!(bench.calls_in_flight(), 0);
        assert_eq!(backend.asked().len(), 1, "nothing is asked twice");
        outcomes.push((outcome, took, backend.written()));
    }
    outcomes
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_failure_at_the_timeout() {
    let bench = Bench::new(&[]);
    for (what, does) in slow() {
        for (outcome, took, _) in each(&bench, &does, OnFailure::Closed).await {
            failed(&outcome.unwrap_err());
            assert!((TIMEOUT..TIMEOUT * 4).contains(&took), "{what}: {took:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_never_a_yes() {
    let bench = Bench::new(&[]);
    for (what, does) in wrong() {
        for (outcome, took, _) in each(&bench, &does, OnFailure::Closed).await {
            match outcome {
                Ok(()) => panic!("{what} is a yes"),
                Err(refusal) => failed(&refusal),
            }
            assert!(took < TIMEOUT * 4, "{what}: {took:?}");
        }
    }
}

#[tokio::test]
async fn a_flood_is_cut_off_and_little_of_it_is_taken() {
    let bench = Bench::new(&[]);
    for (what, does) in floods() {
        let outcomes = each(&bench, &does, OnFailure::Closed).await;
        for ((outcome, took, written), most) in outcomes.into_iter().zip(MOST) {
            failed(&outcome.unwrap_err());
            assert!(took < TIMEOUT * 4, "{what}: {took:?}");
            assert!(written < most + BESIDES, "{what}: {written} bytes");
        }
    }
}

#[tokio::test]
async fn a_hook_that_fails_open_lets_everybody_in_whatever_the_backend_does() {
    let bench = Bench::new(&[]);
    let all = slow().into_iter().chain(wrong()).chain(floods());
    for (what, does) in all.step_by(5) {
        let outcomes = each(&bench, &does, OnFailure::Open).await;
        assert!(
            outcomes.iter().all(|(outcome, ..)| outcome.is_ok()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let bench = Bench::new(&[(Kind::Connect, hook(&url))]);
    failed(
        &within("a refusal", bench.hooks.connect(connect()))
            .await
            .unwrap_err(),
    );
}

#[tokio::test]
async fn no_redirect_is_followed_wherever_it_leads() {
    let other = Backend::start(says("{}")).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let backend = Backend::start(says("{}")).await;
        for location in [backend.url(), other.url(), "/elsewhere".into()] {
            let header: &'static str = format!("Location: {location}\r\n").leak();
            backend.does(Does::Says(status, header, String::new()));
            let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
            failed(&bench.hooks.connect(connect()).await.unwrap_err());
        }
        assert_eq!(backend.asked().len(), 3, "{status}");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn what_is_sent_after_an_answer_answers_nothing() {
    let answer = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let two = [answer("{}"), answer(r#"{"rooms":["everything"]}"#)].concat();
    let backend = Backend::start(says("{}")).await;
    backend.does_first([Does::Stops(two.into_bytes())]);
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    for _ in 0..3 {
        let welcome = within("an answer", bench.hooks.connect(connect())).await;
        assert!(welcome.unwrap().0.rooms.is_empty());
    }
    assert_eq!(backend.asked().len(), 3);
}

#[tokio::test]
async fn informational_answers_without_end_take_no_more_than_the_timeout() {
    let flood = Does::Floods(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
    let backend = Backend::start(flood).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    let (outcome, took) = bench.in_time(bench.hooks.connect(connect())).await;
    failed(&outcome.unwrap_err());
    assert!(took < TIMEOUT * 4, "{took:?}");
}
