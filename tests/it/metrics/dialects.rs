//! Streams of Socket.IO count like any other, and apart from the native ones.

use serde_json::{Value, json};

use super::traffic::{once, publish, websocket};
use super::{READER, gate, gate_with, numbers};
use crate::support::Gate;
use crate::support::socketio::Polling;
use crate::support::websocket::WebSocket;

/// A session over a WebSocket, in the room `r`.
async fn carried_by_websocket(gate: &Gate) -> WebSocket {
    let target = "/socket.io/?EIO=4&transport=websocket";
    let opened = WebSocket::upgrade(gate.connect().await, target, &[READER]).await;
    let mut socket = opened.unwrap_or_else(|head| panic!("refused: {head:?}"));
    for (said, told) in [("40", "0{"), ("420[\"subscribe\",{\"room\":\"r\"}]", "40{")] {
        assert!(socket.text().await.starts_with(told));
        socket.say(said).await;
    }
    assert!(socket.text().await.starts_with("430["));
    socket
}

#[tokio::test]
async fn a_stream_is_counted_by_the_language_that_is_spoken_on_its_transport() {
    let gate = gate().await;
    let mut native = websocket(&gate, "/v1/stream?room=r").await;
    let mut other = carried_by_websocket(&gate).await;
    let (polled, _) = Polling::joined(&gate, READER.1).await;
    polled.say("420[\"subscribe\",{\"room\":\"r\"}]").await;
    polled.next().await;

    let open = numbers(&gate).await;
    let each = [
        (
            "{transport=\"long-poll\",dialect=\"socketio\",http=\"1.1\"}",
            1.0,
        ),
        (
            "{transport=\"websocket\",dialect=\"native\",http=\"1.1\"}",
            1.0,
        ),
        (
            "{transport=\"websocket\",dialect=\"socketio\",http=\"1.1\"}",
            1.0,
        ),
    ];
    assert_eq!(open.set("gatecast_streams"), each);
    assert_eq!(open.set("gatecast_streams_opened_total"), each);

    publish(&gate, &json!({"event": "n", "data": 1})).await;
    native.text().await;
    assert_eq!(other.text().await, "42[\"n\",1]");
    assert_eq!(polled.next().await, "42[\"n\",1]");
    polled.say("41").await;
    drop(other);
    for (series, _) in [each[0], each[2]] {
        once(&gate, &format!("gatecast_streams{series}"), 0.0).await;
    }
    let numbers = numbers(&gate).await;
    assert_eq!(
        numbers.set("gatecast_deliveries_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"socketio\",kind=\"live\"}",
                1.0
            ),
            (
                "{transport=\"websocket\",dialect=\"native\",kind=\"live\"}",
                1.0
            ),
            (
                "{transport=\"websocket\",dialect=\"socketio\",kind=\"live\"}",
                1.0
            ),
        ]
    );
    assert_eq!(
        numbers.set("gatecast_streams_ended_total"),
        [
            (
                "{transport=\"long-poll\",dialect=\"socketio\",reason=\"client\"}",
                1.0
            ),
            (
                "{transport=\"websocket\",dialect=\"socketio\",reason=\"client\"}",
                1.0
            ),
        ]
    );
}

#[tokio::test]
async fn a_stream_that_another_transport_carries_keeps_its_language_and_so_does_one_that_comes_back()
 {
    let gate = gate_with("[socketio.namespaces.\"/\"]\nrecovery = true\n").await;
    let session = Polling::open(&gate).await;
    let said = session.joins("", &json!({"apiKey": READER.1})).await;
    let said: Value = serde_json::from_str(said.strip_prefix("40").unwrap()).unwrap();
    session.say("420[\"subscribe\",{\"room\":\"r\"}]").await;
    session.next().await;
    publish(&gate, &json!({"event": "n", "data": 1})).await;
    let heard = session.next().await;
    let offset = heard.split('"').nth_back(1).unwrap();

    let socket = session.upgraded().await;
    let carried = "gatecast_streams{transport=\"websocket\",dialect=\"socketio\",http=\"1.1\"}";
    let now = once(&gate, carried, 1.0).await;
    assert_eq!(now.set("gatecast_streams").len(), 1);
    drop(socket);

    let session = Polling::open(&gate).await;
    let auth = json!({"apiKey": READER.1, "pid": said["pid"], "offset": offset});
    let back = session.joins("", &auth).await;
    assert!(back.contains(said["sid"].as_str().unwrap()), "{back}");
    let resumes = numbers(&gate).await;
    assert_eq!(
        resumes.set("gatecast_resumes_total"),
        [(
            "{transport=\"long-poll\",dialect=\"socketio\",outcome=\"hit\"}",
            1.0
        )]
    );
}
