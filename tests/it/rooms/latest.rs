//! Rooms of which readers are given the newest.

use serde_json::json;

use super::{data, head, next, poll, publish, websocket};
use crate::support::Gate;

const ROOMS: &str =
    "[rooms.\"now:*\"]\ndeliver = { mode = \"latest\" }\nhistory = { events = 3 }\n";

#[tokio::test]
async fn who_comes_back_gets_the_newest_and_no_gap_for_what_it_replaced() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "now:1").await;
    for value in 0..10 {
        publish(&gate, "now:1", json!({"event": "e", "data": value})).await;
    }
    let answer = poll(&gate, &format!("room=now:1&since={begin}")).await;
    assert_eq!(data(answer["events"].as_array().unwrap()), [json!(9)]);
    assert_eq!(
        (&answer["gaps"], &answer["more"]),
        (&json!([]), &json!(false))
    );
    let history = gate
        .request("GET", "/v1/rooms/now:1/events", &[crate::support::KEY], "")
        .await;
    let held = history.json()["events"].as_array().unwrap().len();
    assert_eq!(held, 3, "what is held can be looked at");
}

#[tokio::test]
async fn a_reader_that_keeps_up_gets_each_and_other_rooms_lose_nothing() {
    let gate = Gate::open("", ROOMS).await;
    let mut socket = websocket(&gate, "room=now:1&room=all").await;
    for value in 0..3 {
        publish(&gate, "now:1", json!({"event": "e", "data": value})).await;
        assert_eq!(socket.json().await["data"], value);
    }
    let begin = head(&gate, "all").await;
    for value in 3..6 {
        let rooms = json!({"events": [{"rooms": ["now:1", "all"], "event": "e", "data": value}]});
        gate.request(
            "POST",
            "/v1/publish",
            &[crate::support::KEY],
            &rooms.to_string(),
        )
        .await;
    }
    let events = next(&gate, "all&room=now:1", &begin).await;
    assert_eq!(data(&events), [json!(3), json!(4), json!(5)]);
}

#[tokio::test]
async fn a_purge_of_the_newest_is_a_gap() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "now:1").await;
    publish(&gate, "now:1", json!({"event": "e"})).await;
    gate.request(
        "DELETE",
        "/v1/rooms/now:1/events",
        &[crate::support::KEY],
        "",
    )
    .await;
    let answer = poll(&gate, &format!("room=now:1&since={begin}&wait=0")).await;
    assert_eq!(answer["gaps"][0]["reason"], "evicted");
}

#[tokio::test]
async fn the_past_of_a_room_that_is_joined_is_its_newest_event() {
    let gate = Gate::open("", ROOMS).await;
    for value in 0..3 {
        publish(&gate, "now:1", json!({"event": "e", "data": value})).await;
    }
    let mut socket = websocket(&gate, "room=r").await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"now:1","since":"earliest"}"#)
        .await;
    let past = socket.json().await;
    assert_eq!(data(past["events"].as_array().unwrap()), [json!(2)]);
    assert_eq!(socket.json().await["type"], "ack");
}

#[tokio::test]
async fn what_was_replaced_there_is_still_the_past_of_another_room() {
    let gate = Gate::open("", ROOMS).await;
    let begin = head(&gate, "now:1").await;
    let both = json!({"events": [{"rooms": ["now:1", "all"], "event": "e", "data": 1}]});
    let (key, body) = (crate::support::KEY, both.to_string());
    gate.request("POST", "/v1/publish", &[key], &body).await;
    publish(&gate, "now:1", json!({"event": "e", "data": 2})).await;
    let mut socket = websocket(&gate, &format!("room=now:1&since={begin}")).await;
    assert_eq!(socket.json().await["data"], 2);
    let join = json!({"type": "subscribe", "ref": 1, "room": "all", "since": begin});
    socket.say(&join.to_string()).await;
    let past = socket.json().await;
    assert_eq!(data(past["events"].as_array().unwrap()), [json!(1)]);
}
