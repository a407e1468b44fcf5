//! Retained state: the present value of each key, for who comes with nothing.

use serde_json::{Value, json};

use super::{event_source, head, poll, publish, refused, websocket};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

fn value(key: &str, data: Value) -> Value {
    json!({"event": "unit", "data": data, "key": key, "retain": true})
}

/// The state that comes next: its values by key, and the cursor of its end.
async fn told(socket: &mut WebSocket, room: &str) -> (Vec<(String, Value)>, Value) {
    let begin = socket.json().await;
    assert_eq!(
        (&begin["type"], &begin["room"]),
        (&json!("state_begin"), &json!(room))
    );
    let mut values = Vec::new();
    loop {
        let message = socket.json().await;
        assert_eq!(message["room"], room);
        assert!(message.get("id").is_none());
        match message["type"].as_str().unwrap() {
            "state" => {
                let key = message["key"].as_str().unwrap().to_owned();
                values.push((key, message["data"].clone()));
            }
            "state_end" => return (values, message["cursor"].clone()),
            other => panic!("{other}"),
        }
    }
}

fn values(all: &[(&str, u32)]) -> Vec<(String, Value)> {
    let one = |(key, data): &(&str, u32)| ((*key).to_owned(), json!(data));
    all.iter().map(one).collect()
}

#[tokio::test]
async fn who_comes_with_nothing_gets_the_last_value_of_each_key_and_then_what_is_live() {
    let gate = Gate::open("", "").await;
    for (key, data) in [
        ("b", json!(1)),
        ("a", json!(2)),
        ("b", json!(3)),
        ("c", json!(4)),
    ] {
        publish(&gate, "r", value(key, data)).await;
    }
    let cleared = publish(&gate, "r", value("c", json!(null))).await;
    let mut socket = websocket(&gate, "room=r&snapshot=1").await;
    let (state, cursor) = told(&mut socket, "r").await;
    assert_eq!(
        (state, cursor),
        (values(&[("a", 2), ("b", 3)]), json!(cleared))
    );
    let id = publish(&gate, "r", value("a", json!(5))).await;
    let event = socket.json().await;
    assert_eq!(
        (&event["id"], &event["key"], &event["data"]),
        (&json!(id), &json!("a"), &json!(5))
    );
}

#[tokio::test]
async fn it_outlives_the_history_of_its_room() {
    let gate = Gate::open("", "[rooms.\"r\"]\nhistory = { events = 1 }\n").await;
    publish(&gate, "r", value("a", json!(1))).await;
    for n in 0..10 {
        publish(&gate, "r", json!({"event": "e", "data": n})).await;
    }
    let mut socket = websocket(&gate, "room=r&snapshot=1").await;
    assert_eq!(told(&mut socket, "r").await.0, values(&[("a", 1)]));
    gate.request("DELETE", "/v1/rooms/r/events", &[KEY], "")
        .await;
    let mut socket = websocket(&gate, "room=r&snapshot=1").await;
    assert_eq!(told(&mut socket, "r").await.0, values(&[("a", 1)]));
}

#[tokio::test]
async fn an_event_source_has_it_as_named_events_without_ids() {
    let gate = Gate::open("", "").await;
    publish(&gate, "r", value("a", json!(1))).await;
    let mut stream = event_source(&gate, "room=r&snapshot=1").await;
    let mut blocks = Vec::new();
    for name in ["state_begin", "state", "state_end"] {
        blocks.push(stream.event(name).await);
    }
    assert!(
        blocks.iter().all(|block| !block.contains("\nid:")),
        "{blocks:?}"
    );
    assert!(
        blocks[1].contains(r#""key":"a","event":"unit","data":1"#),
        "{blocks:?}"
    );
}

#[tokio::test]
async fn a_poll_has_it_among_its_control_messages_and_goes_on_from_there() {
    let gate = Gate::open("", "").await;
    publish(&gate, "r", value("a", json!(1))).await;
    let answer = poll(&gate, "room=r&room=empty&snapshot=1").await;
    let kinds: Vec<_> = answer["control"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    let expected = [
        "state_begin",
        "state",
        "state_end",
        "state_begin",
        "state_end",
    ];
    assert_eq!(kinds, expected);
    let cursor = answer["cursor"].as_str().unwrap();
    assert_eq!(answer["control"][2]["cursor"], cursor);
    let id = publish(&gate, "r", value("a", json!(2))).await;
    let next = poll(&gate, &format!("room=r&snapshot=1&since={cursor}")).await;
    assert_eq!(
        (&next["events"][0]["id"], &next["control"]),
        (&json!(id), &json!([]))
    );
}

#[tokio::test]
async fn who_comes_back_gets_it_only_of_rooms_that_have_lost_something() {
    let gate = Gate::open("", "[rooms.\"few\"]\nhistory = { events = 2 }\n").await;
    let begin = head(&gate, "r").await;
    for n in 0..5 {
        publish(&gate, "few", value("k", json!(n))).await;
        publish(&gate, "r", value("k", json!(n))).await;
    }
    let target = format!("/v1/stream?room=r&room=few&snapshot=1&since={begin}");
    let mut socket = WebSocket::upgrade(gate.connect().await, &target, &[KEY])
        .await
        .unwrap();
    assert_eq!(socket.json().await["recovered"], false);
    assert_eq!(socket.json().await["type"], "gap");
    let mut events = Vec::new();
    for _ in 0..7 {
        events.push(socket.json().await["room"].clone());
    }
    assert_eq!(events.iter().filter(|room| **room == "few").count(), 2);
    assert_eq!(told(&mut socket, "few").await.0, values(&[("k", 4)]));
    // Whoever has lost nothing needs none.
    let end = head(&gate, "r").await;
    let target = format!("/v1/stream?room=r&room=few&snapshot=1&since={end}");
    let mut socket = WebSocket::upgrade(gate.connect().await, &target, &[KEY])
        .await
        .unwrap();
    assert_eq!(socket.json().await["recovered"], true);
    let id = publish(&gate, "few", value("k", json!(9))).await;
    assert_eq!(socket.json().await["id"], json!(id));
}

#[tokio::test]
async fn a_room_that_is_joined_later_has_its_state_behind_the_answer() {
    let gate = Gate::open("", "").await;
    publish(&gate, "later", value("a", json!(1))).await;
    let mut socket = websocket(&gate, "room=r").await;
    let subscribe = json!({"type": "subscribe", "ref": 1, "room": "later", "snapshot": true});
    socket.say(&subscribe.to_string()).await;
    assert_eq!(socket.json().await["type"], "ack");
    assert_eq!(told(&mut socket, "later").await.0, values(&[("a", 1)]));
    socket
        .say(r#"{"type":"subscribe","ref":2,"room":"other"}"#)
        .await;
    assert_eq!(socket.json().await["ref"], 2);
    let id = publish(&gate, "other", json!({"event": "e"})).await;
    assert_eq!(socket.json().await["id"], json!(id));
}

#[tokio::test]
async fn more_than_fits_into_a_write_is_told_whole_and_before_what_is_live() {
    let gate = Gate::open(
        "",
        "[rooms.\"r\"]\nstate = { keys = 2000, bytes = \"8MiB\" }\n",
    )
    .await;
    for many in 0..10_u32 {
        let events: Vec<_> = (0..100_u32)
            .map(|n| {
                let mut event = value(&format!("k{:04}", 100 * many + n), json!("x".repeat(3000)));
                event["room"] = json!("r");
                event
            })
            .collect();
        let body = json!({ "events": events }).to_string();
        let answer = gate.request("POST", "/v1/publish", &[KEY], &body).await;
        assert_eq!(answer.status(), 202);
    }
    let mut socket = websocket(&gate, "room=r&snapshot=1").await;
    let id = publish(&gate, "r", value("k0000", json!(1))).await;
    let (state, _) = told(&mut socket, "r").await;
    assert_eq!(state.len(), 1000);
    // It is in the state already if that was read behind it.
    if state[0].1 != json!(1) {
        assert_eq!(socket.json().await["id"], json!(id));
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_the_limit_that_it_meets() {
    let gate = Gate::open(
        "",
        "[rooms.\"r\"]\nstate = { keys = 2, bytes = \"1KiB\" }\n",
    )
    .await;
    let full = (507, "state_full".to_owned());
    publish(&gate, "r", value("a", json!(1))).await;
    publish(&gate, "r", value("b", json!(1))).await;
    assert_eq!(refused(&gate, "r", value("c", json!(1))).await, full);
    assert_eq!(
        refused(&gate, "r", value("a", json!("x".repeat(800)))).await,
        full
    );
    publish(&gate, "r", value("a", json!(null))).await;
    publish(&gate, "r", value("c", json!(1))).await;
    let end = head(&gate, "r").await;
    let answer = super::offer(&gate, "r", &value("d", json!(1))).await;
    assert_eq!(answer.json()["limit"], "rooms.PATTERN.state.keys");
    assert_eq!(
        head(&gate, "r").await,
        end,
        "a refused value is not in the log"
    );
}

const WINDOWS: &str = "[rooms.\"batch\"]\ndeliver = { mode = \"batch\" }\n[rooms.\"newest\"]\ndeliver = { mode = \"conflate\" }\n";

/// The state of `room` once its window has ended.
async fn after_a_window(gate: &Gate, room: &str) -> Vec<(String, Value)> {
    let begin = head(gate, room).await;
    gate.hand.advance(std::time::Duration::from_secs(1));
    super::next(gate, room, &begin).await;
    told(
        &mut websocket(gate, &format!("room={room}&snapshot=1")).await,
        room,
    )
    .await
    .0
}

#[tokio::test]
async fn what_waits_in_a_window_counts_and_so_does_each_room_of_one_event() {
    let bounds = WINDOWS.replace("}\n", "}\nstate = { keys = 2 }\n");
    let gate = Gate::open("log = { state = \"1KiB\" }\n", &bounds).await;
    let full = (507, "state_full".to_owned());
    for room in ["batch", "newest"] {
        publish(&gate, room, value("a", json!(1))).await;
        publish(&gate, room, value("b", json!(1))).await;
        assert_eq!(refused(&gate, room, value("c", json!(1))).await, full);
        publish(&gate, room, value("a", json!(null))).await;
        publish(&gate, room, value("b", json!(null))).await;
        let state = after_a_window(&gate, room).await;
        assert_eq!(state, [], "{room}");
    }
    let body = |rooms: &[&str]| {
        let mut event = value("a", json!("x".repeat(100)));
        event["rooms"] = json!(rooms);
        json!({ "events": [event] }).to_string()
    };
    let offer = async |rooms: &[&str]| {
        let answer = gate
            .request("POST", "/v1/publish", &[KEY], &body(rooms))
            .await;
        answer.json()
    };
    let told = offer(&["r", "newest", "other"]).await;
    assert_eq!(told["results"][0]["error"]["limit"], "log.state", "{told}");
    let told = offer(&["r", "newest"]).await;
    assert!(told["results"][0]["id"].is_string(), "{told}");
}

#[tokio::test]
async fn of_a_window_the_newest_that_was_retained_counts_whatever_its_name_and_whatever_came_after_it()
 {
    let gate = Gate::open("", WINDOWS).await;
    for (event, data) in [("a", 1), ("b", 2), ("a", 3)] {
        let body = json!({"event": event, "data": data, "key": "k", "retain": true});
        publish(&gate, "batch", body).await;
    }
    assert_eq!(after_a_window(&gate, "batch").await, values(&[("k", 3)]));
    publish(&gate, "newest", value("k", json!(1))).await;
    publish(
        &gate,
        "newest",
        json!({"event": "e", "data": 2, "key": "k"}),
    )
    .await;
    assert_eq!(after_a_window(&gate, "newest").await, values(&[("k", 1)]));
}

#[tokio::test]
async fn a_value_that_is_over_before_its_window_ends_takes_the_one_before_it_with_it() {
    let gate = Gate::open("", WINDOWS).await;
    for room in ["batch", "newest"] {
        publish(&gate, room, value("k", json!(1))).await;
        assert_eq!(after_a_window(&gate, room).await, values(&[("k", 1)]));
        let mut brief = value("k", json!(2));
        brief["ttl"] = json!("500ms");
        publish(&gate, room, brief).await;
        assert_eq!(after_a_window(&gate, room).await, values(&[]), "{room}");
    }
}

#[tokio::test]
async fn a_poll_that_waits_and_is_told_a_gap_is_told_the_state_too() {
    let room = "[rooms.\"r\"]\nhistory = { events = 2 }\ndeliver = { mode = \"conflate\" }\n";
    let gate = Gate::open("", room).await;
    let begin = head(&gate, "r").await;
    let mut socket = gate.connect().await;
    let target = format!("/v1/stream?room=r&since={begin}&wait=50&snapshot=1");
    socket
        .send(crate::support::http::request("GET", &target, &[KEY], ""))
        .await;
    gate.polls_wait(1).await;
    for n in 0..5 {
        publish(&gate, "r", value(&format!("k{n}"), json!(n))).await;
    }
    gate.hand.advance(std::time::Duration::from_secs(1));
    let answer = socket.answer("GET").await.json();
    assert_eq!(answer["gaps"][0]["reason"], "evicted");
    let states = answer["control"].as_array().unwrap();
    let states = states.iter().filter(|one| one["type"] == "state");
    assert_eq!(states.count(), 5);
}

#[tokio::test]
async fn a_poll_is_not_answered_with_more_state_than_one_answer_holds() {
    let gate = Gate::open("", "[rooms.\"*\"]\nstate = { bytes = \"8MiB\" }\n").await;
    for many in 0..10 {
        let events: Vec<_> = (0..10)
            .map(|n| {
                let mut event = value(&format!("k{many}-{n}"), json!("x".repeat(50_000)));
                event["room"] = json!("r");
                event
            })
            .collect();
        let body = json!({ "events": events }).to_string();
        gate.request("POST", "/v1/publish", &[KEY], &body).await;
    }
    let answer = gate
        .request("GET", "/v1/stream?room=r&snapshot=1", &[KEY], "")
        .await;
    assert_eq!(
        (answer.status(), answer.code()),
        (413, "too_large".to_owned())
    );
    assert_eq!(answer.json()["limit"], "snapshot");
}
