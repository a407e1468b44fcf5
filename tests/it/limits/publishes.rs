//! Events of one principal to one room.

use std::time::Duration;

use super::{ANN, BOB, gate, is_limited, limited, publish, sse, tell, websocket};
use crate::support::http2::Http2;

#[tokio::test]
async fn each_principal_has_its_own_budget_of_each_room() {
    let gate = gate("publishes = \"2/s\"", "").await;
    for _ in 0..2 {
        assert_eq!(publish(&gate, ANN, "r", "e").await.status(), 202);
    }
    let refused = publish(&gate, ANN, "r", "f").await;
    limited(&refused, "publishes");
    assert_eq!(refused.json()["room"], "r");
    assert_eq!(publish(&gate, ANN, "s", "e").await.status(), 202);
    assert_eq!(publish(&gate, BOB, "r", "e").await.status(), 202);
    gate.hand.advance(Duration::from_millis(500));
    assert_eq!(publish(&gate, ANN, "r", "e").await.status(), 202);
    limited(&publish(&gate, ANN, "r", "e").await, "publishes");
}

#[tokio::test]
async fn it_is_one_budget_for_streams_and_requests_of_either_http() {
    let gate = gate("publishes = \"4/s\"", "").await;
    let mut socket = websocket(&gate, &[ANN]).await;
    let say = r#"{"type":"publish","ref":1,"room":"s","event":"e"}"#;
    assert_eq!(tell(&mut socket, say).await["type"], "ack");
    assert_eq!(publish(&gate, ANN, "s", "e").await.status(), 202);
    let mut http2: Http2 = super::http2(&gate).await;
    let event = r#"{"event":"e"}"#;
    let target = "/v1/rooms/s/events";
    assert_eq!(
        http2.request("POST", target, &[ANN], Some(event)).await.0,
        202
    );
    let message = gate.request("POST", "/v1/messages", &[ANN], say).await;
    assert_eq!(message.status(), 200, "{}", message.text());

    is_limited(&tell(&mut socket, say).await, "publishes");
    limited(&publish(&gate, ANN, "s", "e").await, "publishes");
    let streamed = http2.open("POST", target, &[ANN], Some(event)).await;
    assert_eq!(streamed.head.status, 429);
    assert_eq!(
        streamed.head.headers["ratelimit-policy"],
        "\"publishes\";q=4;w=1"
    );
    limited(
        &gate.request("POST", "/v1/messages", &[ANN], say).await,
        "publishes",
    );
    assert_eq!(
        tell(&mut socket, r#"{"type":"ping","ref":2}"#).await["type"],
        "ack",
        "the stream goes on"
    );
}

#[tokio::test]
async fn of_several_each_is_judged_by_itself() {
    let gate = gate("publishes = \"1/s\"", "").await;
    let mut reader = sse(&gate, &[BOB]).await;
    let body = r#"{"events":[{"room":"r","event":"a"},{"room":"r","event":"b"},{"rooms":["s","r"],"event":"c"},{"room":"s","event":"d"}]}"#;
    let answer = gate.request("POST", "/v1/publish", &[ANN], body).await;
    assert_eq!(answer.status(), 202);
    let results = &answer.json()["results"];
    assert!(results[0]["id"].is_string(), "{results}");
    is_limited(&results[1]["error"], "publishes");
    is_limited(&results[2]["error"], "publishes");
    assert_eq!(results[2]["error"]["room"], "r");
    assert!(
        results[3]["id"].is_string(),
        "the third cost nothing in s: {results}"
    );
    gate.hand.advance(Duration::from_secs(1));
    assert_eq!(publish(&gate, ANN, "r", "last").await.status(), 202);
    assert!(reader.block().await.unwrap().starts_with("event: a\n"));
    let next = reader.event("last").await;
    assert!(next.contains("\"event\":\"last\""));
}
