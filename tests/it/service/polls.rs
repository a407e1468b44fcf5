//! Polls that wait while the backend moves their principal's streams.

use serde_json::json;
use tokio::net::TcpStream;

use super::{ANN, SYSTEM, gate, posted, publish};
use crate::support::http2::Http2;
use crate::support::{http, within};

#[tokio::test]
async fn a_poll_that_waits_in_a_room_that_is_left_is_answered_and_the_next_is_judged_by_its_credential()
 {
    let gate = gate().await;
    let start = posted(&gate, SYSTEM, "", publish("venue", 0)).await;
    let since = start.json()["id"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=venue&since={since}&wait=55");
    let mut poll = gate.connect().await;
    poll.send(http::request("GET", &target, &[ANN], "")).await;
    gate.polls_wait(1).await;
    for other in [
        json!({"type": "leave", "principal": "bob", "room": "venue"}),
        json!({"type": "leave", "principal": "ann", "room": "menu"}),
        json!({"type": "join", "principal": "ann", "room": "tab:7"}),
    ] {
        let answer = posted(&gate, SYSTEM, "", other).await;
        assert_eq!(answer.json()["streams"], 0, "a poll is no stream");
    }
    gate.polls_wait(1).await;
    let leave = json!({"type": "leave", "principal": "ann", "room": "venue"});
    posted(&gate, SYSTEM, "", leave).await;
    let answer = poll.answer("GET").await;
    assert_eq!(
        (answer.status(), &answer.json()["events"]),
        (200, &json!([]))
    );
    posted(&gate, SYSTEM, "", publish("venue", "next")).await;
    let since = answer.json()["cursor"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=venue&since={since}");
    let answer = gate.request("GET", &target, &[ANN], "").await;
    assert_eq!(answer.json()["events"][0]["data"], "next");
}

#[tokio::test]
async fn a_poll_over_http2_that_waits_there_is_answered_too() {
    let gate = gate().await;
    let start = posted(&gate, SYSTEM, "", publish("venue", 0)).await;
    let since = start.json()["id"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=venue&since={since}&wait=55");
    let socket = TcpStream::connect(gate.address()).await.unwrap();
    let mut client = Http2::on(socket).await;
    let poll = client.send("GET", &target, &[ANN], None).await;
    gate.streams_are(r#"transport="long-poll",dialect="native",http="2""#, 1)
        .await;
    let leave = json!({"type": "leave", "principal": "ann", "room": "venue"});
    posted(&gate, SYSTEM, "", leave).await;
    let (head, mut body) = within("the answer", poll).await.unwrap().into_parts();
    let body = body.data().await.unwrap().unwrap();
    assert_eq!(head.status, 200);
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["events"], json!([]));
}
