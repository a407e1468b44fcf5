//! Which streams there are.

use serde_json::{Value, json};

use crate::support::api_key;
use crate::support::socketio::Polling;

use super::{ANN, BOB, SYSTEM, asked, gate, posted, sse, system, websocket};

fn names(answer: &Value) -> Vec<&str> {
    let streams = answer["streams"].as_array().unwrap().iter();
    streams.map(|one| one["stream"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn streams_are_listed_by_room_and_principal_in_the_order_of_their_names() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (_ann, one) = websocket(&gate, ANN, &[]).await;
    let (_more, two) = sse(&gate, ANN, &["menu", "venue"]).await;
    let (_bob, three) = websocket(&gate, BOB, &[]).await;
    gate.hand.advance(std::time::Duration::from_secs(3));
    let in_venue = asked(&mut system, json!({"type": "list", "room": "venue"})).await;
    let mut all = [one.as_str(), &two, &three];
    all.sort_unstable();
    assert_eq!(
        (names(&in_venue), &in_venue["more"]),
        (all.to_vec(), &false.into())
    );
    let of_ann = json!({"type": "list", "principal": "ann", "room": "menu"});
    let of_ann = asked(&mut system, of_ann).await;
    let since = gate.clock().unix().0 - 3000;
    let expected = json!([{
        "stream": two, "principal": "ann", "role": "waiter", "transport": "sse",
        "dialect": "native", "rooms": ["menu", "venue"], "since": since,
    }]);
    assert_eq!(of_ann["streams"], expected);
    let all = posted(&gate, SYSTEM, "", json!({"type": "list", "ref": 1})).await;
    assert_eq!(
        (names(&all.json()).len(), &all.json()["ref"]),
        (4, &1.into())
    );
}

#[tokio::test]
async fn a_client_of_socket_io_is_listed_with_its_language() {
    let gate = gate().await;
    let (_session, name) = Polling::joined(&gate, ANN.1).await;
    let of_ann = posted(
        &gate,
        SYSTEM,
        "",
        json!({"type": "list", "principal": "ann"}),
    )
    .await;
    let stream = &of_ann.json()["streams"][0];
    assert_eq!(
        (&stream["stream"], &stream["transport"], &stream["dialect"]),
        (&json!(name), &json!("long-poll"), &json!("socketio"))
    );
}

#[tokio::test]
async fn a_socket_that_has_not_said_who_it_is_is_in_no_list() {
    let gate = gate().await;
    let socket = gate.connect().await;
    let _silent =
        crate::support::websocket::WebSocket::upgrade(socket, "/v1/stream?room=venue", &[])
            .await
            .unwrap_or_else(|head| panic!("{head:?}"));
    gate.streams_are(r#"transport="websocket",dialect="native",http="1.1""#, 1)
        .await;
    let all = posted(&gate, SYSTEM, "", json!({"type": "list"})).await;
    assert!(names(&all.json()).is_empty());
}

#[tokio::test]
async fn a_limit_by_name_holds_for_what_comes_by_requests_too() {
    let gate = super::gate_with("[roles.system.limits.events]\nlist = \"2/h\"\n").await;
    for _ in 0..2 {
        let answer = posted(&gate, SYSTEM, "", json!({"type": "list"})).await;
        assert_eq!(answer.status(), 200);
    }
    let answer = posted(&gate, SYSTEM, "", json!({"type": "list"})).await;
    assert_eq!(
        (answer.status(), answer.code()),
        (429, "rate_limited".into())
    );
    assert_eq!(answer.json()["limit"], "events.list");
}

#[tokio::test]
async fn a_list_of_streams_with_very_many_rooms_is_told_in_pages() {
    let rooms: Vec<_> = (0..100)
        .map(|number| format!("{}{number}", "r".repeat(190)))
        .collect();
    let role = format!("[roles.crowd]\nrooms = {rooms:?}\nsubscribe = [\"*\"]\n");
    let key = ("x-api-key", "the-key-of-whoever-has-very-many-rooms");
    let gate = super::gate_with_keys(&api_key("crowd", key.1, "crowd"), &role).await;
    let mut open = Vec::new();
    for _ in 0..30 {
        open.push(websocket(&gate, key, &[]).await);
    }
    let mut all: Vec<_> = open.iter().map(|(_, name)| name.clone()).collect();
    all.sort_unstable();
    let (mut listed, mut pages) = (Vec::new(), 0);
    let mut list = json!({"type": "list", "principal": "crowd"});
    loop {
        let answer = posted(&gate, SYSTEM, "", list.clone()).await;
        assert!(answer.text().len() < 300_000);
        let page = answer.json();
        listed.extend(names(&page).into_iter().map(str::to_owned));
        pages += 1;
        if page["more"] == false {
            break;
        }
        list["after"] = json!(listed.last());
    }
    assert_eq!((listed, pages), (all, 3));
}
