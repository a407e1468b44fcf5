//! A venue with tabs, a kitchen and waiters, whose backend holds one WebSocket and does everything through it.

use serde_json::{Value, json};

use super::{asked, gate_with, rooms, system, websocket};
use crate::support::api_key;
use crate::support::websocket::WebSocket;

const GUEST: (&str, &str) = ("x-api-key", "the-key-of-the-guest-at-tab-12");
const WAITER: (&str, &str) = ("x-api-key", "the-key-of-the-waiter-walt");
const COOK: (&str, &str) = ("x-api-key", "the-key-of-the-cook-cora");

const STAFF: &str = r#"
    [roles.guest]
    subscribe = ["tab:12"]
    rooms = ["tab:12"]
    [roles.walking]
    subscribe = ["venue:v1", "user:{sub}"]
    rooms = ["venue:v1", "user:{sub}"]
    [roles.cooking]
    subscribe = ["kitchen:v1"]
    rooms = ["kitchen:v1"]
"#;

async fn tells(system: &mut WebSocket, rooms: &[&str], event: &str, data: Value) {
    let message = json!({"type": "publish", "rooms": rooms, "event": event, "data": data});
    assert_eq!(asked(system, message).await["type"], "ack");
}

/// The next event: its room and its name.
async fn heard(socket: &mut WebSocket) -> (String, String) {
    let event = socket.json().await;
    let text = |key: &str| {
        event[key]
            .as_str()
            .unwrap_or_else(|| panic!("{event}"))
            .to_owned()
    };
    (text("room"), text("event"))
}

fn one(room: &str, event: &str) -> (String, String) {
    (room.to_owned(), event.to_owned())
}

#[tokio::test]
async fn a_venue_is_served_through_one_connection_of_its_backend() {
    let keys = api_key("guest-12", GUEST.1, "guest")
        + &api_key("walt", WAITER.1, "walking")
        + &api_key("cora", COOK.1, "cooking");
    let gate = gate_with(&format!("{STAFF}{keys}")).await;
    let mut system = system(&gate).await;
    let (mut guest, guest_stream) = websocket(&gate, GUEST, &[]).await;
    let (mut waiter, waiter_stream) = websocket(&gate, WAITER, &[]).await;
    let (mut cook, _) = websocket(&gate, COOK, &[]).await;

    // A guest orders: the tab and the whole venue see one event, the kitchen its own.
    let item = json!({"tabId": 12, "item": "soup"});
    tells(
        &mut system,
        &["tab:12", "venue:v1"],
        "tab:item-added",
        item.clone(),
    )
    .await;
    tells(&mut system, &["kitchen:v1"], "kitchen:new-order", item).await;
    assert_eq!(heard(&mut guest).await, one("tab:12", "tab:item-added"));
    assert_eq!(heard(&mut waiter).await, one("venue:v1", "tab:item-added"));
    assert_eq!(
        heard(&mut cook).await,
        one("kitchen:v1", "kitchen:new-order")
    );

    // The waiter takes the table over, and is one of those who see the tab.
    let takes = json!({"type": "join", "principal": "walt", "room": "tab:12"});
    assert_eq!(asked(&mut system, takes).await["streams"], 1);
    assert_eq!(
        rooms(&waiter.json().await),
        ["venue:v1", "user:walt", "tab:12"]
    );
    tells(
        &mut system,
        &["tab:12"],
        "tab:status-changed",
        json!("served"),
    )
    .await;
    assert_eq!(heard(&mut guest).await, one("tab:12", "tab:status-changed"));
    assert_eq!(
        heard(&mut waiter).await,
        one("tab:12", "tab:status-changed")
    );
    let at_the_tab = asked(&mut system, json!({"type": "list", "room": "tab:12"})).await;
    let mut who: Vec<_> = at_the_tab["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["principal"].as_str().unwrap(),
                one["stream"].as_str().unwrap(),
            )
        })
        .collect();
    who.sort_unstable();
    assert_eq!(
        who,
        [("guest-12", &*guest_stream), ("walt", &*waiter_stream)]
    );

    // A word to the waiter alone, and one to this screen of his.
    tells(&mut system, &["user:walt"], "notification", json!("break")).await;
    let screen = format!("_stream:{waiter_stream}");
    tells(&mut system, &[&screen], "toast", json!("saved")).await;
    assert_eq!(heard(&mut waiter).await, one("user:walt", "notification"));
    assert_eq!(heard(&mut waiter).await, one(&screen, "toast"));

    // The tab is closed: the waiter leaves it, the guest is sent away.
    let leaves = json!({"type": "leave", "stream": waiter_stream, "room": "tab:12"});
    assert_eq!(asked(&mut system, leaves).await["streams"], 1);
    tells(
        &mut system,
        &["tab:12", "venue:v1"],
        "tab:closed",
        json!(12),
    )
    .await;
    assert_eq!(heard(&mut guest).await, one("tab:12", "tab:closed"));
    assert_eq!(rooms(&waiter.json().await), ["venue:v1", "user:walt"]);
    assert_eq!(heard(&mut waiter).await, one("venue:v1", "tab:closed"));
    let ends = json!({"type": "disconnect", "principal": "guest-12"});
    assert_eq!(asked(&mut system, ends).await["streams"], 1);
    assert_eq!(guest.closed().await.0, Some(3504));
    let at_the_tab = asked(&mut system, json!({"type": "list", "room": "tab:12"})).await;
    assert_eq!(at_the_tab["streams"], json!([]));
}
