//! From polling to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Polling, auth, hook, packet, publish, upgrade};
use crate::hooks::backend::{Backend, Does, says};
use crate::support::http::request;
use crate::support::{Gate, KEY, within};

/// Returns once a WebSocket carries the one stream.
async fn is_upgraded(gate: &Gate) {
    gate.streams_are(r#"transport="websocket",dialect="socketio",http="1.1""#, 1)
        .await;
}

/// A WebSocket that has shown that it could carry `session`.
async fn probed(gate: &Gate, session: &Polling<'_>) -> crate::support::websocket::WebSocket {
    let mut socket = upgrade(gate, &session.upgrade()).await;
    socket.say("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket
}

#[tokio::test]
async fn a_get_that_waits_is_let_go_and_what_comes_next_comes_by_the_websocket() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    session.say(&format!("40{}", auth())).await;
    assert!(session.next().await.starts_with("40{"));
    session.say(r#"420["subscribe",{"room":"a"}]"#).await;
    assert_eq!(session.next().await, r#"430[{"room":"a"}]"#);
    let mut waiting = session.begin().await;
    let mut socket = probed(&gate, &session).await;
    let let_go = gate
        .hasten(Duration::from_millis(20), waiting.answer("GET"))
        .await;
    assert_eq!(let_go.text(), "6");
    publish(&gate, "a", r#"{"event":"e","data":1}"#).await;
    socket.say("5").await;
    assert_eq!(packet(&mut socket).await, r#"42["e",1]"#);
    assert_eq!(session.get().await.json()["code"], 3);
    socket.say(r#"421["ping"]"#).await;
    assert_eq!(packet(&mut socket).await, "431[{}]");
    is_upgraded(&gate).await;
}

#[tokio::test]
async fn what_waits_to_be_fetched_goes_out_on_the_websocket_bytes_as_bytes() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    session.say(&format!("40{}", auth())).await;
    assert!(session.next().await.starts_with("40{"));
    session.say(r#"420["subscribe",{"room":"a"}]"#).await;
    assert_eq!(session.next().await, r#"430[{"room":"a"}]"#);
    let bytes = r#"{"event":"e","data":{"_encoding":"base64","data":"AQID"}}"#;
    publish(&gate, "a", bytes).await;
    let mut socket = probed(&gate, &session).await;
    socket.say("5").await;
    let told = packet(&mut socket).await;
    assert_eq!(told, r#"451-["e",{"_placeholder":true,"num":0}]"#);
    let (first, payload) = socket.frame().await.unwrap();
    assert_eq!((first & 0x0f, &*payload), (2, &[1, 2, 3][..]));
}

#[tokio::test]
async fn a_second_websocket_is_opened_and_closed() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    let mut socket = probed(&gate, &session).await;
    let mut second = upgrade(&gate, &session.upgrade()).await;
    super::closed(&mut second).await;
    socket.say("5").await;
    socket.say("40/nowhere,").await;
    assert!(packet(&mut socket).await.starts_with("44/nowhere,"));
    let mut third = upgrade(&gate, &session.upgrade()).await;
    super::closed(&mut third).await;
    socket.say("40/nowhere,").await;
    assert!(packet(&mut socket).await.starts_with("44/nowhere,"));
}

#[tokio::test]
async fn one_that_says_anything_else_or_nothing_is_closed_and_the_session_goes_on() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    for wrong in ["5", "40", "2", "2x", "abc"] {
        let mut socket = upgrade(&gate, &session.upgrade()).await;
        socket.say(wrong).await;
        super::closed(&mut socket).await;
    }
    let mut slow = probed(&gate, &session).await;
    gate.hand.advance(Duration::from_secs(10));
    super::closed(&mut slow).await;
    session.say("40/nowhere,").await;
    let told = within("an answer", session.next()).await;
    assert!(told.starts_with("44/nowhere,"), "{told}");
}

#[tokio::test]
async fn who_may_use_no_websocket_goes_on_polling() {
    let key = crate::support::api_key("b", "the-key-of-one-who-polls", "b");
    let role = "[roles.b]\nsubscribe = [\"*\"]\ntransports = [\"long-poll\"]\n";
    let gate = Gate::open("", &format!("{key}{role}")).await;
    let session = Polling::open(&gate).await;
    session
        .say(r#"40{"apiKey":"the-key-of-one-who-polls"}"#)
        .await;
    assert!(session.next().await.starts_with("40{"));
    let mut socket = upgrade(&gate, &session.upgrade()).await;
    super::closed(&mut socket).await;
    session.say(r#"420["ping"]"#).await;
    assert_eq!(session.next().await, "430[{}]");
}

#[tokio::test]
async fn what_the_backend_is_told_from_then_on_names_the_transport_that_it_has_now() {
    let backend = Backend::start(says("{}")).await;
    let hooks = ["message", "disconnect"].map(|kind| hook(&backend, kind));
    let gate = Gate::open("", &format!("emit = [\"*\"]\n{}", hooks.concat())).await;
    let (session, _) = Polling::joined(&gate, KEY.1).await;
    let mut socket = session.upgraded().await;
    socket.say(r#"420["order"]"#).await;
    assert_eq!(packet(&mut socket).await, "430[]");
    socket.say("41").await;
    for (asked, kind) in backend
        .was_asked(2)
        .await
        .iter()
        .zip(["message", "disconnect"])
    {
        let asked = asked.json();
        assert_eq!(
            (&asked["type"], &asked["transport"]),
            (&kind.into(), &"websocket".into())
        );
    }
}

#[tokio::test]
async fn all_that_was_answered_is_done_though_a_websocket_carries_the_session_by_then() {
    let may = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(may.clone(), "{}".into())).await;
    let more = format!("emit = [\"*\"]\n{}", hook(&backend, "message"));
    let gate = Gate::open("", &more).await;
    let (session, _) = Polling::joined(&gate, KEY.1).await;
    session.say(r#"420["one"]"#).await;
    backend.was_asked(1).await;
    session.say(r#"421["two"]"#).await;
    // It has taken up what was brought, and what is brought from now on waits.
    let mut socket = probed(&gate, &session).await;
    session.say(r#"422["three"]"#).await;
    session.say(r#"423["four"]"#).await;
    socket.say("5").await;
    is_upgraded(&gate).await;
    socket.say(r#"424["five"]"#).await;
    may.add_permits(5);
    for n in 0..5 {
        assert_eq!(packet(&mut socket).await, format!("43{n}[]"));
    }
    let asked = backend.was_asked(5).await;
    let asked: Vec<_> = asked
        .iter()
        .map(|asked| asked.json()["event"].clone())
        .collect();
    assert_eq!(asked, ["one", "two", "three", "four", "five"]);
}

#[tokio::test]
async fn what_is_posted_too_late_is_refused_and_not_lost() {
    let gate = Gate::open("", "").await;
    let (session, _) = Polling::joined(&gate, KEY.1).await;
    let (mut post, body) = (gate.connect().await, r#"421["ping"]"#);
    let headers = [("Expect", "100-continue")];
    let whole = request("POST", &session.target, &headers, body);
    let (head, body) = whole.split_at(whole.len() - body.len());
    post.send(head).await;
    let goes_on = post.until(b"\r\n\r\n").await.unwrap();
    assert!(goes_on.starts_with(b"HTTP/1.1 100 "));
    let mut socket = session.upgraded().await;
    is_upgraded(&gate).await;
    post.send(body).await;
    let answer = post.answer("POST").await;
    assert_eq!((answer.status(), &answer.json()["code"]), (400, &3.into()));
    socket.say(r#"422["ping"]"#).await;
    assert_eq!(packet(&mut socket).await, "432[{}]");
}

#[tokio::test]
async fn one_that_shows_twice_that_it_could_is_closed_and_the_session_goes_on() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    let mut socket = probed(&gate, &session).await;
    socket.say("2probe").await;
    super::closed(&mut socket).await;
    session.say("40/nowhere,").await;
    let told = within("an answer", session.next()).await;
    assert!(told.starts_with("44/nowhere,"), "{told}");
}

#[tokio::test]
async fn a_get_that_comes_as_the_websocket_takes_over_is_answered_whoever_is_first() {
    let gate = Gate::open("", "").await;
    for round in 0..12 {
        let (session, _) = Polling::joined(&gate, KEY.1).await;
        let mut socket = probed(&gate, &session).await;
        let mut waiting = session.begin().await;
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        socket.say("5").await;
        let answer = waiting.answer("GET").await;
        assert!(
            answer.text() == "6" || answer.json()["code"] == 3,
            "{}",
            answer.text()
        );
        socket.say(r#"421["ping"]"#).await;
        assert_eq!(packet(&mut socket).await, "431[{}]");
    }
}
