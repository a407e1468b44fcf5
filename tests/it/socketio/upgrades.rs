//! From polling to a WebSocket.

use std::time::Duration;

use super::{Polling, auth, packet, publish, upgrade};
use crate::support::{Gate, within};

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
    gate.streams_are(r#"transport="websocket",dialect="socketio",http="1.1""#, 1)
        .await;
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
async fn what_the_backend_is_told_last_names_the_transport_that_it_had_then() {
    let backend = crate::hooks::backend::Backend::start(crate::hooks::backend::says("{}")).await;
    let hook = format!(
        "[hooks.disconnect]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n",
        backend.url()
    );
    let gate = Gate::open("", &hook).await;
    let (session, _) = Polling::joined(&gate, crate::support::KEY.1).await;
    let mut socket = session.upgraded().await;
    socket.say(r#"420["ping"]"#).await;
    assert_eq!(packet(&mut socket).await, "430[{}]");
    socket.say("41").await;
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(asked["transport"], "websocket");
}
