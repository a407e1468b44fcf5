//! Coming, going, and the grace between.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use super::{
    ANN, EVENT_STREAM, GRACE, HOST, JOIN, LEAVE, ROOM, ZOE, gate, joins_and_leaves, pass, poll,
    sse, stream, there, token, told, until_there, websocket,
};
use crate::support::http::request;
use crate::support::http2::Http2;
use crate::support::patiently;

const ANN_IS_THERE: (&str, &str, u64) = ("ann", "api_key", 1);

#[tokio::test]
async fn whoever_is_back_within_the_grace_on_any_transport_has_never_been_away() {
    let gate = gate().await;
    let first = websocket(&gate, &[ROOM], &[ANN]).await;
    let since = super::ask(&gate, ROOM, "", HOST).await.json()["members"][0]["since"].clone();
    until_there(&gate, &[ANN_IS_THERE]).await;
    drop(first);
    until_there(&gate, &[("ann", "api_key", 0)]).await;
    pass(&gate, GRACE - 1);
    let second = sse(&gate, &[ROOM], &[ANN]).await;
    until_there(&gate, &[ANN_IS_THERE]).await;
    pass(&gate, 3 * GRACE);
    drop(second);
    until_there(&gate, &[("ann", "api_key", 0)]).await;
    pass(&gate, GRACE - 1);
    poll(&gate, ROOM, &[ANN]).await;
    pass(&gate, GRACE - 1);
    let now = super::ask(&gate, ROOM, "", HOST).await.json();
    assert_eq!(now["members"][0]["since"], since);
    assert_eq!(
        joins_and_leaves(&told(&gate).await),
        [(JOIN, "api_key ann")]
    );
    pass(&gate, 1);
    let all = told(&gate).await;
    assert_eq!(
        joins_and_leaves(&all),
        [(JOIN, "api_key ann"), (LEAVE, "api_key ann")]
    );
    assert_eq!(there(&gate).await, []);
}

#[tokio::test]
async fn a_leave_is_told_though_nobody_asks() {
    let gate = gate().await;
    let mut host = websocket(&gate, &["_presence:t:1"], &[HOST]).await;
    let ann = websocket(&gate, &[ROOM], &[ANN]).await;
    let join = host.json().await;
    assert_eq!(
        (&join["event"], &join["room"]),
        (&json!(JOIN), &json!("_presence:t:1"))
    );
    drop(ann);
    until_there(&gate, &[("ann", "api_key", 0)]).await;
    // As a live reader sees it: nobody looks at the registry meanwhile.
    let leave = gate.hasten(Duration::from_secs(1), host.json()).await;
    assert_eq!(leave["event"], LEAVE);
    assert_eq!(
        leave["data"],
        json!({"principal": "ann", "kind": "api_key"})
    );
}

#[tokio::test]
async fn a_poll_is_there_while_it_waits_over_each_version_of_http() {
    let gate = gate().await;
    let cursor = poll(&gate, ROOM, &[HOST]).await;
    until_there(&gate, &[("host", "api_key", 0)]).await;
    pass(&gate, GRACE);
    let target = format!("{}&since={cursor}&wait=50", stream(&[ROOM]));
    let mut ann = gate.connect().await;
    ann.send(request("GET", &target, &[ANN], "")).await;
    let mut zoe = Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await;
    let answer = zoe.send("GET", &target, &[ZOE], None).await;
    until_there(&gate, &[ANN_IS_THERE, ("zoe", "api_key", 1)]).await;
    pass(&gate, 2 * GRACE);
    until_there(&gate, &[ANN_IS_THERE, ("zoe", "api_key", 1)]).await;
    // What is published answers both, and their graces begin.
    let body = r#"{"event": "e"}"#;
    let target = format!("/v1/rooms/{ROOM}/events");
    assert_eq!(
        gate.request("POST", &target, &[HOST], body).await.status(),
        202
    );
    assert_eq!(ann.answer("GET").await.status(), 200);
    assert_eq!(answer.await.unwrap().status(), 200);
    until_there(&gate, &[("ann", "api_key", 0), ("zoe", "api_key", 0)]).await;
    pass(&gate, GRACE);
    assert_eq!(there(&gate).await, []);
}

#[tokio::test]
async fn a_poll_that_is_given_up_is_gone() {
    let gate = gate().await;
    let cursor = poll(&gate, "u", &[ANN]).await;
    let target = format!("{}&since={cursor}&wait=50", stream(&[ROOM]));
    let mut ann = gate.connect().await;
    ann.send(request("GET", &target, &[ANN], "")).await;
    let mut zoe = Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await;
    let answer = zoe.send("GET", &target, &[ZOE], None).await;
    until_there(&gate, &[ANN_IS_THERE, ("zoe", "api_key", 1)]).await;
    drop((ann, answer));
    until_there(&gate, &[("ann", "api_key", 0), ("zoe", "api_key", 0)]).await;
}

#[tokio::test]
async fn rooms_are_joined_and_left_by_message_and_past_ones_too() {
    let gate = gate().await;
    let mut ann = websocket(&gate, &["u"], &[ANN]).await;
    assert_eq!(there(&gate).await, []);
    for since in ["", r#","since":"earliest""#] {
        let join = format!(r#"{{"type":"subscribe","ref":1,"room":"{ROOM}"{since}}}"#);
        ann.say(&join).await;
        assert_eq!(ann.json().await["type"], "ack");
        until_there(&gate, &[ANN_IS_THERE]).await;
        ann.say(&join).await;
        assert_eq!(ann.json().await["type"], "ack");
        until_there(&gate, &[ANN_IS_THERE]).await;
        let leave = format!(r#"{{"type":"unsubscribe","ref":2,"room":"{ROOM}"}}"#);
        ann.say(&leave).await;
        assert_eq!(ann.json().await["type"], "ack");
        until_there(&gate, &[("ann", "api_key", 0)]).await;
    }
    // For a stream that cannot send it is the same.
    let (_body, welcome) = sse(&gate, &["u"], &[ANN]).await;
    let target = format!(
        "/v1/messages?stream={}",
        welcome["stream"].as_str().unwrap()
    );
    let join = format!(r#"{{"type":"subscribe","room":"{ROOM}","since":"earliest"}}"#);
    let answer = gate.request("POST", &target, &[ANN], &join).await;
    assert_eq!(answer.status(), 200);
    until_there(&gate, &[ANN_IS_THERE]).await;
    assert_eq!(
        joins_and_leaves(&told(&gate).await),
        [(JOIN, "api_key ann")]
    );
}

#[tokio::test]
async fn whoever_says_later_who_it_is_is_there_as_that() {
    let gate = gate().await;
    let mut socket = websocket(&gate, &[ROOM], &[]).await;
    until_there(&gate, &[("anonymous", "anonymous", 1)]).await;
    let auth = format!(
        r#"{{"type":"auth","ref":1,"token":"{}"}}"#,
        token(&gate, "bob", "guest")
    );
    socket.say(&auth).await;
    assert_eq!(socket.json().await["type"], "welcome");
    assert_eq!(socket.json().await["type"], "ack");
    let both = [("anonymous", "anonymous", 0), ("bob", "token", 1)];
    until_there(&gate, &both).await;
    // A renewal changes nothing.
    socket.say(&auth).await;
    assert_eq!(socket.json().await["type"], "welcome");
    until_there(&gate, &both).await;
    pass(&gate, GRACE);
    until_there(&gate, &[("bob", "token", 1)]).await;
    drop(socket);
    until_there(&gate, &[("bob", "token", 0)]).await;
    let all = told(&gate).await;
    assert_eq!(
        joins_and_leaves(&all),
        [
            (JOIN, "anonymous anonymous"),
            (JOIN, "token bob"),
            (LEAVE, "anonymous anonymous")
        ]
    );
}

#[tokio::test]
async fn whoever_has_to_leave_a_room_or_is_sent_away_is_gone() {
    let gate = gate().await;
    let mut socket = websocket(&gate, &[ROOM, "u"], &[]).await;
    // This role may read the one room and not the other.
    let auth = json!({"type": "auth", "token": token(&gate, "bob", "member")});
    socket.say(&auth.to_string()).await;
    assert_eq!(socket.json().await["rooms"], json!([ROOM]));
    until_there(&gate, &[("anonymous", "anonymous", 0), ("bob", "token", 1)]).await;
    let in_u = super::ask(&gate, "u", "", HOST).await;
    assert_eq!(in_u.code(), "not_tracked");
    let body = r#"{"principal": "bob"}"#;
    let target = "/v1/admin/disconnect";
    let answer = gate.request("POST", target, &[HOST], body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    until_there(&gate, &[("anonymous", "anonymous", 0), ("bob", "token", 0)]).await;
}

#[tokio::test]
async fn a_reader_of_the_companion_is_in_no_room_and_one_of_both_hears_of_itself() {
    let gate = gate().await;
    let mut host = websocket(&gate, &["_presence:t:1"], &[HOST]).await;
    assert_eq!(there(&gate).await, []);
    let mut both = websocket(&gate, &["_presence:t:1", ROOM], &[HOST]).await;
    assert_eq!(both.json().await["event"], JOIN);
    assert_eq!(host.json().await["event"], JOIN);
    let quiet = patiently(Duration::from_millis(50), host.json()).await;
    assert_eq!(quiet, None);
    let headers = [HOST, EVENT_STREAM];
    let in_companion = gate
        .request("GET", "/v1/rooms/_presence:t:1/presence", &headers, "")
        .await;
    assert_eq!(in_companion.status(), 403);
}
