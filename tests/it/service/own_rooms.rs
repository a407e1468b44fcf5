//! `user:{sub}`: what is said to a person outlives the stream.

use super::{ANN, BOB, asked, data, gate, publish, sse, system, websocket};
use crate::support::http;

#[tokio::test]
async fn what_was_said_to_a_person_who_was_away_arrives_when_it_comes_back() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, _) = websocket(&gate, ANN, &["user:ann", "venue"]).await;
    let start = asked(&mut system, publish("user:ann", "here")).await;
    assert_eq!(ann.json().await["data"], "here");
    drop(ann);
    asked(&mut system, publish("user:ann", "away")).await;
    asked(&mut system, publish("user:bob", "not hers")).await;
    let target = "/v1/stream?room=user:ann&room=venue";
    let since = ("last-event-id", start["id"].as_str().unwrap());
    let mut socket = gate.connect().await;
    let request = http::request("GET", target, &[super::EVENT_STREAM, ANN, since], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    assert_eq!(data(&body.event("welcome").await)["recovered"], true);
    assert_eq!(data(&body.block().await.unwrap())["data"], "away");
    asked(&mut system, publish("venue", "live")).await;
    assert_eq!(data(&body.block().await.unwrap())["data"], "live");
    let answer = gate.request("GET", target, &[BOB], "").await;
    assert_eq!((answer.status(), answer.code()), (403, "forbidden".into()));
    let (mut bob, _) = sse(&gate, BOB, &["user:bob"]).await;
    asked(&mut system, publish("user:bob", 2)).await;
    assert_eq!(data(&bob.block().await.unwrap())["data"], 2);
}
