//! Events that say how long they live.

use std::time::Duration;

use serde_json::json;

use super::{data, head, next, poll, publish};
use crate::support::Gate;

#[tokio::test]
async fn an_event_that_is_over_is_missing_to_nobody() {
    let gate = Gate::open("", "").await;
    let begin = head(&gate, "r").await;
    publish(&gate, "r", json!({"event": "e", "data": 1})).await;
    publish(&gate, "r", json!({"event": "e", "data": 2, "ttl": "5s"})).await;
    publish(&gate, "r", json!({"event": "e", "data": 3, "ttl": 60_000})).await;
    let events = next(&gate, "r", &begin).await;
    assert_eq!(data(&events), [json!(1), json!(2), json!(3)]);
    gate.hand.advance(Duration::from_secs(5));
    let answer = poll(&gate, &format!("room=r&since={begin}&wait=0")).await;
    let events = answer["events"].as_array().unwrap();
    assert_eq!(
        (data(events), &answer["gaps"]),
        (vec![json!(1), json!(3)], &json!([]))
    );
    gate.hand.advance(Duration::from_secs(55));
    let answer = poll(&gate, &format!("room=r&since={begin}&wait=0")).await;
    let events = answer["events"].as_array().unwrap();
    assert_eq!(
        (data(events), &answer["gaps"]),
        (vec![json!(1)], &json!([]))
    );
}

#[tokio::test]
async fn a_retained_value_that_is_over_is_cleared_by_an_event() {
    let gate = Gate::open("", "").await;
    let body = json!({"event": "door", "data": "open", "key": "d1", "retain": true, "ttl": "5s"});
    let id = publish(&gate, "r", body).await;
    gate.hand.advance(Duration::from_secs(5));
    let events = next(&gate, "r", &id).await;
    assert_eq!(
        (&events[0]["event"], &events[0]["data"], &events[0]["key"]),
        (&json!("door"), &json!(null), &json!("d1"))
    );
    let answer = poll(&gate, "room=r&snapshot=1").await;
    let kinds: Vec<_> = answer["control"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    assert_eq!(kinds, ["state_begin", "state_end"]);
}
