//! The backend in a conversation: it lets in, is told what is emitted, and its answer is the acknowledgement.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Polling, hook, joined, packet, publish};
use crate::hooks::backend::{Backend, says};
use crate::support::websocket::frame;
use crate::support::{Gate, KEY};

async fn gate(backend: &Backend, kinds: &[&str]) -> Gate {
    let hooks: String = kinds.iter().map(|kind| hook(backend, kind)).collect();
    let events = "[socketio.namespaces.\"/\".events.\"tab:join\"]\nsubscribe = \"tab:{id}\"\n\
        [socketio.namespaces.\"/\".events.\"recover\"]\nrecover = true\nanswer = \"missed\"\n";
    Gate::open("", &format!("emit = [\"*\"]\n{hooks}{events}")).await
}

#[tokio::test]
async fn who_joins_is_shown_to_the_backend_with_what_it_says_of_itself_and_without_its_credential()
{
    let body = r#"{"rooms":["own"],"first":[{"event":"hello","data":{"_arguments":[1,"2"]}}]}"#;
    let backend = Backend::start(says(body)).await;
    let gate = gate(&backend, &["connect"]).await;
    let auth = format!(
        r#"{{"apiKey":"{}","venue":7,"pid":"x","offset":"y"}}"#,
        KEY.1
    );
    let (mut socket, told) = joined(&gate, &auth).await;
    assert_eq!(packet(&mut socket).await, r#"42["hello",1,"2"]"#);
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(asked["auth"], json!({"venue": 7}));
    assert_eq!(asked["stream"], told["sid"]);
    assert_eq!(asked["transport"], "websocket");
    publish(&gate, "own", r#"{"event":"e","data":1}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",1]"#);
    // Who polls is let in as a stream too, and no poll.
    let session = Polling::open(&gate).await;
    session.say(&format!("40{auth}")).await;
    let mut told = session.next().await;
    if !told.contains("hello") {
        told += &session.next().await;
    }
    assert!(told.contains(r#"42["hello",1,"2"]"#), "{told}");
    publish(&gate, "own", r#"{"event":"e","data":2}"#).await;
    assert_eq!(session.next().await, r#"42["e",2]"#);
}

#[tokio::test]
async fn one_that_the_backend_refuses_hears_its_reason() {
    let no = r#"{"refuse":{"code":"full","message":"no table is free"}}"#;
    let backend = Backend::start(says(no)).await;
    let gate = gate(&backend, &["connect"]).await;
    let mut socket = super::websocket(&gate).await;
    socket.say(&format!("40{}", super::auth())).await;
    let told = packet(&mut socket).await;
    let told: Value = serde_json::from_str(told.strip_prefix("44").unwrap()).unwrap();
    assert_eq!(
        (
            &told["message"],
            &told["data"]["code"],
            &told["data"]["reason"],
            &told["data"]["retryable"]
        ),
        (
            &json!("no table is free"),
            &json!("refused"),
            &json!("full"),
            &json!(false)
        )
    );
}

#[tokio::test]
async fn a_backend_that_does_not_answer_ends_the_transport_so_that_its_client_comes_back() {
    let backend = Backend::start(crate::hooks::backend::refuses("500 Internal Server Error")).await;
    let gate = gate(&backend, &["connect"]).await;
    let mut socket = super::websocket(&gate).await;
    socket.say(&format!("40{}", super::auth())).await;
    let (code, _) = super::closed(&mut socket).await;
    assert!(
        code.is_some_and(|code| (3000..3500).contains(&code) || code == 1008),
        "{code:?}"
    );
}

#[tokio::test]
async fn what_the_backend_says_is_the_acknowledgement_with_its_arguments_and_bytes() {
    let backend = Backend::start(says(r#"{"ack":{"ok":true}}"#)).await;
    let gate = gate(&backend, &["message"]).await;
    let (mut socket, _) = joined(&gate, &super::auth()).await;
    for (said, shown, answer, told) in [
        (
            r#"420["order",{"n":1}]"#,
            json!({"n": 1}),
            r#"{"ack":{"ok":true}}"#,
            r#"430[{"ok":true}]"#,
        ),
        (
            r#"421["order",1,"2"]"#,
            json!({"_arguments": [1, "2"]}),
            r#"{"ack":{"_arguments":[3,4]}}"#,
            "431[3,4]",
        ),
        (r#"422["order"]"#, json!({"_arguments": []}), "{}", "432[]"),
        (
            r#"423["order",null]"#,
            json!(null),
            r#"{"ack":null}"#,
            "433[null]",
        ),
    ] {
        backend.does(says(answer));
        let before = backend.asked().len();
        socket.say(said).await;
        assert_eq!(packet(&mut socket).await, told);
        let asked = backend.asked()[before].json();
        assert_eq!((&asked["event"], &asked["data"]), (&json!("order"), &shown));
    }
    backend.does(says(r#"{"ack":{"_encoding":"base64","data":"AQID"}}"#));
    socket.say(r#"424["order"]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"461-4[{"_placeholder":true,"num":0}]"#
    );
    let (first, payload) = socket.frame().await.unwrap();
    assert_eq!((first & 0x0f, &*payload), (2, &[1, 2, 3][..]));
    backend.does(says(
        r#"{"refuse":{"code":"closed","message":"the kitchen is closed"}}"#,
    ));
    socket.say(r#"425["order"]"#).await;
    let told = packet(&mut socket).await;
    let told: Value = serde_json::from_str(told.strip_prefix("435").unwrap()).unwrap();
    assert_eq!(told[0]["error"]["reason"], "closed");
}

#[tokio::test]
async fn a_room_of_a_configured_event_is_asked_about_like_any_other() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, &["subscribe"]).await;
    let (mut socket, _) = joined(&gate, &super::auth()).await;
    socket.say(r#"421["tab:join",{"id":1}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"tab:1"}]"#);
    backend.does(says(
        r#"{"refuse":{"code":"not_yours","message":"a tab that is not yours"}}"#,
    ));
    socket.say(r#"42["tab:join",{"id":2}]"#).await;
    let told = packet(&mut socket).await;
    let told: Value = serde_json::from_str(told.strip_prefix("42").unwrap()).unwrap();
    assert_eq!(
        (&told[0], &told[1]["message"], &told[1]["room"]),
        (
            &json!("error"),
            &json!("a tab that is not yours"),
            &json!("tab:2")
        )
    );
    assert_eq!(backend.asked()[1].json()["room"], "tab:2");
}

#[tokio::test]
async fn the_end_of_a_conversation_is_told_and_why() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, &["disconnect"]).await;
    let (mut socket, told) = joined(&gate, &super::auth()).await;
    socket.say("41").await;
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(
        (&asked["type"], &asked["stream"]),
        (&json!("disconnect"), &told["sid"])
    );
}

#[tokio::test]
async fn an_end_that_the_client_has_caused_is_told_as_that() {
    let backend = Backend::start(says("{}")).await;
    let gate = gate(&backend, &["disconnect"]).await;
    let (mut socket, _) = joined(&gate, &super::auth()).await;
    socket.say("9").await;
    super::closed(&mut socket).await;
    let asked = backend.was_asked(1).await[0].json();
    assert_eq!(asked["code"], "protocol_error");
    let (_silent, _) = joined(&gate, &super::auth()).await;
    let asked = gate.hasten(Duration::from_secs(5), backend.was_asked(2));
    assert_eq!(asked.await[1].json()["code"], "timeout");
}

#[tokio::test]
async fn who_waits_for_what_it_missed_in_several_rooms_and_goes_on_talking_is_answered_in_order() {
    let backend = Backend::start(says(r#"{"ack":"done"}"#)).await;
    let gate = gate(&backend, &["message"]).await;
    let (mut socket, _) = joined(&gate, &super::auth()).await;
    let first = publish(&gate, "a", r#"{"event":"e","data":0}"#).await;
    for room in ["a", "b", "c"] {
        publish(&gate, room, r#"{"event":"e","data":1}"#).await;
        socket
            .say(&format!(r#"420["subscribe",{{"room":"{room}"}}]"#))
            .await;
        assert_eq!(
            packet(&mut socket).await,
            format!(r#"430[{{"room":"{room}"}}]"#)
        );
    }
    // All of it at once.
    let said = [
        format!(r#"421["recover",{{"lastEventId":"{first}"}}]"#),
        r#"422["unsubscribe",{"room":"c"}]"#.into(),
        r#"423["order"]"#.into(),
    ];
    let said = said.map(|said| frame(0x81, true, said.as_bytes())).concat();
    socket.socket.send(said).await;
    for told in [
        r#"42["missed",[1]]"#,
        r#"42["missed",[1]]"#,
        r#"42["missed",[1]]"#,
        r#"431[{"room":"c"}]"#,
        r#"432[{"room":"c"}]"#,
        r#"433["done"]"#,
    ] {
        assert_eq!(packet(&mut socket).await, told);
    }
    publish(&gate, "c", r#"{"event":"e","data":2}"#).await;
    publish(&gate, "a", r#"{"event":"e","data":3}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",3]"#);
}
