//! What a room tells without a stream of it is as open as the room: its past, who is in it, and its companion.

use std::time::Duration;

use serde_json::json;

use super::backend::{Backend, says};
use super::{KEY, get, hook, no, publish, websocket};
use crate::support::Gate;

const TABS: &str = "rooms = [\"tab:*\"]\n";
const PRESENCE: &str = "[rooms.\"tab:*\"]\npresence = { track = true }\n";

async fn venue(backend: &Backend) -> Gate {
    let hook = hook("subscribe", backend, TABS);
    let own = "[roles.a]\nsubscribe = [\"*\"]\n";
    let see =
        "[roles.a]\nservice = true\npresence = [\"*\"]\nsubscribe = [\"*\", \"_presence:*\"]\n";
    let gate = Gate::open("", &format!("{PRESENCE}{hook}")).await;
    let toml = gate.toml().replace(own, see);
    gate.reload(&toml).await.unwrap();
    gate
}

#[tokio::test]
async fn the_past_of_a_room_is_as_open_as_the_room() {
    let backend = Backend::start(no()).await;
    let gate = venue(&backend).await;
    publish(&gate, "tab:7", "secret").await;
    let answer = get(&gate, "/v1/rooms/tab:7/events").await;
    assert_eq!((answer.status(), &*answer.code()), (403, "refused"));
    assert_eq!(answer.json()["room"], "tab:7");
    backend.does(says("{}"));
    for _ in 0..2 {
        let answer = get(&gate, "/v1/rooms/tab:7/events").await;
        assert_eq!(answer.json()["events"][0]["event"], "secret");
    }
    assert_eq!(backend.asked().len(), 2, "a yes holds for a while");
    assert_eq!(get(&gate, "/v1/rooms/r/events").await.status(), 200);
    assert_eq!(backend.asked().len(), 2, "and other rooms are not its own");
}

#[tokio::test]
async fn who_is_in_a_room_is_told_to_whom_the_backend_lets_in() {
    let backend = Backend::start(no()).await;
    let gate = venue(&backend).await;
    let answer = get(&gate, "/v1/rooms/tab:7/presence").await;
    assert_eq!((answer.status(), &*answer.code()), (403, "refused"));
    let message = json!({"type": "presence", "ref": 1, "room": "tab:7"}).to_string();
    let answer = gate.request("POST", "/v1/messages", &[KEY], &message).await;
    assert_eq!((answer.status(), &*answer.code()), (403, "refused"));
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    socket.json().await;
    socket.say(&message).await;
    let told = socket.json().await;
    assert_eq!(
        (&told["ref"], &told["code"]),
        (&json!(1), &json!("refused"))
    );
    backend.does(says("{}"));
    socket.say(&message).await;
    let told = socket.json().await;
    assert_eq!((&told["ref"], &told["count"]), (&json!(1), &json!(0)));
    assert_eq!(get(&gate, "/v1/rooms/tab:7/presence").await.status(), 200);
    let answer = gate.request("POST", "/v1/messages", &[KEY], &message).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_companion_is_as_open_as_the_room_that_it_tells_of() {
    let backend = Backend::start(no()).await;
    let gate = venue(&backend).await;
    let mut socket = websocket(&gate, "/v1/stream?room=_presence:tab:7", &[KEY]).await;
    let told = socket.json().await;
    assert_eq!(
        (&told["code"], &told["room"]),
        (&json!("refused"), &json!("_presence:tab:7"))
    );
    assert_eq!(backend.was_asked(1).await[0].json()["room"], "tab:7");
    let mut socket = websocket(&gate, "/v1/stream?room=r", &[KEY]).await;
    socket.json().await;
    let subscribe = json!({"type": "subscribe", "ref": 1, "room": "_presence:tab:7"});
    socket.say(&subscribe.to_string()).await;
    assert_eq!(socket.json().await["code"], "refused");
}

#[tokio::test]
async fn whoever_is_made_to_leave_is_asked_about_anew() {
    let backend = Backend::start(says("{}")).await;
    let gate = venue(&backend).await;
    for whom in ["stream", "principal"] {
        gate.hand.advance(Duration::from_secs(30));
        backend.does(says("{}"));
        let mut socket = websocket(&gate, "/v1/stream?room=r&room=tab:7", &[KEY]).await;
        let stream = socket.json().await["stream"].clone();
        let name = if whom == "stream" { stream } else { json!("a") };
        backend.does(no());
        let leave = json!({"type": "leave", "ref": 2, "room": "tab:7", whom: name});
        let answer = gate
            .request("POST", "/v1/messages", &[KEY], &leave.to_string())
            .await;
        assert_eq!(answer.status(), 200, "{:?}", answer.json());
        assert_eq!(socket.json().await["rooms"], json!(["r"]));
        let subscribe = json!({"type": "subscribe", "ref": 3, "room": "tab:7"});
        socket.say(&subscribe.to_string()).await;
        assert_eq!(socket.json().await["code"], "refused", "{whom}");
        let answer = get(&gate, "/v1/rooms/tab:7/events").await;
        assert_eq!(answer.code(), "refused", "{whom}");
    }
}
