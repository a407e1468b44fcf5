//! Rooms that conflate: the newest of each key, once a window.

use std::time::Duration;

use serde_json::json;

use super::{data, head, next, poll, publish, reading, refused, websocket};
use crate::support::Gate;

const SECOND: Duration = Duration::from_secs(1);
const ROOMS: &str = "[rooms.\"s:*\"]\ndeliver = { mode = \"conflate\", key = \"unit\", every = \"1s\" }\nhistory = { events = 5 }\n";

#[tokio::test]
async fn at_the_end_of_a_window_each_key_has_its_newest_event_with_an_id_of_its_own() {
    let gate = Gate::open("", ROOMS).await;
    let mut socket = websocket(&gate, "room=s:1").await;
    let begin = head(&gate, "s:1").await;
    let mut raw = Vec::new();
    for (unit, value) in [(7, 1), (8, 2), (7, 3), (7, 4)] {
        raw.push(publish(&gate, "s:1", reading(unit, value)).await);
    }
    gate.hand.advance(SECOND - Duration::from_millis(1));
    let early = poll(&gate, &format!("room=s:1&since={begin}&wait=0")).await;
    assert_eq!(
        early["events"],
        json!([]),
        "nothing is delivered as it came"
    );
    gate.hand.advance(Duration::from_millis(1));
    let events = next(&gate, "s:1", &begin).await;
    assert_eq!(
        data(&events),
        [
            json!({"unit": 8, "value": 2}),
            json!({"unit": 7, "value": 4})
        ]
    );
    assert_eq!(
        (&events[0]["of"], &events[1]["of"]),
        (&json!([raw[1]]), &json!([raw[3]]))
    );
    assert!(!raw.contains(&events[0]["id"].as_str().unwrap().to_owned()));
    // Every transport has the same events, with the same ids.
    assert_eq!([socket.json().await, socket.json().await], events[..]);
}

#[tokio::test]
async fn a_key_that_is_published_wins_over_the_field_and_events_without_one_share_one() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "s:1").await;
    for body in [
        json!({"event": "e", "data": {"unit": 7}}),
        json!({"event": "e", "data": {"unit": 9, "n": 1}, "key": "7"}),
        json!({"event": "e", "data": "first"}),
        json!({"event": "e", "data": "last"}),
    ] {
        publish(&gate, "s:1", body).await;
    }
    gate.hand.advance(SECOND);
    let events = next(&gate, "s:1", &begin).await;
    assert_eq!(data(&events), [json!({"unit": 9, "n": 1}), json!("last")]);
    assert_eq!(
        (&events[0]["key"], events[1].get("key")),
        (&json!("7"), None)
    );
}

#[tokio::test]
async fn the_next_window_begins_with_the_next_event_and_history_counts_what_was_delivered() {
    let gate = Gate::open("", ROOMS).await;
    for window in 0..8 {
        for value in 0..50 {
            publish(&gate, "s:1", reading(1, 100 * window + value)).await;
        }
        gate.hand.advance(SECOND);
    }
    // The last window is over, whether or not somebody looks at the clock.
    let events = next(&gate, "s:1", "earliest").await;
    let values: Vec<_> = events.iter().map(|event| &event["data"]["value"]).collect();
    assert!(values.len() >= 5, "{values:?}");
    publish(&gate, "s:1", reading(1, 900)).await;
    let events = next(&gate, "s:1", "earliest").await;
    let values: Vec<_> = events
        .iter()
        .map(|event| event["data"]["value"].as_u64().unwrap())
        .collect();
    assert_eq!(values, [349, 449, 549, 649, 749]);
}

#[tokio::test]
async fn a_publish_for_rooms_with_and_without_a_window_is_one_publish() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "plain").await;
    let body = json!({"events": [{"rooms": ["plain", "s:1"], "event": "e", "data": 1}]});
    let answer = gate
        .request(
            "POST",
            "/v1/publish",
            &[crate::support::KEY],
            &body.to_string(),
        )
        .await;
    let id = answer.json()["results"][0]["id"].clone();
    let plain = next(&gate, "plain", &begin).await;
    assert_eq!(plain[0]["id"], id);
    gate.hand.advance(SECOND);
    let flushed = next(&gate, "s:1", &begin).await;
    assert_eq!(flushed[0]["of"], json!([id]));
}

#[tokio::test]
async fn what_has_no_meaning_in_a_window_is_refused() {
    let gate = Gate::open("", ROOMS).await;
    for more in [
        json!({"except": {"origin": "a"}}),
        json!({"volatile": true}),
        json!({"ack": {"timeout": "1s"}}),
    ] {
        let mut body = reading(1, 1);
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let expected = (400, "bad_request".to_owned());
        assert_eq!(refused(&gate, "s:1", body).await, expected, "{more}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_windows_and_whoever_is_there_gets_what_waited() {
    let mut gate = Gate::open("", ROOMS).await;
    let mut socket = websocket(&gate, "room=s:1").await;
    publish(&gate, "s:1", reading(7, 1)).await;
    publish(&gate, "s:1", reading(7, 2)).await;
    gate.stop().await;
    assert_eq!(socket.json().await["data"]["value"], 2);
    assert_eq!(socket.json().await["type"], "bye");
}

#[tokio::test]
async fn a_purge_takes_what_waits_too() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "s:1").await;
    publish(&gate, "s:1", reading(7, 1)).await;
    // Who has passed what waits is told too.
    let mut socket = websocket(&gate, "room=s:1&room=other").await;
    publish(&gate, "other", json!({"event": "e"})).await;
    assert_eq!(socket.json().await["room"], "other");
    let purged = gate
        .request("DELETE", "/v1/rooms/s:1/events", &[crate::support::KEY], "")
        .await;
    assert_eq!(purged.status(), 204);
    assert_eq!(socket.json().await["type"], "gap");
    gate.hand.advance(SECOND);
    publish(&gate, "s:1", reading(7, 2)).await;
    gate.hand.advance(SECOND);
    let events = next(&gate, "s:1", &begin).await;
    assert_eq!(data(&events), [json!({"unit": 7, "value": 2})]);
}

#[tokio::test]
async fn a_room_that_is_said_to_deliver_all_delivers_what_waited_first() {
    let gate = Gate::open("", ROOMS).await;
    let mut socket = websocket(&gate, "room=s:1").await;
    publish(&gate, "s:1", reading(7, 1)).await;
    let toml = gate.toml().replace("conflate", "all");
    let toml = toml.replace(", key = \"unit\", every = \"1s\"", "");
    gate.reload(&toml).await.unwrap();
    publish(&gate, "s:1", reading(7, 2)).await;
    let values =
        [socket.json().await, socket.json().await].map(|event| event["data"]["value"].clone());
    assert_eq!(values, [1, 2]);
}
