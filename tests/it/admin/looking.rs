//! Who is connected, and which rooms there are.

use std::time::Duration;

use serde_json::{Value, json};

use super::{KEY, TV, ask, code, gate, publish, sse, token, websocket};
use crate::support::socketio::Polling;
use crate::support::{Gate, http, within};

async fn look(gate: &Gate, target: &str) -> Value {
    let target = format!("/v1/admin/{target}");
    let answer = gate.request("GET", &target, &[KEY], "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn each_stream_is_listed_with_who_and_where_it_is() {
    let gate = gate().await;
    let (mut body, tv) = sse(&gate, TV).await;
    let bearer = super::bearer(&token(&gate, "ann", None));
    let (mut socket, ann) = websocket(&gate, ("authorization", &bearer)).await;
    gate.hand.advance(Duration::from_secs(3));
    let id = publish(&gate, "r").await["id"].clone();
    body.event("e").await;
    while socket.json().await["event"] != "e" {}

    let streams = look(&gate, "streams").await;
    assert_eq!(streams["more"], false);
    let of = |name: &str| {
        let all = streams["streams"].as_array().unwrap();
        all.iter().find(|one| one["stream"] == name).unwrap()
    };
    let (tv, ann) = (of(&tv), of(&ann));
    for (stream, who, transport) in [(tv, "tv", "sse"), (ann, "ann", "websocket")] {
        let shown = json!([
            stream["principal"],
            stream["role"],
            stream["transport"],
            stream["dialect"],
            stream["rooms"],
            stream["cursor"],
            stream["lag"],
            stream["blocked"],
        ]);
        assert_eq!(
            shown,
            json!([who, "viewer", transport, "native", ["r"], id, 0, false])
        );
        assert!(stream["age_ms"].as_u64().unwrap() >= 3000);
        assert!(stream["bytes"].as_u64().unwrap() > 100, "{stream}");
        assert!(stream["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert_eq!(stream["request"].as_str().unwrap().len(), 16);
    }
    assert!(tv.get("expires_in_ms").is_none());
    let left = ann["expires_in_ms"].as_u64().unwrap();
    assert!((3_500_000..3_600_000).contains(&left), "{left}");
    let target = format!("streams/{}", ann["stream"].as_str().unwrap());
    assert_eq!(look(&gate, &target).await["principal"], "ann");
}

#[tokio::test]
async fn streams_are_found_by_what_they_are_and_come_in_pages() {
    let gate = gate().await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(sse(&gate, TV).await);
    }
    let (_socket, operator) = websocket(&gate, KEY).await;
    for (query, count) in [
        ("principal=tv", 5),
        ("role=viewer&transport=sse", 5),
        ("transport=websocket", 1),
        ("room=r", 6),
        ("room=s", 0),
        ("principal=tv&transport=websocket", 0),
    ] {
        let found = look(&gate, &format!("streams?{query}")).await;
        assert_eq!(found["streams"].as_array().unwrap().len(), count, "{query}");
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = look(&gate, &format!("streams?limit=2{after}")).await;
        let streams = page["streams"].as_array().unwrap();
        names.extend(
            streams
                .iter()
                .map(|one| one["stream"].as_str().unwrap().to_owned()),
        );
        if page["more"] == false {
            break;
        }
        assert_eq!(streams.len(), 2);
        after = format!("&after={}", names.last().unwrap());
    }
    let mut expected: Vec<_> = held.iter().map(|(_, name)| name.clone()).collect();
    expected.push(operator);
    expected.sort();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_stream_of_socket_io_is_listed_found_and_ended_by_its_language() {
    let gate = gate().await;
    let (_body, native) = sse(&gate, TV).await;
    let (session, name) = Polling::joined(&gate, TV.1).await;
    let found = look(&gate, "streams?dialect=socketio").await;
    let [stream] = &found["streams"].as_array().unwrap()[..] else {
        panic!("{found}")
    };
    let shown = json!([
        stream["stream"],
        stream["principal"],
        stream["transport"],
        stream["dialect"],
        stream["rooms"],
    ]);
    assert_eq!(shown, json!([name, "tv", "long-poll", "socketio", ["r"]]));
    let found = look(&gate, "streams?dialect=native").await;
    assert_eq!(found["streams"][0]["stream"], native);
    assert_eq!(found["streams"].as_array().unwrap().len(), 1);
    let answer = gate
        .request("GET", "/v1/admin/streams?dialect=esperanto", &[KEY], "")
        .await;
    assert_eq!(code(&answer), (400, "bad_request".into()));

    let carried = session.upgraded().await;
    let target = format!("streams/{name}");
    let stream = within("the WebSocket", async {
        loop {
            let stream = look(&gate, &target).await;
            if stream["transport"] == "websocket" {
                return stream;
            }
        }
    })
    .await;
    assert_eq!(stream["dialect"], "socketio");
    let ended = ask(&gate, "disconnect", r#"{"dialect":"socketio"}"#).await;
    assert_eq!(ended.json()["streams"], 1, "{}", ended.text());
    let left = look(&gate, "streams").await;
    assert_eq!(left["streams"].as_array().unwrap().len(), 1);
    drop(carried);
}

#[tokio::test]
async fn rooms_are_listed_with_what_they_hold_and_who_reads_them() {
    let gate = gate().await;
    let _held = sse(&gate, TV).await;
    for room in ["r", "r", "q:2", "q:1"] {
        publish(&gate, room).await;
    }
    gate.hand.advance(Duration::from_secs(61));
    publish(&gate, "q:1").await;
    let rooms = look(&gate, "rooms").await;
    let shown: Vec<_> = rooms["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|room| !room["room"].as_str().unwrap().starts_with('_'))
        .map(|room| {
            json!([
                room["room"],
                room["readers"],
                room["events"],
                room["last_minute"]
            ])
        })
        .collect();
    let expected = [
        json!(["q:1", 0, 2, 1]),
        json!(["q:2", 0, 1, 0]),
        json!(["r", 1, 2, 0]),
    ];
    assert_eq!(shown, expected);
    let page = look(&gate, "rooms?prefix=q:&limit=1&after=q:1").await;
    assert_eq!(
        (&page["rooms"][0]["room"], &page["more"]),
        (&json!("q:2"), &json!(false))
    );
}

#[tokio::test]
async fn nobody_but_an_operator_looks() {
    let gate = gate().await;
    for (method, target) in [
        ("GET", "/v1/admin/streams"),
        ("GET", "/v1/admin/rooms"),
        ("GET", "/v1/admin/revocations"),
        ("POST", "/v1/admin/disconnect"),
        ("POST", "/v1/admin/drain"),
        ("POST", "/v1/admin/revoke"),
        ("POST", "/v1/admin/reload"),
        ("POST", "/v1/admin/explain"),
    ] {
        let answer = gate.request(method, target, &[TV], "{}").await;
        assert_eq!(code(&answer), (403, "forbidden".into()), "{target}");
        let answer = gate.request(method, target, &[], "{}").await;
        assert_eq!(code(&answer), (401, "unauthorized".into()), "{target}");
    }
    for target in [
        "streams/000000000000000000000abc",
        "streams/nonsense",
        "nothing",
    ] {
        let target = format!("/v1/admin/{target}");
        let answer = gate.request("GET", &target, &[KEY], "").await;
        assert_eq!(answer.status(), 404, "{target}");
    }
    let mut socket = gate.connect().await;
    socket
        .send(http::request(
            "GET",
            "/v1/admin/streams?limit=0",
            &[KEY],
            "",
        ))
        .await;
    assert_eq!(
        code(&socket.answer("GET").await),
        (400, "bad_request".into())
    );
}
