//! Names that the gateway is reached by.

use gatecast::lifecycle::clock::Clock;
use gatecast::server::Gateway;

use crate::support::Gate;
use crate::support::http::Answer;
use crate::support::socket::Socket;
use crate::support::{KEY, api_key};

const HOSTS: &str = "server.hosts = [\"live.example\", \"*.wall.example\"]\n";

async fn ask(mut socket: Socket, host: &str, target: &str, more: &str) -> Answer {
    let (name, key) = KEY;
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{name}: {key}\r\n{more}\r\n");
    socket.send(head).await;
    socket.answer("GET").await
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_request_for_another_host_is_refused_on_every_route_and_transport() {
    let gate = Gate::open(HOSTS, "").await;
    for (target, more) in [
        ("/v1/stream?room=r", ""),
        ("/v1/stream?room=r", "Accept: text/event-stream\r\n"),
        ("/v1/stream?room=r", UPGRADE),
        ("/v1/negotiate", ""),
        ("/v1/openapi.json", ""),
        ("/metrics", ""),
        ("/nowhere", ""),
        ("http://evil.example/v1/negotiate", ""),
    ] {
        for host in [
            "evil.example",
            "127.0.0.1:8080",
            "live.example.evil.example",
        ] {
            let answer = ask(gate.connect().await, host, target, more).await;
            assert_eq!(
                (answer.status(), answer.code()),
                (421, "misdirected".into()),
                "{host} {target}"
            );
        }
    }
    for host in ["live.example", "LIVE.example:8443", "tv.wall.example"] {
        let answer = ask(gate.connect().await, host, "/v1/negotiate", "").await;
        assert_eq!(answer.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn a_preflight_and_a_post_for_another_host_are_refused_too_and_nothing_is_published() {
    let gate = Gate::open(HOSTS, "").await;
    for method in ["OPTIONS", "POST"] {
        let answer = gate
            .request(method, "/v1/rooms/r/events", &[KEY], r#"{"event":"e"}"#)
            .await;
        assert_eq!(answer.status(), 421, "{method}");
    }
    let held = ask(
        gate.connect().await,
        "live.example",
        "/v1/rooms/r/events",
        "",
    )
    .await;
    assert_eq!(held.json()["events"], serde_json::json!([]));
}

#[tokio::test]
async fn health_answers_to_any_name_and_operators_have_a_listener_without_names() {
    let gate = Gate::open(HOSTS, "").await;
    for target in ["/healthz", "/readyz"] {
        let answer = ask(gate.connect().await, "10.0.0.7", target, "").await;
        assert_eq!(answer.status(), 200, "{target}");
    }
    let listen = format!(
        "listen = \"127.0.0.1:0\"\n{HOSTS}metrics.listen = \"127.0.0.1:0\"\n{}[roles.a]\n",
        api_key("a", KEY.1, "a")
    );
    let settings = gatecast::config::load(Some(&listen), &[]).unwrap();
    let gateway = Gateway::start(settings, Clock::system()).await.unwrap();
    let address = gateway.probes()[0].to_string();
    let address = address.strip_prefix("http://").unwrap().parse().unwrap();
    let answer = ask(Socket::open(address).await, "10.0.0.7", "/metrics", "").await;
    assert_eq!(answer.status(), 200);
    gateway.drain().await;
}

#[tokio::test]
async fn a_reload_changes_the_names() {
    let gate = Gate::open("", "").await;
    let status = async || {
        let answer = ask(gate.connect().await, "other.example", "/v1/negotiate", "").await;
        answer.status()
    };
    assert_eq!(status().await, 200);
    let toml = format!("{HOSTS}{}", gate.toml());
    assert_eq!(gate.reload(&toml).await.unwrap().changed, ["server"]);
    assert_eq!(status().await, 421);
}
