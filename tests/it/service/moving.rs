//! Streams that join rooms and leave them because the backend says so.

use serde_json::json;

use super::{
    ANN, BOB, SYSTEM, asked, data, gate, gate_with, posted, publish, rooms, sse, system, websocket,
};
use crate::support::websocket::WebSocket;

#[tokio::test]
async fn a_stream_is_in_the_room_from_the_join_to_the_leave_and_is_told_its_rooms() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    asked(&mut system, publish("tab:7", "before")).await;
    let join = json!({"type": "join", "stream": stream, "room": "tab:7"});
    assert_eq!(asked(&mut system, join).await["streams"], 1);
    asked(&mut system, publish("tab:7", "within")).await;
    let leave = json!({"type": "leave", "stream": stream, "room": "tab:7"});
    assert_eq!(asked(&mut system, leave).await["streams"], 1);
    asked(&mut system, publish("tab:7", "after")).await;
    asked(&mut system, publish("venue", "last")).await;
    assert_eq!(rooms(&ann.json().await), ["venue", "tab:7"]);
    let event = ann.json().await;
    assert_eq!(
        (&event["room"], &event["data"]),
        (&"tab:7".into(), &"within".into())
    );
    assert_eq!(rooms(&ann.json().await), ["venue"]);
    assert_eq!(ann.json().await["data"], "last");
}

#[tokio::test]
async fn an_event_source_sees_it_too_at_a_true_position() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = sse(&gate, ANN, &[]).await;
    let join = json!({"type": "join", "stream": stream, "room": "tab:7"});
    asked(&mut system, join).await;
    asked(&mut system, publish("tab:7", 1)).await;
    let welcome = ann.block().await.unwrap();
    assert!(
        welcome.contains("event: welcome") && welcome.contains("\nid: "),
        "{welcome}"
    );
    assert_eq!(rooms(&data(&welcome)), ["venue", "tab:7"]);
    assert_eq!(data(&ann.block().await.unwrap())["room"], "tab:7");
}

#[tokio::test]
async fn one_that_wants_the_state_of_its_rooms_is_told_that_of_a_room_that_it_is_made_to_join() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let socket = gate.connect().await;
    let target = "/v1/stream?room=venue&snapshot=1";
    let mut ann = WebSocket::upgrade(socket, target, &[ANN])
        .await
        .unwrap_or_else(|head| panic!("{head:?}"));
    let welcome = ann.json().await;
    for told in ["state_begin", "state_end"] {
        assert_eq!(ann.json().await["type"], told);
    }
    let retained = json!({"type": "publish", "room": "tab:7", "event": "bill", "data": 42, "key": "sum", "retain": true});
    asked(&mut system, retained).await;
    let join = json!({"type": "join", "stream": welcome["stream"], "room": "tab:7"});
    asked(&mut system, join).await;
    assert_eq!(rooms(&ann.json().await), ["venue", "tab:7"]);
    assert_eq!(ann.json().await["type"], "state_begin");
    let state = ann.json().await;
    assert_eq!(
        (&state["room"], &state["data"]),
        (&"tab:7".into(), &42.into())
    );
    assert_eq!(ann.json().await["type"], "state_end");
    asked(&mut system, publish("tab:7", 1)).await;
    assert_eq!(ann.json().await["data"], 1);
}

#[tokio::test]
async fn one_that_is_made_to_join_is_present_until_it_is_made_to_leave() {
    let more = "[rooms.\"tab:*\"]\npresence = { track = true, grace = \"0s\" }\n";
    let gate = gate_with(more).await;
    let mut system = system(&gate).await;
    let (_ann, stream) = websocket(&gate, ANN, &[]).await;
    for (kind, count) in [("join", 1), ("leave", 0)] {
        let step = json!({"type": kind, "stream": stream, "room": "tab:7"});
        assert_eq!(asked(&mut system, step).await["streams"], 1);
        // It is applied when the stream's turn comes.
        let seen = async {
            loop {
                let who = json!({"type": "presence", "room": "tab:7"});
                if asked(&mut system, who).await["count"] == count {
                    return;
                }
            }
        };
        gate.hasten(std::time::Duration::from_millis(1), seen).await;
    }
}

#[tokio::test]
async fn all_streams_of_a_principal_are_moved_and_nobody_elses_nor_one_that_comes_later() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut one, _) = websocket(&gate, ANN, &[]).await;
    let (mut two, _) = sse(&gate, ANN, &["menu"]).await;
    let (mut bob, _) = websocket(&gate, BOB, &[]).await;
    let join = json!({"type": "join", "principal": "ann", "room": "tab:7"});
    assert_eq!(asked(&mut system, join).await["streams"], 2);
    let (mut later, _) = websocket(&gate, ANN, &[]).await;
    asked(&mut system, publish("tab:7", 1)).await;
    asked(&mut system, publish("venue", 2)).await;
    assert_eq!(rooms(&one.json().await), ["venue", "tab:7"]);
    assert_eq!(one.json().await["data"], 1);
    assert_eq!(rooms(&data(&two.block().await.unwrap())), ["menu", "tab:7"]);
    assert_eq!(data(&two.block().await.unwrap())["data"], 1);
    for other in [&mut bob, &mut later] {
        assert_eq!(other.json().await["data"], 2);
    }
    let nobody = json!({"type": "join", "principal": "eve", "room": "tab:7"});
    assert_eq!(asked(&mut system, nobody).await["streams"], 0);
}

#[tokio::test]
async fn a_move_that_concerns_others_is_passed_by_those_who_read_at_the_same_place() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, _) = websocket(&gate, ANN, &[]).await;
    let (mut bob, _) = websocket(&gate, BOB, &[]).await;
    for number in 0..50 {
        // All three are in the log before anybody is awake for the first of them.
        let leave = json!({"type": "leave", "principal": "bob", "room": "venue"});
        let join = json!({"type": "join", "principal": "bob", "room": "venue"});
        let said = [
            publish("venue", number),
            leave,
            publish("venue", "lost"),
            join,
        ];
        for message in said {
            system.say(&message.to_string()).await;
        }
        assert_eq!(ann.json().await["data"], number);
        assert_eq!(ann.json().await["data"], "lost");
        assert_eq!(bob.json().await["data"], number);
        assert!(rooms(&bob.json().await).is_empty());
        assert_eq!(rooms(&bob.json().await), ["venue"]);
    }
}

#[tokio::test]
async fn a_room_that_the_credential_does_not_grant_is_lost_with_the_leave_and_with_the_stream() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    let subscribe = json!({"type": "subscribe", "room": "tab:7"});
    assert_eq!(
        asked(&mut ann, subscribe.clone()).await["code"],
        "forbidden"
    );
    let join = json!({"type": "join", "stream": stream, "room": "tab:7"});
    asked(&mut system, join).await;
    rooms(&ann.json().await);
    // It may come and go in it as it likes.
    let unsubscribe = json!({"type": "unsubscribe", "room": "tab:7"});
    assert_eq!(asked(&mut ann, unsubscribe).await["type"], "ack");
    assert_eq!(asked(&mut ann, subscribe.clone()).await["type"], "ack");
    let leave = json!({"type": "leave", "stream": stream, "room": "tab:7"});
    asked(&mut system, leave).await;
    assert_eq!(rooms(&ann.json().await), ["venue"]);
    assert_eq!(asked(&mut ann, subscribe).await["code"], "forbidden");
    // One that it grants may be had again.
    let leave = json!({"type": "leave", "stream": stream, "room": "venue"});
    asked(&mut system, leave).await;
    assert!(rooms(&ann.json().await).is_empty());
    let venue = json!({"type": "subscribe", "room": "venue"});
    assert_eq!(asked(&mut ann, venue).await["type"], "ack");
}

#[tokio::test]
async fn a_room_that_only_the_stream_was_given_may_be_had_again_by_a_request_of_its_own() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = sse(&gate, ANN, &["menu"]).await;
    let query = format!("?stream={stream}");
    let says = async |kind: &str, room: &str| {
        let message = json!({"type": kind, "room": room});
        posted(&gate, ANN, &query, message).await
    };
    assert_eq!(says("subscribe", "tab:7").await.status(), 403);
    let join = json!({"type": "join", "stream": stream, "room": "tab:7"});
    asked(&mut system, join).await;
    assert_eq!(rooms(&data(&ann.block().await.unwrap())), ["menu", "tab:7"]);
    assert_eq!(says("unsubscribe", "tab:7").await.status(), 200);
    let again = says("subscribe", "tab:7").await;
    assert_eq!(again.status(), 200, "{}", again.text());
    asked(&mut system, publish("tab:7", 1)).await;
    assert_eq!(data(&ann.block().await.unwrap())["data"], 1);
    let leave = json!({"type": "leave", "stream": stream, "room": "tab:7"});
    asked(&mut system, leave).await;
    assert_eq!(rooms(&data(&ann.block().await.unwrap())), ["menu"]);
    assert_eq!(says("subscribe", "tab:7").await.status(), 403);
}

#[tokio::test]
async fn a_stream_with_as_many_rooms_as_it_may_have_is_told_so_and_joins_no_more() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    for room in ["tab:1", "tab:2", "tab:3"] {
        let join = json!({"type": "join", "stream": stream, "room": room});
        asked(&mut system, join).await;
    }
    rooms(&ann.json().await);
    assert_eq!(rooms(&ann.json().await), ["venue", "tab:1", "tab:2"]);
    let told = ann.json().await;
    assert_eq!(
        (&told["code"], &told["room"]),
        (&"too_many_rooms".into(), &"tab:3".into())
    );
    asked(&mut system, publish("tab:3", 1)).await;
    asked(&mut system, publish("tab:2", 2)).await;
    assert_eq!(ann.json().await["data"], 2);
}

#[tokio::test]
async fn only_a_service_may_and_no_room_of_the_gateways_own_is_joined() {
    let gate = gate().await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    for wanted in [
        json!({"type": "join", "stream": stream, "room": "tab:7"}),
        json!({"type": "leave", "stream": stream, "room": "venue"}),
        json!({"type": "disconnect", "stream": stream}),
        json!({"type": "list"}),
    ] {
        assert_eq!(asked(&mut ann, wanted.clone()).await["code"], "forbidden");
        let answer = posted(&gate, ANN, "", wanted).await;
        assert_eq!((answer.status(), answer.code()), (403, "forbidden".into()));
    }
    for room in ["_canary", &format!("_stream:{stream}"), "_other"] {
        let join = json!({"type": "join", "stream": stream, "room": room});
        let answer = posted(&gate, SYSTEM, "", join).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (403, "forbidden".into()),
            "{room}"
        );
    }
    let companion = json!({"type": "join", "stream": stream, "room": "_presence:venue"});
    let answer = posted(&gate, SYSTEM, "", companion).await;
    assert_eq!(
        (answer.status(), &answer.json()["streams"]),
        (200, &1.into())
    );
    assert_eq!(rooms(&ann.json().await), ["venue", "_presence:venue"]);
}

#[tokio::test]
async fn what_moved_somebody_is_not_for_a_stream_that_says_only_later_that_it_is_theirs() {
    let anonymous = "[auth]\nanonymous = \"guest\"\n[roles.guest]\nsubscribe = [\"venue\"]\n";
    let gate = gate_with(anonymous).await;
    let socket = gate.connect().await;
    let mut guest = WebSocket::upgrade(socket, "/v1/stream?room=venue", &[])
        .await
        .unwrap();
    assert_eq!(guest.json().await["principal"], "anonymous");
    let mut system = system(&gate).await;
    let join = json!({"type": "join", "principal": "ann", "room": "secret"});
    assert_eq!(asked(&mut system, join).await["streams"], 0);
    asked(&mut system, publish("secret", "before")).await;
    guest
        .say(&json!({"type": "auth", "ref": 1, "token": ANN.1}).to_string())
        .await;
    assert_eq!(rooms(&guest.json().await), ["venue"]);
    assert_eq!(guest.json().await["ref"], 1);
    asked(&mut system, publish("venue", "after")).await;
    let next = guest.json().await;
    assert_eq!(
        (&next["room"], &next["data"]),
        (&json!("venue"), &json!("after"))
    );
}
