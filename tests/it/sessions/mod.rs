//! `POST /v1/session`: a credential swapped for a cookie, or for a signed URL, as a browser has them.

mod cookies;
mod endings;
mod late;
mod nodes;
mod origins;
mod urls;

use gatecast::auth::jwt::{self, Algorithm};
use gatecast::model::secret::Secret;
use serde_json::{Value, json};

use crate::support::http::{self, Answer, Body, Head};
use crate::support::{Gate, api_key};

const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
const TV: (&str, &str) = ("X-API-Key", "the-key-of-the-tv");
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
/// The gateway's own pages, as `Host` names it in these tests.
const OWN: (&str, &str) = ("Origin", "http://localhost:8080");
const ISSUER: &str = "a-secret-of-the-tests-32-bytes-long";

/// The configuration of these tests: `auth` stands in `[auth]`, `more` at the end.
fn configuration(auth: &str, more: &str) -> String {
    let keys = api_key("backend", BACKEND.1, "backend") + &api_key("tv", TV.1, "display");
    format!(
        r#"
        [auth]
        {auth}
        {keys}
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "{ISSUER}"
        leeway = "0s"
        [roles.backend]
        subscribe = ["*"]
        publish = ["*"]
        admin = true
        [roles.display]
        rooms = ["open"]
        subscribe = ["open", "alerts"]
        [roles.member]
        rooms = ["org:{{org}}:news"]
        subscribe = ["open", "org:{{org}}:*"]
        publish = ["open"]
        {more}
        "#
    )
}

async fn gate() -> Gate {
    Gate::start(&configuration("", "")).await
}

/// A token of Ann's that lives for this many seconds more.
fn ann(gate: &Gate, seconds: u64) -> String {
    let end = gate.clock().unix().0 / 1000 + seconds;
    let claims = json!({"sub": "ann", "org": "acme", "role": "member", "exp": end});
    bearer(&claims)
}

fn bearer(claims: &Value) -> String {
    let token = jwt::sign(Algorithm::HS256, &Secret::new(ISSUER), None, claims).unwrap();
    format!("Bearer {token}")
}

async fn swap(gate: &Gate, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer = gate.request("POST", "/v1/session", headers, body).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// A cookie for whoever shows these headers.
async fn session(gate: &Gate, headers: &[(&str, &str)]) -> String {
    cookie(&swap(gate, headers, "").await)
}

/// The path and query of the URL that is signed for whoever shows these headers.
async fn signed(gate: &Gate, headers: &[(&str, &str)], body: &str) -> String {
    let answer = swap(gate, headers, body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("set-cookie"), None);
    target(answer.json()["url"].as_str().unwrap())
}

fn target(url: &str) -> String {
    url.strip_prefix("http://localhost:8080")
        .unwrap()
        .to_owned()
}

async fn get(gate: &Gate, target: &str, headers: &[(&str, &str)]) -> Answer {
    gate.request("GET", target, headers, "").await
}

/// Opens an event stream.
async fn stream(gate: &Gate, target: &str, headers: &[(&str, &str)]) -> (Head, Body) {
    let mut socket = gate.connect().await;
    let headers = [headers, &[EVENT_STREAM]].concat();
    let request = http::request("GET", target, &headers, "");
    socket.send(request).await;
    socket.open_body("GET").await
}

/// The data of a block.
fn data(block: &str) -> Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

/// Publishes to a room, and gives the event's id.
async fn publish(gate: &Gate, room: &str, data: u64) -> String {
    let target = format!("/v1/rooms/{room}/events");
    let body = format!(r#"{{"event":"e","data":{data}}}"#);
    let answer = gate.request("POST", &target, &[BACKEND], &body).await;
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status(), status, "{what}: {text}");
    assert_eq!(answer.code(), code, "{what}: {text}");
}
