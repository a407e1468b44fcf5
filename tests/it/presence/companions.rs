//! The companion: a room like others, that one grant opens and nobody publishes to.

use serde_json::json;

use super::{
    ANN, COMPANION, HOST, JOIN, ROOM, TRACKED, configuration, gate, poll, token, websocket,
};
use crate::support::Gate;
use crate::support::websocket::WebSocket;

#[tokio::test]
async fn no_grant_but_presence_opens_it() {
    let gate = gate().await;
    let events = format!("/v1/rooms/{COMPANION}/events");
    // Its role has `subscribe = ["t:*", "u", "_presence:*"]`.
    let refused = gate.request("GET", &events, &[ANN], "").await;
    assert_eq!(
        (refused.status(), &refused.json()["room"]),
        (403, &json!(COMPANION))
    );
    let target = format!("/v1/stream?room={COMPANION}");
    let refused = gate.request("GET", &target, &[ANN], "").await;
    assert_eq!(
        (refused.status(), refused.code().as_str()),
        (403, "forbidden")
    );
    let mut ann = websocket(&gate, &[ROOM], &[ANN]).await;
    ann.say(&json!({"type": "subscribe", "room": COMPANION}).to_string())
        .await;
    assert_eq!(ann.json().await["code"], "forbidden");
    let ended = WebSocket::upgrade(gate.connect().await, &target, &[ANN]).await;
    let mut ended = ended.unwrap_or_else(|head| panic!("{head:?}"));
    assert_eq!(ended.closed().await.0, Some(3501));
    // That of a room which the grant does not cover.
    let other = "/v1/rooms/_presence:r/events";
    assert_eq!(gate.request("GET", other, &[HOST], "").await.status(), 403);
    let own = gate.request("GET", &events, &[HOST], "").await;
    assert_eq!(own.json()["events"][0]["event"], JOIN);
}

#[tokio::test]
async fn a_grant_that_ends_at_a_reload_ends_the_reading() {
    let gate = gate().await;
    let mut host = websocket(&gate, &["r", COMPANION], &[HOST]).await;
    let without = gate
        .toml()
        .replace(r#"presence = ["t:*", "u", "org:{org}:*"]"#, "");
    assert_ne!(without, gate.toml());
    gate.reload(&without).await.unwrap();
    let welcome = host.json().await;
    assert_eq!(
        (&welcome["type"], &welcome["rooms"]),
        (&json!("welcome"), &json!(["r"]))
    );
    let gap = host.json().await;
    assert_eq!(
        (&gap["room"], &gap["reason"]),
        (&json!(COMPANION), &json!("unauthorized"))
    );
}

#[tokio::test]
async fn nobody_publishes_to_it_whatever_its_grants() {
    let gate = gate().await;
    let target = format!("/v1/rooms/{COMPANION}/events");
    let one = gate
        .request("POST", &target, &[HOST], r#"{"event": "e"}"#)
        .await;
    assert_eq!(
        (one.status(), &one.json()["room"]),
        (403, &json!(COMPANION))
    );
    let many = json!({"events": [
        {"room": COMPANION, "event": "e"},
        {"rooms": [ROOM, COMPANION], "event": "e"},
        {"room": "_presence:nowhere", "event": "e"},
        {"room": ROOM, "event": "fine"},
    ]});
    let many = gate
        .request("POST", "/v1/publish", &[HOST], &many.to_string())
        .await
        .json();
    let codes: Vec<_> = (0..4)
        .map(|n| many["results"][n]["error"]["code"].clone())
        .collect();
    let no = json!("forbidden");
    assert_eq!(codes, [no.clone(), no.clone(), no.clone(), json!(null)]);
    let publish = json!({"type": "publish", "ref": 1, "room": COMPANION, "event": "e"});
    let posted = gate
        .request("POST", "/v1/messages", &[HOST], &publish.to_string())
        .await;
    assert_eq!(posted.status(), 403);
    let mut host = websocket(&gate, &["r"], &[HOST]).await;
    host.say(&publish.to_string()).await;
    assert_eq!(host.json().await["code"], no);
    // Nor does the program that the gateway runs in.
    let publisher = gate.gateway().publisher();
    let refused = publisher.publish(&[COMPANION], "e", &1).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "forbidden");
    let held = gate.request("GET", &target, &[HOST], "").await.json();
    assert_eq!(held["events"], json!([]));
}

#[tokio::test]
async fn it_keeps_what_its_own_pattern_says() {
    let more = format!("{TRACKED}[rooms.\"_presence:*\"]\nhistory = {{ events = 3 }}\n");
    let gate = Gate::start(&configuration(&more)).await;
    for n in 0..5 {
        let bearer = format!("Bearer {}", token(&gate, &format!("user-{n}"), "guest"));
        poll(&gate, ROOM, &[("authorization", &bearer)]).await;
    }
    let target = format!("/v1/rooms/{COMPANION}/events");
    let page = gate.request("GET", &target, &[HOST], "").await.json();
    let names: Vec<_> = (0..3)
        .map(|n| page["events"][n]["data"]["principal"].clone())
        .collect();
    assert_eq!(names, ["user-2", "user-3", "user-4"]);
    // What it has dropped is a gap to whoever goes on from before.
    let all = super::ask(&gate, ROOM, "", HOST).await.json();
    assert_eq!(all["count"], 5);
}

#[tokio::test]
async fn an_operator_reads_what_a_credential_may_see() {
    let gate = gate().await;
    let body = json!({"credential": HOST.1, "rooms": [ROOM, COMPANION, "r", "_presence:r"]});
    let answer = gate
        .request("POST", "/v1/admin/explain", &[HOST], &body.to_string())
        .await
        .json();
    // A key has no claim `org`.
    assert_eq!(answer["presence"], json!(["t:*", "u"]));
    let may = |n: usize| {
        let one = &answer["asked"][n];
        [&one["subscribe"], &one["publish"], &one["presence"]].map(|may| may == true)
    };
    assert_eq!(may(0), [true, true, true]);
    assert_eq!(may(1), [true, false, false]);
    assert_eq!(may(2), [true, true, false]);
    assert_eq!(may(3), [false, false, false]);
}

#[tokio::test]
async fn a_signed_url_of_both_rooms_opens_both() {
    let gate = gate().await;
    let body = json!({"url": true, "rooms": [ROOM, COMPANION], "transport": "sse"});
    let answer = gate
        .request("POST", "/v1/session", &[HOST], &body.to_string())
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    let target = url
        .split_once("/v1/")
        .map(|(_, rest)| format!("/v1/{rest}"));
    let mut socket = gate.connect().await;
    let request =
        crate::support::http::request("GET", &target.unwrap(), &[super::EVENT_STREAM], "");
    socket.send(request).await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    assert!(
        welcome.contains(&format!(r#""rooms":["{ROOM}","{COMPANION}"]"#)),
        "{welcome}"
    );
    let join = body.event(JOIN).await;
    assert!(join.contains(r#""principal":"host""#), "{join}");
}
