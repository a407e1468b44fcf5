//! Who is in a room, and who comes and goes.

mod asking;
mod coming;
mod companions;
mod herd;
mod reloading;
mod script;

use serde_json::{Value, json};

use crate::support::http::{Answer, Body, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key, within};

/// Who may see who is there, and is in no room.
const HOST: (&str, &str) = ("x-api-key", "the-key-of-the-host");
/// The key `ann`, who is not the user `ann`.
const ANN: (&str, &str) = ("x-api-key", "the-key-of-ann-herself");
const ZOE: (&str, &str) = ("x-api-key", "the-key-of-zoe-herself");
const EVENT_STREAM: (&str, &str) = ("accept", "text/event-stream");
const SECRET: &str = "the-secret-of-the-presence-tests-32-bytes";
const GRACE: u64 = 10;

/// A tracked room.
const ROOM: &str = "t:1";
const COMPANION: &str = "_presence:t:1";

/// What is tracked.
const TRACKED: &str = "[rooms.\"t:*\"]\npresence = { track = true }\n";

/// A configuration in which streams are silent, whatever time passes, with `more` behind it.
fn configuration(more: &str) -> String {
    let keys = [
        api_key("host", HOST.1, "host"),
        api_key("ann", ANN.1, "guest"),
        api_key("zoe", ZOE.1, "guest"),
    ];
    format!(
        r#"
        [auth]
        anonymous = "guest"
        {}
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "{SECRET}"
        [roles.host]
        subscribe = ["*", "_presence:*"]
        publish = ["*", "_presence:*", "{COMPANION}"]
        presence = ["t:*", "u", "org:{{org}}:*"]
        admin = true
        [roles.guest]
        subscribe = ["t:*", "u", "_presence:*"]
        publish = ["t:*"]
        [roles.member]
        subscribe = ["t:*"]
        presence = ["t:{{sub}}"]
        [server]
        heartbeat = "10m"
        silence = "60m"
        {more}
        "#,
        keys.concat()
    )
}

async fn gate() -> Gate {
    Gate::start(&configuration(TRACKED)).await
}

/// A token of this subject.
fn token(gate: &Gate, subject: &str, role: &str) -> String {
    use gatecast::auth::jwt::{Algorithm, sign};
    use gatecast::model::secret::Secret;
    let now = gate.clock().unix().0 / 1000;
    let claims = json!({"sub": subject, "role": role, "exp": now + 36_000});
    sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap()
}

async fn websocket(gate: &Gate, rooms: &[&str], headers: &[(&str, &str)]) -> WebSocket {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, &stream(rooms), headers)
        .await
        .unwrap_or_else(|head| panic!("refused: {head:?}"));
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

async fn sse(gate: &Gate, rooms: &[&str], headers: &[(&str, &str)]) -> (Body, Value) {
    let mut socket = gate.connect().await;
    let headers: Vec<_> = headers.iter().chain([&EVENT_STREAM]).copied().collect();
    socket
        .send(request("GET", &stream(rooms), &headers, ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let welcome = body.event("welcome").await;
    let data = welcome.lines().find_map(|line| line.strip_prefix("data: "));
    (body, serde_json::from_str(data.unwrap()).unwrap())
}

fn stream(rooms: &[&str]) -> String {
    format!("/v1/stream?room={}", rooms.join("&room="))
}

/// A poll that is answered at once; its cursor.
async fn poll(gate: &Gate, room: &str, headers: &[(&str, &str)]) -> String {
    let answer = gate.request("GET", &stream(&[room]), headers, "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["cursor"].as_str().unwrap().to_owned()
}

async fn ask(gate: &Gate, room: &str, query: &str, by: (&str, &str)) -> Answer {
    let target = format!("/v1/rooms/{room}/presence{query}");
    gate.request("GET", &target, &[by], "").await
}

/// Who is in [`ROOM`], by name, kind and streams.
async fn there(gate: &Gate) -> Vec<(String, String, u64)> {
    let answer = ask(gate, ROOM, "", HOST).await.json();
    let members = answer["members"].as_array().unwrap();
    assert_eq!(answer["count"], members.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let shown = members.iter().map(|one| {
        let streams = one["streams"].as_u64().unwrap();
        (text(&one["principal"]), text(&one["kind"]), streams)
    });
    shown.collect()
}

/// Returns once these are there. What a client does without an answer, such as being gone, is seen a moment later.
async fn until_there(gate: &Gate, expected: &[(&str, &str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, kind, streams)| ((*name).to_owned(), (*kind).to_owned(), *streams))
        .collect();
    let mut last = Vec::new();
    let waiting = async {
        while last != expected {
            last = there(gate).await;
        }
    };
    within(&format!("{expected:?}"), waiting).await;
}

/// All that the companion of [`ROOM`] has told: what, and who. Whoever is due to leave has left.
async fn told(gate: &Gate) -> Vec<(String, String)> {
    there(gate).await;
    let target = format!("/v1/rooms/{COMPANION}/events?limit=1000");
    let page = gate.request("GET", &target, &[HOST], "").await.json();
    assert_eq!((&page["more"], &page["gaps"]), (&json!(false), &json!([])));
    let events = page["events"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = events.iter().map(|event| {
        let data = &event["data"];
        let who = format!("{} {}", text(&data["kind"]), text(&data["principal"]));
        (text(&event["event"]), who)
    });
    all.collect()
}

fn joins_and_leaves(told: &[(String, String)]) -> Vec<(&str, &str)> {
    let all = told.iter().map(|(event, who)| (&**event, &**who));
    all.collect()
}

const JOIN: &str = "presence:join";
const LEAVE: &str = "presence:leave";

fn pass(gate: &Gate, seconds: u64) {
    gate.hand.advance(std::time::Duration::from_secs(seconds));
}
