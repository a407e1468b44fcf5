//! What is said to one stream alone: it is read by nobody else, and dies with it.

use serde_json::json;

use super::{ANN, BOB, SYSTEM, asked, data, gate, posted, publish, rooms, sse, system, websocket};
use crate::support::KEY;

#[tokio::test]
async fn what_is_published_to_the_room_of_a_stream_is_for_that_stream_alone_and_none_is_lost() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    let (mut other, _) = websocket(&gate, ANN, &[]).await;
    let (mut events, by_events) = sse(&gate, BOB, &[]).await;
    let own = format!("_stream:{stream}");
    for number in 0..3 {
        let answer = asked(&mut system, publish(&own, number)).await;
        assert_eq!(answer["room"], *own, "{answer}");
    }
    let answer = asked(
        &mut system,
        publish(&format!("_stream:{by_events}"), "to bob"),
    )
    .await;
    assert!(answer["id"].is_string());
    asked(&mut system, publish("venue", "to all")).await;
    for number in 0..3 {
        let event = ann.json().await;
        assert_eq!(
            (&event["room"], &event["data"]),
            (&own.as_str().into(), &number.into())
        );
    }
    assert_eq!(ann.json().await["data"], "to all");
    assert_eq!(other.json().await["data"], "to all");
    assert_eq!(data(&events.block().await.unwrap())["data"], "to bob");
    assert_eq!(data(&events.block().await.unwrap())["data"], "to all");
}

#[tokio::test]
async fn a_stream_that_is_not_there_gets_nothing_and_nothing_is_appended() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (ann, stream) = websocket(&gate, ANN, &[]).await;
    drop(ann);
    gate.streams_are(r#"transport="websocket",dialect="native",http="1.1""#, 1)
        .await;
    let before = asked(&mut system, publish("venue", 1)).await;
    for name in [stream.as_str(), "000000000000000000000abc", "abc"] {
        let room = format!("_stream:{name}");
        let refused = asked(&mut system, publish(&room, 1)).await;
        assert_eq!(
            (&refused["code"], &refused["room"]),
            (&"unknown_stream".into(), &room.as_str().into())
        );
        let target = format!("/v1/rooms/{room}/events");
        let body = r#"{"event":"e","data":1}"#;
        let answer = gate.request("POST", &target, &[SYSTEM], body).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (404, "unknown_stream".into())
        );
        let many = json!({"events": [{"rooms": ["venue", room], "event": "e"}]}).to_string();
        let answer = gate.request("POST", "/v1/publish", &[SYSTEM], &many).await;
        assert_eq!(
            answer.json()["results"][0]["error"]["code"],
            "unknown_stream"
        );
    }
    let target = format!(
        "/v1/rooms/venue/events?since={}",
        before["id"].as_str().unwrap()
    );
    let held = gate.request("GET", &target, &[KEY], "").await;
    assert_eq!(held.json()["events"], json!([]));
}

#[tokio::test]
async fn a_star_alone_grants_it_to_nobody_who_publishes_and_no_pattern_to_one_who_reads() {
    let gate = gate().await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    let own = format!("_stream:{stream}");
    // The role of this key has `*` for both.
    for key in [KEY, ANN] {
        let target = format!("/v1/rooms/{own}/events");
        let body = r#"{"event":"e","data":1}"#;
        let answer = gate.request("POST", &target, &[key], body).await;
        assert_eq!((answer.status(), answer.code()), (403, "forbidden".into()));
        let unknown = "/v1/rooms/_stream:000000000000000000000abc/events";
        let answer = gate.request("POST", unknown, &[key], body).await;
        assert_eq!(
            answer.code(),
            "forbidden",
            "strangers do not learn which streams there are"
        );
    }
    let subscribe = json!({"type": "subscribe", "room": own});
    assert_eq!(asked(&mut ann, subscribe).await["code"], "forbidden");
    for key in [KEY, SYSTEM, ANN] {
        let target = format!("/v1/rooms/{own}/events");
        let answer = gate.request("GET", &target, &[key], "").await;
        assert_eq!(answer.code(), "forbidden");
        let answer = gate
            .request("GET", &format!("/v1/stream?room={own}"), &[key], "")
            .await;
        assert_eq!(answer.code(), "forbidden");
    }
}

#[tokio::test]
async fn a_grant_that_names_it_lets_one_publish_there_and_read_nothing() {
    let more = "[roles.desk]\npublish = [\"_stream:*\"]\nsubscribe = [\"_stream:*\"]\n";
    let desk = ("x-api-key", "the-key-of-the-desk-of-the-venue");
    let key = crate::support::api_key("desk", desk.1, "desk");
    let gate = super::gate_with(&format!("{more}{key}")).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    let own = format!("_stream:{stream}");
    let answer = posted(&gate, desk, "", publish(&own, 1)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(ann.json().await["data"], 1);
    let answer = gate
        .request("GET", &format!("/v1/stream?room={own}"), &[desk], "")
        .await;
    assert_eq!(answer.code(), "forbidden");
    let join = json!({"type": "join", "stream": stream, "room": "menu"});
    assert_eq!(posted(&gate, desk, "", join).await.code(), "forbidden");
}

#[tokio::test]
async fn a_resume_does_not_get_what_was_said_to_the_stream_before() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = websocket(&gate, ANN, &[]).await;
    let start = asked(&mut system, publish("venue", 0)).await;
    ann.json().await;
    asked(
        &mut system,
        publish(&format!("_stream:{stream}"), "private"),
    )
    .await;
    asked(&mut system, publish("venue", 1)).await;
    drop(ann);
    let target = format!(
        "/v1/stream?room=venue&since={}",
        start["id"].as_str().unwrap()
    );
    let socket = gate.connect().await;
    let mut again = crate::support::websocket::WebSocket::upgrade(socket, &target, &[ANN])
        .await
        .unwrap_or_else(|head| panic!("{head:?}"));
    let welcome = again.json().await;
    assert_ne!(welcome["stream"], *stream);
    assert_eq!(
        (rooms(&welcome), &welcome["recovered"]),
        (vec!["venue"], &true.into())
    );
    assert_eq!(again.json().await["data"], 1);
}

#[tokio::test]
async fn a_stream_has_no_state_that_could_outlive_it() {
    let gate = gate().await;
    let (_ann, stream) = websocket(&gate, ANN, &["venue"]).await;
    let mut system = system(&gate).await;
    let mut retain = publish(&format!("_stream:{stream}"), 1);
    retain["key"] = json!("k");
    retain["retain"] = json!(true);
    assert_eq!(asked(&mut system, retain).await["code"], "bad_request");
}

#[tokio::test]
async fn what_was_said_once_is_answered_again_though_its_stream_has_ended_since() {
    let gate = gate().await;
    let (ann, stream) = websocket(&gate, ANN, &[]).await;
    let room = format!("_stream:{stream}");
    let target = format!("/v1/rooms/{room}/events");
    let say = async |target: &str, key: &str, body: &str| {
        let headers = [SYSTEM, ("idempotency-key", key)];
        gate.request("POST", target, &headers, body).await
    };
    let one = r#"{"event":"e","data":1}"#;
    let many = json!({"events": [{"room": room, "event": "e"}]}).to_string();
    let first = say(&target, "one", one).await;
    assert_eq!(first.status(), 202, "{}", first.text());
    let several = say("/v1/publish", "many", &many).await;
    drop(ann);
    gate.streams_are(r#"transport="websocket",dialect="native",http="1.1""#, 0)
        .await;
    let again = say(&target, "one", one).await;
    assert_eq!(
        (again.status(), again.header("idempotency-replayed")),
        (202, Some("true")),
        "{}",
        again.text()
    );
    assert_eq!(again.json(), first.json());
    let again = say("/v1/publish", "many", &many).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), several.json());
    // What was never applied is not, nor does the same key say something else.
    let new = say(&target, "new", one).await;
    assert_eq!((new.status(), new.code()), (404, "unknown_stream".into()));
    let other = say(&target, "one", r#"{"event":"e","data":2}"#).await;
    assert_eq!(other.code(), "idempotency_conflict");
}

#[tokio::test]
async fn to_look_for_streams_that_are_not_there_is_not_free() {
    let more = "[roles.desk]\npublish = [\"_stream:*\"]\nlimits = { publishes = \"1/s\" }\n";
    let desk = ("x-api-key", "the-key-of-the-desk-of-the-venue");
    let key = crate::support::api_key("desk", desk.1, "desk");
    let gate = super::gate_with(&format!("{more}{key}")).await;
    let unknown = publish("_stream:000000000000000000000abc", 1);
    for (status, code) in [(404, "unknown_stream"), (429, "rate_limited")] {
        let answer = posted(&gate, desk, "", unknown.clone()).await;
        assert_eq!((answer.status(), answer.code()), (status, code.into()));
    }
}
