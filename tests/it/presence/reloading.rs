//! What is tracked may change while streams go on.

use serde_json::json;

use super::{
    ANN, GRACE, HOST, JOIN, LEAVE, ROOM, TRACKED, ZOE, ask, configuration, gate, joins_and_leaves,
    pass, there, told, until_there, websocket,
};

#[tokio::test]
async fn a_room_that_is_tracked_no_more_loses_its_members_without_a_word() {
    let gate = gate().await;
    let ann = websocket(&gate, &[ROOM], &[ANN]).await;
    until_there(&gate, &[("ann", "api_key", 1)]).await;
    gate.reload(&configuration("")).await.unwrap();
    assert_eq!(ask(&gate, ROOM, "", HOST).await.code(), "not_tracked");
    pass(&gate, 2 * GRACE);
    gate.reload(&configuration(TRACKED)).await.unwrap();
    assert_eq!(there(&gate).await, []);
    // Who came before is not seen, and takes nobody with it when it goes.
    let second = websocket(&gate, &[ROOM], &[ANN]).await;
    until_there(&gate, &[("ann", "api_key", 1)]).await;
    drop(ann);
    let zoe = websocket(&gate, &[ROOM], &[ZOE]).await;
    drop(zoe);
    until_there(&gate, &[("ann", "api_key", 1), ("zoe", "api_key", 0)]).await;
    pass(&gate, GRACE);
    until_there(&gate, &[("ann", "api_key", 1)]).await;
    drop(second);
    until_there(&gate, &[("ann", "api_key", 0)]).await;
    let all = told(&gate).await;
    assert_eq!(
        joins_and_leaves(&all),
        [
            (JOIN, "api_key ann"),
            (JOIN, "api_key ann"),
            (JOIN, "api_key zoe"),
            (LEAVE, "api_key zoe")
        ]
    );
}

#[tokio::test]
async fn a_room_that_begins_to_be_tracked_sees_who_joins_from_then_on_or_says_again_who_it_is() {
    let gate = crate::support::Gate::start(&configuration("")).await;
    let mut socket = websocket(&gate, &[ROOM], &[ZOE]).await;
    let mut ann = websocket(&gate, &["u"], &[ANN]).await;
    gate.reload(&configuration(TRACKED)).await.unwrap();
    assert_eq!(there(&gate).await, []);
    ann.say(&json!({"type": "subscribe", "room": ROOM, "ref": 1}).to_string())
        .await;
    assert_eq!(ann.json().await["type"], "ack");
    until_there(&gate, &[("ann", "api_key", 1)]).await;
    socket
        .say(&json!({"type": "auth", "token": ZOE.1, "ref": 1}).to_string())
        .await;
    assert_eq!(socket.json().await["type"], "welcome");
    let both = [("ann", "api_key", 1), ("zoe", "api_key", 1)];
    until_there(&gate, &both).await;
    drop((ann, socket));
    until_there(&gate, &[("ann", "api_key", 0), ("zoe", "api_key", 0)]).await;
}

#[tokio::test]
async fn a_new_grace_holds_for_whoever_goes_from_then_on() {
    let gate = gate().await;
    let ann = websocket(&gate, &[ROOM], &[ANN]).await;
    let zoe = websocket(&gate, &[ROOM], &[ZOE]).await;
    drop(ann);
    until_there(&gate, &[("ann", "api_key", 0), ("zoe", "api_key", 1)]).await;
    let shorter = "[rooms.\"t:*\"]\npresence = { track = true, grace = \"2s\" }\n";
    gate.reload(&configuration(shorter)).await.unwrap();
    drop(zoe);
    until_there(&gate, &[("ann", "api_key", 0), ("zoe", "api_key", 0)]).await;
    pass(&gate, 2);
    until_there(&gate, &[("ann", "api_key", 0)]).await;
    pass(&gate, GRACE - 2);
    until_there(&gate, &[]).await;
}
