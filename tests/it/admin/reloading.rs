//! A configuration that changes while streams go on.

use std::time::Duration;

use super::{
    KEY, SECRET, TV, VIEWER, ask, bearer, code, data, gate, publish, sse, token, viewers, websocket,
};
use crate::support::http::Next;
use crate::support::{Gate, api_key, http};

/// Another configuration: these credentials and this role, beside the operator.
fn toml(credentials: &str, role: &str) -> String {
    let operator = api_key("a", KEY.1, "a");
    let role_of_operator = "[roles.a]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nadmin = true\n";
    format!("{credentials}{operator}{role_of_operator}{role}")
}

async fn reload(gate: &Gate, toml: &str) -> Vec<String> {
    gate.reload(toml).await.unwrap().changed
}

#[tokio::test]
async fn streams_that_are_still_allowed_hear_nothing_of_it_and_lose_nothing() {
    let gate = gate().await;
    let (mut socket, _) = websocket(&gate, TV).await;
    let (mut body, _) = sse(&gate, TV).await;
    let bearer = bearer(&token(&gate, "ann", None));
    let (mut ann, _) = websocket(&gate, ("authorization", &bearer)).await;
    for extra in 0..20 {
        let more = api_key(
            &format!("more-{extra}"),
            &format!("one-more-key-{extra}"),
            "viewer",
        );
        let changed = reload(&gate, &toml(&format!("{}{more}", viewers()), VIEWER)).await;
        assert_eq!(changed, ["auth and roles"]);
        publish(&gate, "r").await;
        assert_eq!(socket.json().await["event"], "e");
        assert_eq!(ann.json().await["event"], "e");
        assert!(body.block().await.unwrap().contains("event: e"));
    }
    let new = ("x-api-key", "one-more-key-19");
    websocket(&gate, new).await;
    let old = gate
        .request(
            "GET",
            "/v1/negotiate",
            &[("x-api-key", "one-more-key-18")],
            "",
        )
        .await;
    assert_eq!(code(&old), (401, "unauthorized".into()));
}

#[tokio::test]
async fn a_key_that_is_gone_ends_its_streams_before_anything_later() {
    let gate = gate().await;
    let (mut socket, _) = websocket(&gate, TV).await;
    let (mut body, _) = sse(&gate, TV).await;
    let (mut operator, _) = websocket(&gate, KEY).await;
    let other = api_key("tv", "another-key", "viewer");
    reload(&gate, &toml(&other, VIEWER)).await;
    publish(&gate, "r").await;
    assert_eq!(socket.json().await["code"], "unauthorized");
    assert_eq!(socket.closed().await.0, Some(3500));
    assert_eq!(data(&body.block().await.unwrap())["code"], "unauthorized");
    assert_eq!(body.end().await, Next::Clean);
    assert_eq!(operator.json().await["event"], "e");
}

#[tokio::test]
async fn an_issuer_whose_secret_changes_ends_the_streams_of_its_tokens() {
    let gate = gate().await;
    let bearer = bearer(&token(&gate, "ann", None));
    let (mut ann, _) = websocket(&gate, ("authorization", &bearer)).await;
    let rotated = viewers().replace(SECRET, "another-secret-of-the-operators-tests-32");
    reload(&gate, &toml(&rotated, VIEWER)).await;
    assert_eq!(ann.json().await["code"], "unauthorized");
    assert_eq!(ann.closed().await.0, Some(3500));
}

#[tokio::test]
async fn a_room_that_is_not_granted_any_more_is_a_gap_and_the_others_go_on() {
    let gate = gate().await;
    let mut socket = {
        let socket = gate.connect().await;
        let target = "/v1/stream?room=r&room=s";
        crate::support::websocket::WebSocket::upgrade(socket, target, &[TV])
            .await
            .unwrap()
    };
    socket.json().await;
    let fewer = VIEWER
        .replace(r#"["r", "s"]"#, r#"["s"]"#)
        .replace(r#"["r"]"#, r#"["s"]"#);
    reload(&gate, &toml(&viewers(), &fewer)).await;
    publish(&gate, "r").await;
    publish(&gate, "s").await;
    let welcome = socket.json().await;
    assert_eq!(
        (&welcome["type"], &welcome["rooms"]),
        (&"welcome".into(), &["s"][..].into())
    );
    let gap = socket.json().await;
    assert_eq!(
        (&gap["type"], &gap["room"], &gap["reason"]),
        (&"gap".into(), &"r".into(), &"unauthorized".into())
    );
    assert_eq!(socket.json().await["room"], "s");
}

#[tokio::test]
async fn a_stream_that_took_its_roles_rooms_gets_one_that_is_added() {
    let gate = gate().await;
    let mut socket = gate.connect().await;
    socket
        .send(http::request(
            "GET",
            "/v1/stream",
            &[super::EVENT_STREAM, TV],
            "",
        ))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    body.event("welcome").await;
    let more = VIEWER.replace(r#"rooms = ["r"]"#, r#"rooms = ["r", "s"]"#);
    reload(&gate, &toml(&viewers(), &more)).await;
    assert_eq!(
        data(&body.event("welcome").await)["rooms"],
        serde_json::json!(["r", "s"])
    );
    publish(&gate, "s").await;
    body.event("e").await;
}

#[tokio::test]
async fn a_poll_that_waits_goes_on_if_it_may_and_is_answered_if_not() {
    let gate = gate().await;
    let start = publish(&gate, "r").await["id"].as_str().unwrap().to_owned();
    let target = format!("/v1/stream?room=r&since={start}&wait=55");
    let mut poll = gate.connect().await;
    poll.send(http::request("GET", &target, &[TV], "")).await;
    gate.polls_wait(1).await;
    let more = api_key("more", "one-more-key", "viewer");
    reload(&gate, &toml(&format!("{}{more}", viewers()), VIEWER)).await;
    gate.polls_wait(1).await;
    reload(&gate, &toml(&more, VIEWER)).await;
    let answer = poll.answer("GET").await;
    assert!(answer.json()["events"].as_array().unwrap().is_empty());
    poll.send(http::request("GET", &target, &[TV], "")).await;
    assert_eq!(
        code(&poll.answer("GET").await),
        (401, "unauthorized".into())
    );
}

#[tokio::test]
async fn a_configuration_with_mistakes_changes_nothing_and_each_is_named_with_its_line() {
    let gate = gate().await;
    let (mut socket, _) = websocket(&gate, TV).await;
    let wrong = toml(&viewers(), VIEWER) + "[rols.x]\n[limits]\nmessages = \"many\"\n";
    let mistakes = gate.reload(&wrong).await.unwrap_err();
    assert!(
        mistakes.contains("rols") && mistakes.contains("limits.messages"),
        "{mistakes}"
    );
    let answer = ask(&gate, "reload", "").await;
    assert_eq!(code(&answer), (422, "bad_configuration".into()));
    assert_eq!(answer.json()["detail"], mistakes);
    publish(&gate, "r").await;
    assert_eq!(socket.json().await["event"], "e");
    websocket(&gate, TV).await;
}

#[tokio::test]
async fn what_cannot_change_is_named_and_what_can_holds_for_the_next_request() {
    let gate = gate().await;
    let more = "[server]\nshards = 7\nheartbeat = \"5s\"\n[cors]\norigins = [\"https://app.example\"]\n[limits]\nbody = \"70KiB\"\nconnections = 100\n[socketio]\nrecovery = \"1m\"\n";
    let toml = toml(&viewers(), VIEWER) + more;
    let reloaded = gate.reload(&toml).await.unwrap();
    assert_eq!(reloaded.changed, ["cors", "limits", "server", "socketio"]);
    assert_eq!(
        reloaded.at_next_start,
        ["limits.connections", "server.shards"]
    );
    let origin = ("origin", "https://app.example");
    let answer = gate
        .request("GET", "/v1/negotiate", &[TV, origin], "")
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin.1));
    assert_eq!(answer.json()["heartbeat_ms"], 5000);
    let large = "x".repeat(80 * 1024);
    let answer = gate.request("POST", "/v1/publish", &[KEY], &large).await;
    assert_eq!(code(&answer), (413, "too_large".into()));
}

#[tokio::test]
async fn new_bounds_of_history_hold_for_what_is_held_and_lose_no_more_than_they_say() {
    let gate = gate().await;
    for _ in 0..5 {
        publish(&gate, "r").await;
    }
    let bounds = "[rooms.r.history]\nevents = 2\n";
    let changed = reload(&gate, &(toml(&viewers(), VIEWER) + bounds)).await;
    assert_eq!(changed, ["log and rooms"]);
    let page = gate
        .request("GET", "/v1/rooms/r/events", &[KEY], "")
        .await
        .json();
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    publish(&gate, "r").await;
    let page = gate
        .request("GET", "/v1/rooms/r/events", &[KEY], "")
        .await
        .json();
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    gate.hand.advance(Duration::from_secs(1));
}
