//! Polls, of which nothing is kept.

use std::time::Duration;

use serde_json::json;

use super::backend::{Backend, refuses, says};
use super::{cursor, gate, get, no, publish};

const MORE: &str = r#"{"rooms": ["secret"], "first": [{"event": "hello", "data": 1}]}"#;

#[tokio::test]
async fn a_poll_is_asked_about_when_it_begins_and_told_first_among_its_events() {
    let backend = Backend::start(says(MORE)).await;
    let gate = gate("connect", &backend, "").await;
    let answer = get(&gate, "/v1/stream?room=r&wait=25").await.json();
    let first = &answer["events"][0];
    assert_eq!(
        first,
        &json!({"room": "_stream", "event": "hello", "data": 1, "ts": first["ts"]})
    );
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(asked["transport"], "long-poll");
    assert!(asked.get("stream").is_none(), "{asked}");
    backend.does(no());
    let since = answer["cursor"].as_str().unwrap();
    publish(&gate, "secret", "not-for-it").await;
    publish(&gate, "r", "e").await;
    let next = get(&gate, &format!("/v1/stream?room=r&since={since}")).await;
    let events = next.json()["events"].clone();
    assert_eq!(events[0]["event"], "e", "{events}");
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    assert_eq!(backend.asked().len(), 1, "it goes on without asking");
}

#[tokio::test]
async fn a_poll_is_asked_about_its_rooms_each_time_that_a_yes_is_too_old() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, "").await;
    let since = cursor(&gate).await;
    let poll = format!("/v1/stream?room=r&wait=0&since={since}");
    for _ in 0..5 {
        assert_eq!(get(&gate, &poll).await.status(), 200);
    }
    assert_eq!(backend.asked().len(), 1);
    gate.hand.advance(Duration::from_secs(30));
    backend.does(no());
    let answer = get(&gate, &poll).await;
    assert_eq!((answer.status(), &*answer.code()), (403, "refused"));
    assert_eq!(answer.json()["room"], "r");
    assert_eq!(backend.asked().len(), 2);
}

#[tokio::test]
async fn a_yes_for_want_of_an_answer_holds_for_no_other_poll() {
    for kind in ["connect", "subscribe"] {
        let backend = Backend::start(refuses("500 Internal Server Error")).await;
        let gate = gate(kind, &backend, "on_failure = \"open\"\n").await;
        let since = cursor(&gate).await;
        let poll = format!("/v1/stream?room=r&wait=0&since={since}");
        assert_eq!(get(&gate, &poll).await.status(), 200, "{kind}");
        backend.does(no());
        let answer = get(&gate, &poll).await;
        assert_eq!(
            (answer.status(), &*answer.code()),
            (403, "refused"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_poll_goes_on_without_the_rooms_that_it_is_refused() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate("subscribe", &backend, "rooms = [\"tab:*\"]\n").await;
    let since = cursor(&gate).await;
    backend.does(no());
    let poll = format!("/v1/stream?room=r&room=tab:7&wait=0&since={since}");
    let answer = get(&gate, &poll).await.json();
    assert_eq!(
        answer["gaps"],
        json!([{"room": "tab:7", "reason": "unauthorized"}])
    );
    let first = get(&gate, "/v1/stream?room=r&room=tab:7&wait=0").await;
    assert_eq!(first.status(), 403, "a first request gets all or nothing");
}

#[tokio::test]
async fn a_poll_that_goes_on_is_asked_about_again_when_the_yes_is_too_old_whatever_its_cursor_says()
{
    let backend = Backend::start(says(MORE)).await;
    let gate = gate("connect", &backend, "").await;
    let since = cursor(&gate).await;
    let poll = format!("/v1/stream?room=r&wait=0&since={since}");
    gate.hand.advance(Duration::from_secs(30));
    for _ in 0..3 {
        let answer = get(&gate, &poll).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json()["events"], json!([]), "`first` is told once");
    }
    assert_eq!(backend.asked().len(), 2);
    assert_eq!(backend.asked()[1].json()["resumes"], true);
    backend.does(no());
    // About these rooms nothing was said yet, and a cursor is no word of the backend's.
    let other = get(&gate, &format!("/v1/stream?room=s&wait=0&since={since}")).await;
    assert_eq!((other.status(), &*other.code()), (403, "refused"));
    gate.hand.advance(Duration::from_secs(30));
    assert_eq!(get(&gate, &poll).await.code(), "refused");
}
