//! How conversations end: told by an event, and by the transport where the client shall come back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{POLLING, Polling, auth, joined, packet, websocket};
use crate::support::http::{Answer, request};
use crate::support::socket::Socket;
use crate::support::{Gate, KEY};

const SECOND: Duration = Duration::from_secs(1);

fn read(packet: &str) -> Value {
    serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_is_disconnected_stays_away_and_the_connection_goes_on() {
    let gate = Gate::open(
        "",
        "[socketio.namespaces.\"/\"]\n[socketio.namespaces.\"/b\"]\n",
    )
    .await;
    let (mut socket, told) = joined(&gate, &auth()).await;
    socket.say(&format!("40/b,{}", auth())).await;
    assert!(packet(&mut socket).await.starts_with("40/b,"));
    let stream = told["sid"].as_str().unwrap();
    let target = format!("/v1/admin/streams/{stream}");
    let ended = gate.request("DELETE", &target, &[KEY], "").await;
    assert_eq!(ended.status(), 204, "{}", ended.text());
    let told = read(&packet(&mut socket).await);
    assert_eq!(
        (&told[0], &told[1]["code"]),
        (&json!("error"), &json!("disconnected"))
    );
    assert_eq!(packet(&mut socket).await, "41");
    socket.say(r#"42/b,1["ping"]"#).await;
    assert_eq!(packet(&mut socket).await, "43/b,1[{}]");
}

#[tokio::test]
async fn a_drain_says_goodbye_and_ends_the_transport() {
    let mut gate = Gate::open("", "").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    let session = Polling::open(&gate).await;
    session.say(&format!("40{}", auth())).await;
    assert!(session.next().await.starts_with("40{"));
    let mut waiting = session.begin().await;
    gate.streams_are(r#"transport="long-poll",dialect="socketio",http="1.1""#, 1)
        .await;
    let hand = gate.hand.clone();
    let drained = gate.begin_stop().await;
    let ends = async {
        let told = read(&packet(&mut socket).await);
        assert_eq!(
            (&told[0], &told[1]["code"], &told[1]["reconnect"]),
            (&json!("bye"), &json!("draining"), &json!(true))
        );
        let (code, _) = super::closed(&mut socket).await;
        assert_eq!(code, Some(3001));
        let last = waiting.answer("GET").await.text().to_owned();
        // The library hears of an end before it hears what stands before it: that is an answer of its own.
        let (bye, end) = (r#"42["bye",{"code":"draining""#, '\x1e');
        assert!(last.starts_with(bye) && !last.contains(end), "{last}");
    };
    crate::support::hasten(&hand, Duration::from_millis(100), ends).await;
    let late = crate::support::hasten(&hand, Duration::from_millis(100), drained).await;
    assert_eq!(late.unwrap(), []);
}

#[tokio::test]
async fn too_many_messages_are_refused_and_too_many_of_those_end_the_transport() {
    let gate = Gate::open("", "[limits]\nmessages = \"5/s\"\n").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    for _ in 0..5 {
        socket.say(r#"421["ping"]"#).await;
        assert_eq!(packet(&mut socket).await, "431[{}]");
    }
    socket.say(r#"421["ping"]"#).await;
    let told: Value =
        serde_json::from_str(packet(&mut socket).await.strip_prefix("431").unwrap()).unwrap();
    assert_eq!(told[0]["error"]["code"], "rate_limited");
    assert!(told[0]["error"]["retry_after_ms"].is_u64());
    // Pongs that nobody asked for are no way around it.
    let (mut socket, _) = joined(&gate, &auth()).await;
    let pong = crate::support::websocket::frame(0x81, true, b"3");
    for _ in 0..20 {
        socket.socket.try_send(&pong).await;
    }
    assert_eq!(super::closed(&mut socket).await.0, Some(3004));
}

#[tokio::test]
async fn a_load_that_passes_is_told_to_the_handshake_by_its_status() {
    let gate = Gate::open("", "[limits]\nper_ip = 1\n").await;
    let answer = gate.request("GET", POLLING, &[], "").await;
    assert_eq!(answer.status(), 200);
    let answer = gate.request("GET", POLLING, &[], "").await;
    assert_eq!((answer.status(), &*answer.code()), (429, "rate_limited"));
    gate.hand.advance(SECOND);
}

/// A request on a connection that has others before and after it.
async fn asked(socket: &mut Socket, method: &str, target: &str, body: &str) -> Answer {
    socket.send(request(method, target, &[], body)).await;
    socket.answer(method).await
}

/// Begins a session, and gives its target.
async fn opened(socket: &mut Socket) -> String {
    let told = asked(socket, "GET", POLLING, "").await;
    assert_eq!(told.status(), 200, "{}", told.text());
    let told: Value = serde_json::from_str(told.text().strip_prefix('0').unwrap()).unwrap();
    format!("{POLLING}&sid={}", told["sid"].as_str().unwrap())
}

#[tokio::test]
async fn who_has_joined_nothing_gives_way_to_who_comes_and_who_has_stays() {
    let gate = Gate::open("", "[limits]\nconnections = 3\n").await;
    // All on one connection, so that no other one counts.
    let mut one = gate.connect().await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(opened(&mut one).await);
    }
    for place in 0..3 {
        let target = sessions[place].clone();
        let told = asked(&mut one, "POST", &target, &format!("40{}", auth())).await;
        assert_eq!(told.text(), "ok");
        let told = asked(&mut one, "GET", &target, "").await;
        assert!(told.text().starts_with("40{"), "{}", told.text());
        if place < 2 {
            let newest = opened(&mut one).await;
            let given_up = std::mem::replace(&mut sessions[place + 1], newest);
            let told = asked(&mut one, "GET", &given_up, "").await;
            assert_eq!((told.status(), &told.json()["code"]), (400, &json!(1)));
        }
    }
    let told = asked(&mut one, "GET", POLLING, "").await;
    assert_eq!((told.status(), &*told.code()), (503, "overloaded"));
    for target in &sessions {
        asked(&mut one, "POST", target, r#"420["ping"]"#).await;
        let told = asked(&mut one, "GET", target, "").await;
        assert_eq!(told.text(), "430[{}]");
    }
    // Connections count as such.
    let mut socket = websocket(&gate).await;
    socket.say(&format!("40{}", auth())).await;
    assert!(packet(&mut socket).await.starts_with("40{"));
}
