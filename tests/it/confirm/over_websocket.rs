//! Publishers that wait on a stream: it goes on meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ANN, BOB, confirmed, gate, is_confirmed, next_id, nurse};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, http};

fn alert(reference: impl Into<Value>, of: &Value) -> String {
    let ack = json!({"timeout": "5s", "of": of});
    let reference = reference.into();
    json!({"type": "publish", "ref": reference, "room": "ward", "event": "alert", "data": 7, "ack": ack})
        .to_string()
}

async fn answers(socket: &mut WebSocket, reference: impl Into<Value>) -> Value {
    let answer = socket.json().await;
    assert_eq!(
        (&answer["type"], &answer["ref"]),
        (&"ack".into(), &reference.into()),
        "{answer}"
    );
    answer
}

#[tokio::test]
async fn the_ack_comes_when_it_comes_and_other_messages_are_answered_meanwhile() {
    let gate = gate().await;
    let mut desk = gate.websocket().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (mut bob, _) = nurse(&gate, BOB).await;
    desk.say(&alert("both", &json!(2))).await;
    desk.say(&alert("one", &json!(1))).await;
    desk.say(r#"{"type":"ping","ref":"meanwhile"}"#).await;
    desk.say(r#"{"type":"publish","ref":"plain","room":"r","event":"e"}"#)
        .await;
    answers(&mut desk, "meanwhile").await;
    let plain = answers(&mut desk, "plain").await;
    assert_eq!(plain["complete"], json!(null));
    assert_eq!(desk.json().await["id"], plain["id"], "its events come too");
    let (first, second) = (next_id(&mut ann).await, next_id(&mut ann).await);
    is_confirmed(&mut ann, &second).await;
    let one = answers(&mut desk, "one").await;
    assert_eq!(
        (&one["id"], &one["room"]),
        (&second.as_str().into(), &"ward".into())
    );
    assert_eq!(confirmed(&one), (vec!["ann"], true));
    is_confirmed(&mut ann, &first).await;
    assert_eq!(
        (next_id(&mut bob).await, next_id(&mut bob).await),
        (first.clone(), second)
    );
    is_confirmed(&mut bob, &first).await;
    let both = answers(&mut desk, "both").await;
    assert_eq!(both["id"], *first);
    assert_eq!(confirmed(&both), (vec!["ann", "bob"], true));
}

#[tokio::test]
async fn a_publish_that_waits_keeps_its_place_among_those_of_its_stream() {
    let gate = gate().await;
    let mut desk = gate.websocket().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    for number in 0..20 {
        let of = &json!(["nobody"]);
        let waits = alert(number, of).replace("\"data\":7", &format!("\"data\":{number}"));
        desk.say(&waits).await;
        let plain = json!({"type": "publish", "room": "ward", "event": "e", "data": number});
        desk.say(&plain.to_string()).await;
    }
    for number in 0..20 {
        for event in ["alert", "e"] {
            let told = ann.json().await;
            assert_eq!(
                (&told["event"], &told["data"]),
                (&event.into(), &number.into())
            );
        }
    }
}

#[tokio::test]
async fn the_time_of_one_that_waits_runs_out_and_a_drain_ends_it_before_the_stream() {
    let mut gate = gate().await;
    let mut desk = gate.websocket().await;
    desk.say(&alert(1, &json!(1))).await;
    let answer = gate
        .hasten(Duration::from_secs(1), answers(&mut desk, 1))
        .await;
    assert_eq!(confirmed(&answer), (vec![], false));
    desk.say(&alert(2, &json!(1))).await;
    desk.say(r#"{"type":"ping","ref":3}"#).await;
    answers(&mut desk, 3).await;
    gate.stop().await;
    let answer = answers(&mut desk, 2).await;
    assert_eq!(confirmed(&answer), (vec![], false));
    assert_eq!(desk.json().await["type"], "bye");
}

#[tokio::test]
async fn as_many_may_wait_for_one_stream_as_are_answered_and_one_more_is_refused() {
    let gate = gate().await;
    let mut desk = gate.websocket().await;
    for number in 0..64 {
        desk.say(&alert(number, &json!(1))).await;
    }
    desk.say(&alert("one more", &json!(1))).await;
    let refused = desk.json().await;
    assert_eq!(
        (&refused["ref"], &refused["code"]),
        (&"one more".into(), &"rate_limited".into())
    );
    assert_eq!(refused["limit"], "messages");
    desk.say(r#"{"type":"publish","ref":"plain","room":"q","event":"e"}"#)
        .await;
    answers(&mut desk, "plain").await;
}

#[tokio::test]
async fn a_stream_that_cannot_send_waits_with_its_request_and_is_no_less_alive() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (mut body, stream) = events(&gate).await;
    let mut request = gate.connect().await;
    let target = format!("/v1/messages?stream={stream}");
    request
        .send(http::request("POST", &target, &[KEY], &alert(1, &json!(1))))
        .await;
    let event = ann.json().await;
    // Its other messages are answered meanwhile, and its events come.
    let ping = r#"{"type":"ping","ref":2}"#;
    let answer = gate.request("POST", &target, &[KEY], ping).await;
    assert_eq!(answer.json(), json!({"type": "ack", "ref": 2}));
    assert!(
        body.event("alert")
            .await
            .contains(event["id"].as_str().unwrap())
    );
    super::confirm(&mut ann, event["id"].as_str().unwrap()).await;
    let answer = request.answer("POST").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(confirmed(&answer.json()), (vec!["ann"], true));
}

/// An event stream of the ward, welcomed; and its name.
async fn events(gate: &Gate) -> (http::Body, String) {
    let mut socket = gate.connect().await;
    let accept = ("accept", "text/event-stream");
    socket
        .send(http::request(
            "GET",
            "/v1/stream?room=ward",
            &[KEY, accept],
            "",
        ))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let line = welcome.lines().find_map(|line| line.strip_prefix("data: "));
    let welcome: Value = serde_json::from_str(line.unwrap()).unwrap();
    (body, welcome["stream"].as_str().unwrap().to_owned())
}
