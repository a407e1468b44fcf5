//! A herd in a room with presence costs the others nothing of their history.

use serde_json::json;

use super::{COMPANION, HOST, ROOM, TRACKED, ask, configuration, stream, token};
use crate::support::Gate;
use crate::support::http::request;

const HERD: usize = 2000;

#[tokio::test]
async fn two_thousand_joins_evict_nothing_of_any_other_room() {
    // In all, the log has room for both rooms and their companion, and not for each join.
    let more = format!("{TRACKED}[log]\nevents = 2300\n");
    let gate = Gate::start(&configuration(&more)).await;
    for _ in 0..10 {
        let event =
            |n: usize| json!({"room": if n < 90 { "r" } else { ROOM }, "event": "e", "data": n});
        let events: Vec<_> = (0..100).map(event).collect();
        let body = json!({ "events": events }).to_string();
        let answer = gate.request("POST", "/v1/publish", &[HOST], &body).await;
        assert_eq!(answer.status(), 202);
    }
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
    let held = async |room: &str| {
        let target = format!("/v1/rooms/{room}/events?limit=1000");
        let page = gate.request("GET", &target, &[HOST], "").await.json();
        page["events"].as_array().unwrap().len()
    };
    assert_eq!(held("r").await, 900);
    assert_eq!(held(ROOM).await, 100);
    assert_eq!(held(COMPANION).await, 1000);
}
