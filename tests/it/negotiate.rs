//! `GET /v1/negotiate`: what a credential may use, and where.

use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::http2::Http2;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const TV: (&str, &str) = ("X-API-Key", "the-key-of-the-tv");
const WALL: (&str, &str) = ("X-API-Key", "wall-key");
const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
/// `{"sub": "ann", "role": "member", "exp": 4102444800}`, by the secret below.
const ANN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJvcmciOiJhY21lIiwicm9sZSI6Im1lbWJlciIsImV4cCI6NDEwMjQ0NDgwMH0.nLwRd-w4PCmOIfS4F_J2jpoknUyXPvHH6B4-fOJEGV8";

fn configuration(more: &str) -> String {
    let keys = api_key("tv", TV.1, "display")
        + &api_key("wall", WALL.1, "wall")
        + &api_key("backend", BACKEND.1, "backend");
    format!(
        r#"
        {keys}
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "the-secret-of-the-docs-32-bytes-long"
        [roles.display]
        rooms = ["units"]
        subscribe = ["units", "alerts"]
        [roles.wall]
        transports = ["long-poll", "sse"]
        rooms = ["units"]
        subscribe = ["units"]
        limits = {{ messages = "120/min", event = "1KiB", rooms_per_stream = 2 }}
        [roles.backend]
        publish = ["*"]
        [roles.member]
        rooms = ["org:{{org}}:news"]
        subscribe = ["org:{{org}}:*"]
        {more}
        "#
    )
}

async fn gate() -> Gate {
    Gate::start(&configuration("[auth]\nquery = \"access_token\"\n")).await
}

async fn ask(gate: &Gate, query: &str, headers: &[(&str, &str)]) -> Answer {
    let target = format!("/v1/negotiate{query}");
    let answer = gate.request("GET", &target, headers, "").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{query}");
    answer
}

/// The answer to a request whose target and `Host` are these.
async fn ask_at(gate: &Gate, target: &str, host: &str) -> Answer {
    let mut socket = gate.connect().await;
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {}\r\n\r\n",
        TV.1
    );
    socket.send(head).await;
    socket.answer("GET").await
}

fn urls(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let transports = answer["transports"].as_array().unwrap().iter();
    transports
        .map(|one| one["url"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_role_learns_its_transports_in_its_order_with_its_rooms_and_limits() {
    let gate = gate().await;
    let answer = ask(&gate, "", &[WALL]).await;
    assert_eq!(answer.status(), 200);
    let expected = json!({
        "role": "wall",
        "principal": "wall",
        "rooms": ["units"],
        "heartbeat_ms": 15000,
        "limits": {
            "event": 1024,
            "body": 1_048_576,
            "rooms_per_stream": 2,
            "messages": {"count": 120, "per_ms": 60000},
        },
        "transports": [
            {"transport": "long-poll", "url": "http://localhost:8080/v1/stream?transport=long-poll"},
            {"transport": "sse", "url": "http://localhost:8080/v1/stream?transport=sse"},
        ],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn each_url_leads_to_a_stream_of_the_rooms_that_were_promised() {
    let gate = gate().await;
    let answer = ask(&gate, "?room=alerts&room=units&room=alerts", &[TV]).await;
    let rooms = json!(["alerts", "units"]);
    assert_eq!(answer.json()["rooms"], rooms);
    let urls = urls(&answer);
    let [websocket, sse, poll] = urls.as_slice() else {
        panic!("{urls:?}");
    };
    let target = websocket.strip_prefix("ws://localhost:8080").unwrap();
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, target, &[TV]).await.unwrap();
    assert_eq!(socket.json().await["rooms"], rooms);

    let target = sse.strip_prefix("http://localhost:8080").unwrap();
    let mut socket = gate.connect().await;
    let request = crate::support::http::request("GET", target, &[TV], "");
    socket.send(request).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let welcome = body.event("welcome").await;
    assert!(
        welcome.contains(r#""rooms":["alerts","units"]"#),
        "{welcome}"
    );

    let target = poll.strip_prefix("http://localhost:8080").unwrap();
    let answer = gate.request("GET", target, &[TV], "").await;
    assert_eq!(answer.json()["events"], json!([]));
}

#[tokio::test]
async fn rooms_are_checked_as_a_first_connect_checks_them() {
    let gate = gate().await;
    for (query, key, status, code) in [
        ("?room=units&room=secret", TV, 403, "forbidden"),
        (
            "?room=units&room=secret&since=earliest",
            TV,
            403,
            "forbidden",
        ),
        ("?room=a::b", TV, 400, "invalid_room"),
        (
            "?room=units&room=units:a&room=units:b",
            WALL,
            403,
            "forbidden",
        ),
    ] {
        let answer = ask(&gate, query, &[key]).await;
        assert_eq!(
            (answer.status(), answer.code().as_str()),
            (status, code),
            "{query}"
        );
    }
    let token = ("Authorization", &*format!("Bearer {ANN}"));
    let many: String = (0..101).map(|n| format!("&room=org:acme:{n}")).collect();
    let answer = ask(&gate, &format!("?{many}"), &[token]).await;
    assert_eq!(answer.code(), "too_many_rooms");
    let answer = ask(&gate, "?room=units&room=secret", &[TV]).await;
    assert_eq!(answer.json()["room"], "secret", "the room is named");
}

#[tokio::test]
async fn who_only_publishes_has_no_rooms_and_still_learns_the_limits() {
    let gate = gate().await;
    let answer = ask(&gate, "", &[BACKEND]).await.json();
    assert_eq!(
        (&answer["rooms"], &answer["limits"]["event"]),
        (&json!([]), &json!(65536))
    );
}

#[tokio::test]
async fn without_a_credential_only_an_anonymous_role_gets_an_answer() {
    let gate = gate().await;
    assert_eq!(ask(&gate, "", &[]).await.code(), "unauthorized");
    let open = configuration("[auth]\nanonymous = \"display\"\n");
    let gate = Gate::start(&open).await;
    let answer = ask(&gate, "", &[]).await.json();
    assert_eq!(
        (&answer["principal"], &answer["role"]),
        (&json!("anonymous"), &json!("display"))
    );
    let answer = ask(&gate, "", &[("X-API-Key", "wrong")]).await;
    assert_eq!(
        answer.status(),
        401,
        "a credential that fails is never less than one"
    );
}

#[tokio::test]
async fn a_token_learns_how_long_it_lives_and_no_url_repeats_it() {
    let gate = gate().await;
    let answer = ask(&gate, &format!("?access_token={ANN}"), &[]).await;
    assert!(!answer.text().contains("eyJ"), "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["principal"], "ann");
    assert_eq!(answer["rooms"], json!(["org:acme:news"]));
    let left = answer["expires_in_ms"].as_u64().unwrap();
    assert!(left > 86_400_000, "{left}");
    let key = ask(&gate, "?access_token=the-key-of-the-tv", &[])
        .await
        .json();
    assert_eq!(key["expires_in_ms"], Value::Null, "a key does not end");
}

#[tokio::test]
async fn the_urls_have_the_host_that_the_client_used_and_nothing_that_is_no_host() {
    let gate = gate().await;
    for (target, host, start) in [
        (
            "/v1/negotiate",
            "[::1]:8080",
            "http://[::1]:8080/v1/stream?",
        ),
        (
            "/v1/negotiate",
            "gate.example",
            "http://gate.example/v1/stream?",
        ),
        // The target's own authority wins (RFC 9112 §3.2.2).
        (
            "http://one.example/v1/negotiate",
            "two.example",
            "http://one.example/v1/stream?",
        ),
    ] {
        let answer = ask_at(&gate, target, host).await;
        assert!(
            urls(&answer)[1].starts_with(start),
            "{host}: {}",
            answer.text()
        );
    }
    for host in [
        "", "a b", "a/b?c=", "user@a", "a\"b", "a:80:80", "a,b", "[::1]x",
    ] {
        let answer = ask_at(&gate, "/v1/negotiate", host).await;
        assert_eq!(
            (answer.status(), answer.code().as_str()),
            (400, "bad_request"),
            "{host:?}"
        );
    }
}

#[tokio::test]
async fn a_public_url_wins_over_the_host_with_its_scheme_and_its_prefix() {
    let public = "[server]\npublic_url = \"https://live.example/gate/\"\n";
    let gate = Gate::start(&configuration(public)).await;
    let answer = ask_at(&gate, "/v1/negotiate?room=units", "inner:9").await;
    let expected = [
        "wss://live.example/gate/v1/stream?transport=websocket&room=units",
        "https://live.example/gate/v1/stream?transport=sse&room=units",
        "https://live.example/gate/v1/stream?transport=long-poll&room=units",
    ];
    assert_eq!(urls(&answer), expected);
}

#[tokio::test]
async fn over_tls_the_urls_are_those_of_tls_whichever_http_is_spoken() {
    let certificate = Certificate::new();
    let gate = Gate::start(&(certificate.toml() + &configuration(""))).await;
    let address = gate.address();
    let mut socket = Socket::over(certificate.speak(address, "http/1.1").await);
    let request = crate::support::http::request("GET", "/v1/negotiate", &[TV], "");
    socket.send(request).await;
    let first = urls(&socket.answer("GET").await);
    assert_eq!(
        first[0],
        "wss://localhost:8080/v1/stream?transport=websocket"
    );
    assert_eq!(first[1], "https://localhost:8080/v1/stream?transport=sse");
    let tv = [("x-api-key", TV.1)];
    let mut http2 = Http2::on(certificate.speak(address, "h2").await).await;
    let (status, body) = http2.request("GET", "/v1/negotiate", &tv, None).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""wss://localhost/v1/stream?"#), "{body}");
}
