//! No credential in anything that the gateway says, whichever test made it say so. `support::secrets` watches; here is
//! that it sees.

use std::process::Command;

use tracing_subscriber::filter::LevelFilter;

use crate::support::secrets::{Sink, WATCH, Watch, keep_sent};
use crate::support::{Gate, KEY};

const SECRET: &str = "a-secret-that-is-planted-here";

fn shows(said: &str) -> bool {
    let watch = Watch::new();
    watch.keep(SECRET);
    watch.search("a test", said.as_bytes());
    !watch.found().is_empty()
}

#[test]
fn a_secret_is_seen_and_any_part_of_it_and_in_other_clothes() {
    for said in [
        SECRET,
        "key=a-secret-that-is-planted-here, refused",
        "…et-that-is-pl…",
        "YS1zZWNyZXQtdGhhdC1pcy1wbGFudGVkLWhlcmU",
        "612d7365637265742d746861742d69732d706c616e7465642d68657265",
    ] {
        assert!(shows(said), "{said}");
    }
    for said in ["", "a-secret", "the key is not known here", "t-that-is-p"] {
        assert!(!shows(said), "{said}");
    }
}

#[test]
fn a_short_secret_is_seen_as_a_word_and_not_within_another() {
    let watch = Watch::new();
    watch.keep("tv-key-7");
    watch.search("a test", b"my-tv-key-7 tv-key-78");
    assert!(watch.found().is_empty());
    watch.search("a test", br#"{"key":"tv-key-7"}"#);
    assert_eq!(watch.found().len(), 1);
}

#[test]
fn of_a_token_its_signature_is_secret_and_its_claims_are_not() {
    let watch = Watch::new();
    watch.keep("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLW9mLWFubg");
    watch.search("a test", b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ");
    assert!(watch.found().is_empty());
    watch.search("a test", b"c2lnbmF0dXJlLW9mLWFubg");
    assert_eq!(watch.found().len(), 1);
}

#[test]
fn what_a_client_sends_is_kept_wherever_a_credential_may_stand() {
    for (sent, secret) in [
        (
            "GET / HTTP/1.1\r\nAuthorization: Bearer first-of-them-all\r\n\r\n",
            "first-of-them-all",
        ),
        (
            "GET / HTTP/1.1\r\nx-api-KEY: second-of-them-all\r\n\r\n",
            "second-of-them-all",
        ),
        (
            "GET /v1/stream?access_token=third-of-them-all&room=r HTTP/1.1\r\n",
            "third-of-them-all",
        ),
        (
            "Sec-WebSocket-Protocol: gatecast.v1, bearer.fourth-of-them-all\r\n",
            "fourth-of-them-all",
        ),
        (
            "GET / HTTP/1.1\r\nCookie: a=b; gatecast_session=sixth-of-them-all; c=d\r\n",
            "sixth-of-them-all",
        ),
        (
            "GET /v1/stream?room=r&ticket=seventh-of-them-all HTTP/1.1\r\n",
            "seventh-of-them-all",
        ),
        (
            r#"{"type": "auth", "token": "fifth-of-them-all"}"#,
            "fifth-of-them-all",
        ),
    ] {
        let watch = Watch::new();
        keep_sent(&watch, sent.as_bytes());
        watch.search("a test", secret.as_bytes());
        assert_eq!(watch.found().len(), 1, "{sent}");
    }
}

#[test]
fn a_log_line_of_any_level_is_searched() {
    static PLANTED: std::sync::LazyLock<Watch> = std::sync::LazyLock::new(Watch::new);
    PLANTED.keep(SECRET);
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Sink(&PLANTED))
        .finish();
    tracing::subscriber::with_default(lines, || {
        tracing::trace!(key = SECRET, "planted");
    });
    assert_eq!(PLANTED.found().len(), 1);
}

#[tokio::test]
async fn what_a_gateway_logs_and_answers_is_searched() {
    let gate = Gate::open("", "").await;
    let before = WATCH.searched();
    gate.request("GET", "/v1/rooms/r/events", &[KEY], "").await;
    assert!(WATCH.searched() > before + 300);
}

/// For the test below, which runs it in a process where it is to fail; everywhere else it passes.
#[tokio::test]
async fn what_is_planted_is_shown_where_a_process_is_asked_to() {
    let gate = Gate::open("", "").await;
    let mut variables = std::env::vars();
    let wanted = variables.find(|(name, _)| name == "PLANTED");
    match wanted.as_ref().map(|(_, what)| &**what) {
        Some("log") => tracing::debug!(header = KEY.1, "planted"),
        Some("answer") => {
            let mut socket = gate.connect().await;
            let target = format!("/v1/rooms/r/events?event={}", KEY.1);
            let kept = crate::support::http::request("POST", &target, &[KEY], "1");
            socket.send(kept).await;
            socket.answer("POST").await;
            let since = gate.request("GET", "/v1/rooms/r/events", &[KEY], "").await;
            assert!(since.text().contains(KEY.1));
        }
        _ => {}
    }
}

#[test]
fn a_test_fails_whose_gateway_shows_a_credential_and_one_whose_does_not_passes() {
    for (planted, code) in [("log", 101), ("answer", 101), ("nothing", 0)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command
            .args([
                "--exact",
                "secrets::what_is_planted_is_shown_where_a_process_is_asked_to",
            ])
            .env("PLANTED", planted)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("running 1 test"), "{said}");
        assert_eq!(output.status.code(), Some(code), "{planted}: {said}");
        assert_eq!(code != 0, said.contains("shows a credential"), "{said}");
    }
}

#[test]
fn what_the_gateway_gives_out_may_stand_in_its_answers_and_nowhere_else() {
    let watch = Watch::new();
    watch.keep_given("eyJieSI6ImEifQ.c2lnbmF0dXJlLW9mLWFubg");
    watch.search_answer(b"c2lnbmF0dXJlLW9mLWFubg");
    assert!(watch.found().is_empty());
    watch.search("a test", b"c2lnbmF0dXJlLW9mLWFubg");
    assert_eq!(watch.found().len(), 1);
}
