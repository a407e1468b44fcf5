//! Messages by name: of a stream by its own count, of requests by their principal's.

use std::time::Duration;

use super::{ANN, BOB, gate, is_limited, limited, publish, sse, tell, websocket};
use crate::support::websocket::Message;

const EVENTS: &str = "events = { kiosk_heartbeat = \"2/min\", subscribe = \"1/min\" }";
const BEAT: &str = r#"{"type":"publish","ref":1,"room":"s","event":"kiosk_heartbeat"}"#;

fn joins(room: &str) -> String {
    format!(r#"{{"type":"subscribe","ref":1,"room":"{room}"}}"#)
}

#[tokio::test]
async fn a_stream_sends_as_many_of_a_name_as_it_may_and_others_as_before() {
    let gate = gate(EVENTS, "").await;
    let mut socket = websocket(&gate, &[ANN]).await;
    for _ in 0..2 {
        assert_eq!(tell(&mut socket, BEAT).await["type"], "ack");
    }
    is_limited(&tell(&mut socket, BEAT).await, "events.kiosk_heartbeat");
    assert_eq!(tell(&mut socket, &joins("a")).await["type"], "ack");
    is_limited(&tell(&mut socket, &joins("b")).await, "events.subscribe");
    let other = BEAT.replace("kiosk_heartbeat", "scan");
    assert_eq!(tell(&mut socket, &other).await["type"], "ack");
    let mut second = websocket(&gate, &[ANN]).await;
    assert_eq!(
        tell(&mut second, BEAT).await["type"],
        "ack",
        "another stream counts its own"
    );
    gate.hand.advance(Duration::from_secs(30));
    assert_eq!(tell(&mut socket, BEAT).await["type"], "ack");
    is_limited(&tell(&mut socket, BEAT).await, "events.kiosk_heartbeat");
}

#[tokio::test]
async fn a_type_counts_whatever_event_it_carries() {
    let gate = gate("events = { publish = \"1/min\" }", "").await;
    let mut socket = websocket(&gate, &[ANN]).await;
    assert_eq!(tell(&mut socket, BEAT).await["type"], "ack");
    let other = BEAT.replace("kiosk_heartbeat", "scan");
    is_limited(&tell(&mut socket, &other).await, "events.publish");
}

#[tokio::test]
async fn messages_by_post_for_a_stream_count_for_it() {
    let gate = gate(EVENTS, "").await;
    let mut socket = gate.connect().await;
    let request =
        crate::support::http::request("GET", super::STREAM, &[ANN, super::EVENT_STREAM], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let (_, stream) = welcome.split_once("\"stream\":\"").unwrap();
    let target = format!("/v1/messages?stream={}", &stream[..24]);
    let send = async |message: &str| gate.request("POST", &target, &[ANN], message).await;
    assert_eq!(send(&joins("a")).await.status(), 200);
    limited(&send(&joins("b")).await, "events.subscribe");
    for _ in 0..2 {
        assert_eq!(send(BEAT).await.status(), 200);
    }
    limited(&send(BEAT).await, "events.kiosk_heartbeat");
    assert_eq!(
        publish(&gate, ANN, "s", "kiosk_heartbeat").await.status(),
        202
    );
}

#[tokio::test]
async fn by_requests_of_its_own_a_principal_publishes_as_many_of_a_name_as_it_may() {
    let gate = gate(EVENTS, "").await;
    assert_eq!(
        publish(&gate, ANN, "r", "kiosk_heartbeat").await.status(),
        202
    );
    let message = gate.request("POST", "/v1/messages", &[ANN], BEAT).await;
    assert_eq!(message.status(), 200, "{}", message.text());
    limited(
        &publish(&gate, ANN, "s", "kiosk_heartbeat").await,
        "events.kiosk_heartbeat",
    );
    limited(
        &gate.request("POST", "/v1/messages", &[ANN], BEAT).await,
        "events.kiosk_heartbeat",
    );
    let body = r#"{"events":[{"room":"r","event":"kiosk_heartbeat"},{"room":"r","event":"e"}]}"#;
    let answer = gate
        .request("POST", "/v1/publish", &[ANN], body)
        .await
        .json();
    is_limited(&answer["results"][0]["error"], "events.kiosk_heartbeat");
    assert!(answer["results"][1]["id"].is_string(), "{answer}");
    assert_eq!(
        publish(&gate, BOB, "r", "kiosk_heartbeat").await.status(),
        202
    );
    let _stream = sse(&gate, &[ANN]).await;
}

#[tokio::test]
async fn a_role_has_its_own_rate_for_the_names_that_it_lists() {
    let keys = crate::support::api_key("kiosk", "kiosk-key", "kiosk");
    let more = format!(
        "[roles.kiosk]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nlimits.events = {{ kiosk_heartbeat = \"3/min\" }}\n{keys}"
    );
    let gate = gate(EVENTS, &more).await;
    let mut socket = websocket(&gate, &[("X-API-Key", "kiosk-key")]).await;
    for _ in 0..3 {
        assert_eq!(tell(&mut socket, BEAT).await["type"], "ack");
    }
    is_limited(&tell(&mut socket, BEAT).await, "events.kiosk_heartbeat");
    assert_eq!(tell(&mut socket, &joins("a")).await["type"], "ack");
    is_limited(&tell(&mut socket, &joins("b")).await, "events.subscribe");
}

#[tokio::test]
async fn who_goes_on_regardless_is_closed() {
    let gate = gate("messages = \"10000/s\"\nevents = { ping = \"1/h\" }", "").await;
    let mut socket = websocket(&gate, &[ANN]).await;
    let mut refused = 0;
    let code = loop {
        socket.say(r#"{"type":"ping","ref":1}"#).await;
        match socket.next().await.unwrap() {
            Message::Close(code, _) => break code,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => refused += 1,
        }
    };
    assert_eq!(code, Some(3004));
    assert!((500..=502).contains(&refused), "{refused}");
}
