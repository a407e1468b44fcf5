//! Events that are not kept.

use serde_json::{Value, json};

use super::{event_source, head, offer, poll, publish, websocket};
use crate::support::http::request;
use crate::support::{Gate, KEY};

fn cursor_moved(x: u32) -> Value {
    json!({"event": "pointer", "data": {"x": x}, "volatile": true})
}

#[tokio::test]
async fn those_who_are_there_get_it_without_an_id_and_nobody_else_ever_does() {
    let gate = Gate::open("", "").await;
    let (mut socket, mut stream) = (
        websocket(&gate, "room=r").await,
        event_source(&gate, "room=r").await,
    );
    let begin = head(&gate, "r").await;
    let answer = offer(&gate, "r", &cursor_moved(1)).await;
    assert_eq!(
        (answer.status(), answer.json()),
        (202, json!({"id": null, "room": "r"}))
    );
    let event = socket.json().await;
    assert_eq!(
        (&event["event"], &event["data"]["x"]),
        (&json!("pointer"), &json!(1))
    );
    assert!(
        event.get("id").is_none() && event.get("type").is_none(),
        "{event}"
    );
    let block = stream.event("pointer").await;
    assert!(!block.contains("id:"), "{block}");
    let later = poll(&gate, &format!("room=r&since={begin}&wait=0")).await;
    assert_eq!(
        (&later["events"], &later["cursor"]),
        (&json!([]), &json!(begin))
    );
    // The order of what is kept goes on as if it had not been.
    let id = publish(&gate, "r", json!({"event": "e"})).await;
    assert_eq!(socket.json().await["id"], json!(id));
}

#[tokio::test]
async fn a_client_in_whose_rooms_nothing_has_happened_gets_it_whatever_has_happened_elsewhere() {
    let gate = Gate::open("", "").await;
    let mut socket = websocket(&gate, "room=r").await;
    for x in 0..3 {
        publish(&gate, "s", json!({"event": "e"})).await;
        offer(&gate, "r", &cursor_moved(x)).await;
        assert_eq!(socket.json().await["data"]["x"], x);
    }
}

#[tokio::test]
async fn a_client_that_has_something_else_to_read_does_not_get_it() {
    let gate = Gate::open(
        "",
        "[rooms.\"r\"]\nhistory = { events = 100000, bytes = \"200MiB\" }\n",
    )
    .await;
    let mut socket = websocket(&gate, "room=r").await;
    let event = json!({"room": "r", "event": "e", "data": "x".repeat(50_000)});
    let body = json!({"events": vec![event; 18]}).to_string();
    let mut backend = gate.connect().await;
    for _ in 0..25 {
        backend
            .send(request("POST", "/v1/publish", &[KEY], &body))
            .await;
        assert_eq!(backend.answer("POST").await.status(), 202);
    }
    offer(&gate, "r", &cursor_moved(1)).await;
    publish(&gate, "r", json!({"event": "last"})).await;
    let mut events = 0;
    loop {
        let message = socket.json().await;
        assert_ne!(message["event"], "pointer");
        events += 1;
        if message["event"] == "last" {
            break;
        }
    }
    assert_eq!(events, 18 * 25 + 1);
}

#[tokio::test]
async fn it_is_not_for_whom_it_excepts_and_comes_once_through_several_rooms() {
    let gate = Gate::open("", "").await;
    let mut own = websocket(&gate, "room=a&room=b&origin=o").await;
    let mut other = websocket(&gate, "room=a&room=b").await;
    let mut offer = cursor_moved(1);
    offer["rooms"] = json!(["a", "b"]);
    offer["except"] = json!({"origin": "o"});
    let body = json!({"events": [offer]}).to_string();
    let answer = gate.request("POST", "/v1/publish", &[KEY], &body).await;
    assert_eq!(
        answer.json()["results"][0],
        json!({"id": null, "rooms": ["a", "b"]})
    );
    let id = publish(&gate, "a", json!({"event": "e"})).await;
    assert_eq!(own.json().await["id"], json!(id));
    assert_eq!(other.json().await["event"], "pointer");
    assert_eq!(other.json().await["id"], json!(id));
}

#[tokio::test]
async fn it_has_no_idempotency_key() {
    let gate = Gate::open("", "").await;
    let body = cursor_moved(1).to_string();
    let headers = [KEY, ("Idempotency-Key", "one")];
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &headers, &body)
        .await;
    assert_eq!(
        (answer.status(), answer.code()),
        (400, "bad_request".to_owned())
    );
}
