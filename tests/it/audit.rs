//! The audit log, as the file has it once the gateway has stopped.

use gatecast::auth::jwt::{Algorithm, sign};
use gatecast::model::secret::Secret;
use serde_json::{Value, json};

use crate::support::http::{Body, Head, request};
use crate::support::secrets;
use crate::support::socketio::Polling;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const READER: (&str, &str) = ("X-API-Key", "key-of-the-reader-in-the-audit");
const OPERATOR: (&str, &str) = ("X-API-Key", "key-of-the-operator-in-the-audit");
const WRONG: (&str, &str) = ("X-API-Key", "key-of-nobody-in-the-audit");
const SECRET: &str = "secret-of-the-issuer-in-the-audit-0123";
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");

/// A gateway, and where its audit log is.
struct Audited {
    directory: tempfile::TempDir,
    gate: Gate,
}

impl Audited {
    async fn start() -> Self {
        Self::with("").await
    }

    async fn with(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl").display().to_string();
        let keys = api_key("tv", READER.1, "reader") + &api_key("ops", OPERATOR.1, "operator");
        let toml = format!(
            r#"
            {keys}
            [[auth.jwt]]
            algorithm = "HS256"
            secret = "{SECRET}"
            [roles.reader]
            rooms = ["r"]
            subscribe = ["r"]
            publish = ["r"]
            [roles.operator]
            admin = true
            publish = ["*"]
            [telemetry]
            audit = "{path}"
            {more}
            "#
        );
        let gate = Gate::start(&toml).await;
        Self { directory, gate }
    }

    /// Stops the gateway, and gives the lines.
    async fn lines(mut self) -> Vec<Value> {
        self.gate.stop().await;
        let text = std::fs::read_to_string(self.directory.path().join("audit.jsonl")).unwrap();
        secrets::WATCH.search("the audit log", text.as_bytes());
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    async fn events(&self) -> (Head, Body) {
        let mut socket = self.gate.connect().await;
        let headers = [READER, EVENT_STREAM];
        socket
            .send(request("GET", "/v1/stream", &headers, ""))
            .await;
        let (head, mut body) = socket.open_body("GET").await;
        body.event("welcome").await;
        (head, body)
    }

    async fn websocket(&self, headers: &[(&str, &str)]) -> WebSocket {
        let socket = self.gate.connect().await;
        let opened = WebSocket::upgrade(socket, "/v1/stream?room=r", headers).await;
        opened.unwrap_or_else(|head| panic!("refused: {head:?}"))
    }

    fn token(&self, seconds: u64) -> String {
        let end = self.gate.clock().unix().0 / 1000 + seconds;
        let claims = json!({"sub": "ann", "role": "reader", "exp": end});
        sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap()
    }
}

/// The values of these fields in each line.
fn fields(lines: &[Value], names: &[&str]) -> Vec<Value> {
    let pick = |line: &Value| names.iter().map(|name| line[name].clone()).collect();
    lines.iter().map(pick).collect()
}

/// Who and what, in each line.
fn told(lines: &[Value]) -> Vec<Value> {
    fields(lines, &["event", "principal", "code"])
}

#[tokio::test]
async fn a_stream_is_recorded_when_it_is_accepted_and_when_it_ends() {
    let audited = Audited::start().await;
    let (head, body) = audited.events().await;
    let id = head.header("x-request-id").unwrap().to_owned();
    audited
        .gate
        .hand
        .advance(std::time::Duration::from_millis(1500));
    drop(body);
    let sse = r#"transport="sse",dialect="native",http="1.1""#;
    let gone = format!("gatecast_streams{{{sse}}} 0");
    crate::support::within("the stream's end", async {
        while !audited
            .gate
            .request("GET", "/metrics", &[OPERATOR], "")
            .await
            .text()
            .contains(&gone)
        {}
    })
    .await;
    let lines = audited.lines().await;
    let [accepted, ended] = &lines[..] else {
        panic!("{lines:?}")
    };
    for (line, event) in [(accepted, "stream_accepted"), (ended, "stream_ended")] {
        assert_eq!(line["event"], event);
        assert_eq!(line["target"], "gatecast::audit");
        assert_eq!(line["principal"], "tv");
        assert_eq!(line["principal_kind"], "api_key");
        assert_eq!(line["role"], "reader");
        assert_eq!(line["transport"], "sse");
        assert!(line.get("dialect").is_none());
        assert_eq!(line["request_id"], id.as_str());
        assert_eq!(line["stream"].as_str().unwrap().len(), 24);
        let peer: std::net::SocketAddr = line["peer"].as_str().unwrap().parse().unwrap();
        assert!(peer.ip().is_loopback());
    }
    assert_eq!(accepted["stream"], ended["stream"]);
    assert_eq!(accepted["rooms"], json!(["r"]));
    assert_eq!(ended["reason"], "client");
    assert_eq!(ended["lasted_ms"], 1500);
}

#[tokio::test]
async fn a_stream_that_the_gateway_ends_is_recorded_with_its_code() {
    let audited = Audited::start().await;
    let (_, mut expiring) = {
        let mut socket = audited.gate.connect().await;
        let bearer = format!("Bearer {}", audited.token(60));
        let headers = [("Authorization", bearer.as_str()), EVENT_STREAM];
        let target = "/v1/stream?room=r";
        socket.send(request("GET", target, &headers, "")).await;
        socket.open_body("GET").await
    };
    let step = std::time::Duration::from_secs(20);
    audited.gate.hasten(step, expiring.end()).await;
    let (_, _drained) = audited.events().await;
    let lines = audited.lines().await;
    assert_eq!(
        fields(&lines, &["event", "principal", "principal_kind", "reason"]),
        [
            json!(["stream_accepted", "ann", "token", null]),
            json!(["stream_ended", "ann", "token", "session_expired"]),
            json!(["stream_accepted", "tv", "api_key", null]),
            json!(["stream_ended", "tv", "api_key", "draining"]),
        ]
    );
}

#[tokio::test]
async fn a_websocket_is_accepted_when_its_first_message_says_who_it_is_and_refused_when_that_is_nobody()
 {
    let audited = Audited::start().await;
    let auth = |token: &str| json!({"type": "auth", "ref": 1, "token": token}).to_string();
    let mut wrong = audited.websocket(&[]).await;
    wrong.say(&auth(WRONG.1)).await;
    wrong.closed().await;
    let mut good = audited.websocket(&[]).await;
    good.say(&auth(&audited.token(60))).await;
    let stream = good.json().await["stream"].clone();
    good.text().await;
    good.say(&auth(&audited.token(90))).await;
    while good.json().await["type"] != "ack" {}
    let lines = audited.lines().await;
    assert_eq!(
        told(&lines),
        [
            json!(["stream_refused", null, "unauthorized"]),
            json!(["stream_accepted", "ann", null]),
            json!(["stream_changed", "ann", null]),
            json!(["stream_ended", "ann", null]),
        ]
    );
    assert!(lines[1..].iter().all(|line| line["stream"] == stream));
}

#[tokio::test]
async fn requests_that_are_refused_for_credentials_and_grants_are_recorded_and_malformed_ones_are_not()
 {
    let audited = Audited::start().await;
    let gate = &audited.gate;
    let missed = gate.request("GET", "/v1/rooms/r/events", &[], "").await;
    let id = missed.header("x-request-id").unwrap().to_owned();
    for (method, target, headers) in [
        ("GET", "/v1/rooms/r/events", &[WRONG][..]),
        ("GET", "/v1/rooms/s/events", &[READER]),
        ("GET", "/metrics", &[READER]),
        ("GET", "/v1/rooms/a%20b/events", &[READER]),
        ("GET", "/nowhere", &[READER]),
        ("GET", "/v1/stream?room=s", &[READER]),
        ("GET", "/v1/stream?room=r", &[READER]),
    ] {
        gate.request(method, target, headers, "").await;
    }
    let lines = audited.lines().await;
    assert_eq!(
        fields(
            &lines,
            &["event", "principal", "code", "route", "room", "transport"]
        ),
        [
            json!([
                "request_refused",
                null,
                "unauthorized",
                "/v1/rooms/{room}/events",
                null,
                null
            ]),
            json!([
                "request_refused",
                null,
                "unauthorized",
                "/v1/rooms/{room}/events",
                null,
                null
            ]),
            json!([
                "request_refused",
                "tv",
                "forbidden",
                "/v1/rooms/{room}/events",
                "s",
                null
            ]),
            json!(["request_refused", "tv", "forbidden", "/metrics", null, null]),
            json!(["stream_refused", "tv", "forbidden", null, "s", "long-poll"]),
        ]
    );
    assert_eq!(lines[0]["request_id"], id.as_str());
    assert_eq!(lines[0]["method"], "GET");
}

#[tokio::test]
async fn a_refusal_that_is_told_on_an_open_stream_is_recorded_too() {
    let audited = Audited::with("[limits]\nconnections = 1\n").await;
    let (_, _first) = audited.events().await;
    let mut second = audited.gate.connect().await;
    let headers = [READER, EVENT_STREAM];
    let told = request("GET", "/v1/stream", &headers, "");
    second.send(told).await;
    let (head, mut body) = second.open_body("GET").await;
    assert_eq!(head.status, 200);
    body.event("problem").await;
    let lines = audited.lines().await;
    let names = [
        "event",
        "principal",
        "code",
        "limit",
        "transport",
        "request_id",
    ];
    let id = head.header("x-request-id").unwrap();
    let refused = json!([
        "stream_refused",
        null,
        "overloaded",
        "connections",
        "sse",
        id
    ]);
    assert!(fields(&lines, &names).contains(&refused), "{lines:?}");
}

#[tokio::test]
async fn a_namespace_that_was_joined_or_refused_is_recorded_with_the_language() {
    let namespaces =
        "[socketio.namespaces.\"/\"]\n[socketio.namespaces.\"/ops\"]\nroles = [\"operator\"]\n";
    let audited = Audited::with(namespaces).await;
    let (_, _native) = audited.events().await;
    let session = Polling::open(&audited.gate).await;
    for (namespace, key) in [
        ("", WRONG),
        ("/ops,", READER),
        ("/nowhere,", READER),
        ("", READER),
    ] {
        session.joins(namespace, &json!({"apiKey": key.1})).await;
    }
    session.say("41").await;
    let mut lines = audited.lines().await;
    lines.retain(|line| line["transport"] != "sse");
    assert!(lines.iter().all(|line| line["transport"] == "long-poll"));
    assert_eq!(
        fields(&lines, &["event", "principal", "code", "dialect"]),
        [
            json!(["stream_refused", null, "unauthorized", "socketio"]),
            json!(["stream_refused", "tv", "forbidden", "socketio"]),
            json!(["stream_accepted", "tv", null, "socketio"]),
            json!(["stream_ended", "tv", null, "socketio"]),
        ]
    );
}

#[tokio::test]
async fn events_that_are_not_published_are_recorded_however_they_came() {
    let audited = Audited::start().await;
    let one = r#"{"event": "e", "data": 1}"#;
    let gate = &audited.gate;
    let target = "/v1/rooms/s/events";
    gate.request("POST", target, &[READER], one).await;
    let several = json!({"events": [
        {"room": "s", "event": "e", "data": 1},
        {"room": "r", "event": "e", "data": 1},
        {"room": "t", "event": "e", "data": 1},
        {"room": "s", "event": "welcome", "data": 1},
    ]});
    gate.request("POST", "/v1/publish", &[READER], &several.to_string())
        .await;
    let publish = json!({"type": "publish", "ref": 1, "room": "s", "event": "e", "data": 1});
    let text = publish.to_string();
    gate.request("POST", "/v1/messages", &[READER], &text).await;
    let mut socket = audited.websocket(&[READER]).await;
    let stream = socket.json().await["stream"].clone();
    socket.say(&text).await;
    socket.text().await;
    socket
        .say(r#"{"type": "subscribe", "ref": 2, "room": "s"}"#)
        .await;
    socket.text().await;
    let lines = audited.lines().await;
    let shown: Vec<_> = fields(&lines, &["event", "code", "room", "events", "stream"])
        .into_iter()
        .filter(|line| line[1] != Value::Null)
        .collect();
    assert_eq!(
        shown,
        [
            json!(["publish_refused", "forbidden", "s", 1, null]),
            json!(["publish_refused", "forbidden", "s", 2, null]),
            json!(["publish_refused", "forbidden", "s", 1, null]),
            json!(["publish_refused", "forbidden", "s", 1, stream]),
            json!(["message_refused", "forbidden", "s", null, stream]),
        ]
    );
    assert!(lines.iter().all(|line| line["principal"] == "tv"));
}

#[tokio::test]
async fn what_operators_do_is_recorded_and_what_they_may_not_do_too() {
    let audited = Audited::start().await;
    let gate = &audited.gate;
    let (_, _stream) = audited.events().await;
    let mut ids = Vec::new();
    for (method, target, body, status) in [
        ("DELETE", "/v1/rooms/r/events", "", 204),
        ("POST", "/v1/admin/revoke", r#"{"subject": "ann"}"#, 202),
        ("POST", "/v1/admin/disconnect", r#"{"role": "reader"}"#, 200),
        ("POST", "/v1/admin/drain", r#"{"room": "r"}"#, 200),
        ("POST", "/v1/admin/reload", "", 200),
        ("POST", "/v1/admin/drain", r#"{"room": "a b"}"#, 400),
    ] {
        let answer = gate.request(method, target, &[OPERATOR], body).await;
        assert_eq!(answer.status(), status, "{}", answer.text());
        ids.push(json!(answer.header("x-request-id").unwrap()));
    }
    gate.request("POST", "/v1/admin/drain", &[READER], r#"{"node": true}"#)
        .await;
    let numbers = gate.request("GET", "/metrics", &[OPERATOR], "").await;
    for line in [
        "gatecast_revocations_total{kind=\"subject\"} 1",
        "gatecast_config_reloads_total{outcome=\"applied\"} 1",
    ] {
        assert!(numbers.text().lines().any(|one| one == line), "{line}");
    }
    let mut lines = audited.lines().await;
    lines.retain(|line| !line["event"].as_str().unwrap().starts_with("stream_"));
    let names = [
        "event",
        "principal",
        "action",
        "subject",
        "kind",
        "name",
        "outcome",
        "code",
    ];
    let [purge, revoke, disconnect, drain, reload, _] = &ids[..] else {
        panic!("{ids:?}")
    };
    let of = |id: &Value| {
        let line = lines.iter().find(|line| line["request_id"] == *id);
        fields(std::slice::from_ref(line.unwrap()), &names).remove(0)
    };
    let admin = |action: &str, subject: &str| {
        json!(["admin", "ops", action, subject, null, null, null, null])
    };
    assert_eq!(of(purge), admin("purge", "r"));
    assert_eq!(
        of(revoke),
        json!(["revoked", "ops", null, null, "subject", "ann", null, null])
    );
    assert_eq!(of(disconnect), admin("disconnect", r#"{"role":"reader"}"#));
    assert!(of(drain)[3].as_str().unwrap().contains(r#""room":"r""#));
    assert_eq!(of(reload), admin("reload", "configuration"));
    let rest: Vec<_> = lines
        .iter()
        .filter(|line| !ids.contains(&line["request_id"]))
        .collect();
    let [configuration, refused] = &rest[..] else {
        panic!("{rest:?}")
    };
    assert_eq!(configuration["event"], "configuration");
    assert_eq!(configuration["outcome"], "applied");
    assert_eq!(refused["event"], "request_refused");
    assert_eq!(refused["principal"], "tv");
    assert_eq!(lines.len(), 7, "{lines:?}");
}
