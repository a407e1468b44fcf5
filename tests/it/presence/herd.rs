//! A herd in a room with presence costs the others nothing of their history.

use serde_json::json;

use super::{ANN, COMPANION, HOST, ROOM, TRACKED, ask, configuration, poll, stream, token};
use crate::support::Gate;
use crate::support::http::request;

const HERD: usize = 2000;

#[tokio::test]
async fn two_thousand_joins_evict_nothing_of_any_other_room() {
    // In all, the log has room for both rooms and their companion, and not for each join.
    let more = format!("{TRACKED}[log]\nevents = 2300\n");
    let gate = Gate::start(&configuration(&more)).await;
    publish(&gate).await;
    let mut socket = gate.connect().await;
    for n in 0..HERD {
        let bearer = format!("Bearer {}", token(&gate, &format!("user-{n}"), "guest"));
        let headers = [("authorization", bearer.as_str())];
        let poll = request("GET", &stream(&[ROOM]), &headers, "");
        socket.send(poll).await;
        assert_eq!(socket.answer("GET").await.status(), 200);
    }
    assert_eq!(
        ask(&gate, ROOM, "?limit=1", HOST).await.json()["count"],
        HERD
    );
    assert_eq!(held(&gate, "r").await, 900);
    assert_eq!(held(&gate, ROOM).await, 100);
    assert_eq!(held(&gate, COMPANION).await, 1000);
}

#[tokio::test]
async fn whoever_may_only_subscribe_evicts_nothing_elsewhere_in_however_many_rooms_it_is() {
    let more = format!("{TRACKED}[log]\nevents = 1600\n");
    let gate = Gate::start(&configuration(&more)).await;
    let cursor = poll(&gate, "u", &[ANN]).await;
    publish(&gate).await;
    for round in 0..50 {
        let rooms: Vec<_> = (0..100).map(|n| format!("t:{round}-{n}")).collect();
        let rooms: Vec<_> = rooms.iter().map(|room| &**room).collect();
        let answer = gate.request("GET", &stream(&rooms), &[ANN], "").await;
        assert_eq!(answer.status(), 200);
    }
    let (first, last) = ("_presence:t:0-0", "_presence:t:49-99");
    assert_eq!((held(&gate, first).await, held(&gate, last).await), (0, 1));
    // 5000 joins, where there is room for 600; and whoever needs the room gets it, but for a sixteenth.
    publish(&gate).await;
    assert_eq!(held(&gate, "r").await, 1000);
    assert_eq!(held(&gate, ROOM).await, 200);
    // Nor has a room that has nothing to tell lost anything.
    let target = format!("{}&since={cursor}&wait=0", stream(&["u"]));
    let quiet = gate.request("GET", &target, &[ANN], "").await.json();
    assert_eq!(quiet["gaps"], json!([]));
    // Who read such a companion is told what it has missed.
    let target = format!("/v1/rooms/{first}/events?since={cursor}");
    let missed = gate.request("GET", &target, &[HOST], "").await.json();
    assert_eq!(missed["gaps"][0]["reason"], "evicted");
}

/// 900 events to `r`, and 100 to [`ROOM`].
async fn publish(gate: &Gate) {
    for _ in 0..10 {
        let event =
            |n: usize| json!({"room": if n < 90 { "r" } else { ROOM }, "event": "e", "data": n});
        let events: Vec<_> = (0..100).map(event).collect();
        let body = json!({ "events": events }).to_string();
        let answer = gate.request("POST", "/v1/publish", &[HOST], &body).await;
        assert_eq!(answer.status(), 202);
    }
}

async fn held(gate: &Gate, room: &str) -> usize {
    let target = format!("/v1/rooms/{room}/events?limit=1000");
    let page = gate.request("GET", &target, &[HOST], "").await.json();
    page["events"].as_array().unwrap().len()
}
