//! Rooms that batch: all of a window, as one event.

use std::time::Duration;

use serde_json::json;

use super::{event_source, head, next, publish};
use crate::support::Gate;

const SECOND: Duration = Duration::from_secs(1);
const ROOMS: &str = "[rooms.\"org:*\"]\ndeliver = { mode = \"batch\", every = \"1s\" }\n";

#[tokio::test]
async fn a_window_is_one_event_of_each_name_with_all_of_its_events_in_order() {
    let gate = Gate::open("", ROOMS).await;
    let mut stream = event_source(&gate, "room=org:a").await;
    let begin = head(&gate, "org:a").await;
    let mut raw = Vec::new();
    for (event, value) in [("readings", 1), ("alert", 2), ("readings", 3)] {
        let body = json!({"event": event, "data": {"value": value}});
        raw.push(publish(&gate, "org:a", body).await);
    }
    gate.hand.advance(SECOND);
    let events = next(&gate, "org:a", &begin).await;
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["readings:batch", "alert:batch"]);
    let batch = &events[0];
    assert_eq!(batch["of"], json!([raw[0], raw[2]]));
    let items: Vec<_> = [(0, 1), (2, 3)]
        .map(|(place, value)| {
            let ts = &batch["data"]["events"][usize::from(value == 3)]["ts"];
            json!({"id": raw[place], "data": {"value": value}, "ts": ts})
        })
        .into();
    assert_eq!(batch["data"], json!({"count": 2, "events": items}));
    let block = stream.event("readings:batch").await;
    let id = batch["id"].as_str().unwrap();
    assert!(block.ends_with(&format!("id: {id}")), "{block}");
}

#[tokio::test]
async fn a_window_that_holds_as_much_as_it_may_ends_early() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "org:a").await;
    let event = json!({"room": "org:a", "event": "e", "data": "x".repeat(5000)});
    let body = json!({"events": vec![event; 100]}).to_string();
    let answer = gate
        .request("POST", "/v1/publish", &[crate::support::KEY], &body)
        .await;
    assert_eq!(answer.status(), 202);
    let events = next(&gate, "org:a", &begin).await;
    let count = events[0]["data"]["count"].as_u64().unwrap();
    assert!((2..=60).contains(&count), "{count}");
    gate.hand.advance(SECOND);
    let rest = next(&gate, "org:a", events[0]["id"].as_str().unwrap()).await;
    assert_eq!(count + rest[0]["data"]["count"].as_u64().unwrap(), 100);
}

#[tokio::test]
async fn what_is_retained_is_the_state_once_its_batch_is_there() {
    let gate = Gate::open("", ROOMS).await;
    let body = json!({"event": "e", "data": 1, "key": "a", "retain": true});
    publish(&gate, "org:a", body).await;
    let values = |answer: &serde_json::Value| {
        let control = answer["control"].as_array().unwrap().clone();
        control
            .into_iter()
            .filter(|one| one["type"] == "state")
            .count()
    };
    let before = super::poll(&gate, "room=org:a&snapshot=1").await;
    assert_eq!(values(&before), 0);
    let begin = before["cursor"].as_str().unwrap();
    gate.hand.advance(SECOND);
    next(&gate, "org:a", begin).await;
    assert_eq!(
        values(&super::poll(&gate, "room=org:a&snapshot=1").await),
        1
    );
}
