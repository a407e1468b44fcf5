//! A gateway inside another program: its events, its routes, and what stays the gateway's.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use gatecast::ingress::Publisher;
use gatecast::lifecycle::clock::Clock;
use gatecast::model::code::Code;
use gatecast::model::peer::Peer;
use gatecast::server::{Gateway, Settings};
use gatecast::service::Fallback;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;

use crate::support::http::{Answer, request};
use crate::support::secrets;
use crate::support::socket::Socket;

const CONFIGURATION: &str = r#"
    [auth]
    anonymous = "viewer"
    [roles.viewer]
    subscribe = ["units", "user:ann"]
    limits = { event = "1KiB" }
    [cors]
    origins = ["https://app.example"]
"#;

fn settings() -> Settings {
    secrets::watch(CONFIGURATION);
    let mut settings = gatecast::config::load(Some(CONFIGURATION), &[]).unwrap();
    settings.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()];
    settings
}

async fn started(settings: Settings) -> Gateway {
    Gateway::start(settings, Clock::system()).await.unwrap()
}

async fn connect(gateway: &Gateway) -> Socket {
    Socket::open(gateway.addresses().next().unwrap()).await
}

async fn get(gateway: &Gateway, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut socket = connect(gateway).await;
    socket.send(request("GET", target, headers, "")).await;
    socket.answer("GET").await
}

/// Answers with what it was asked, or publishes, or breaks off.
async fn routes(
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, std::fmt::Error>>, Infallible> {
    let whole = |text: String| Full::new(Bytes::from(text)).map_err(|never| match never {});
    let body = match request.uri().path() {
        "/publish" => {
            let publisher = request.extensions().get::<Publisher>().unwrap();
            let id = publisher.publish(&["units"], "checkin", &7).await.unwrap();
            whole(id.to_string()).boxed_unsync()
        }
        "/broken" => {
            let pieces = [Ok(Frame::data(Bytes::from("half"))), Err(std::fmt::Error)];
            StreamBody::new(stream::iter(pieces)).boxed_unsync()
        }
        path => {
            let peer = request.extensions().get::<Peer>().unwrap();
            let of_tcp = matches!(peer, Peer::Tcp(address) if address.ip().is_loopback());
            whole(format!("{path}, {of_tcp}")).boxed_unsync()
        }
    };
    Ok(Response::new(body))
}

async fn with_routes() -> Gateway {
    let mut settings = settings();
    settings.service.fallback = Some(Fallback::new(service_fn(routes)));
    started(settings).await
}

#[tokio::test]
async fn the_program_publishes_without_a_credential_wherever_clients_may_read() {
    let gateway = started(settings()).await;
    let publisher = gateway.publisher();
    for room in ["units", "user:ann"] {
        let id = publisher.publish(&[room], "checkin", &7).await.unwrap();
        let target = format!("/v1/stream?room={room}&since=earliest");
        let answer = get(&gateway, &target, &[]).await.json();
        assert_eq!(answer["events"][0]["id"], id.to_string(), "{answer}");
        assert_eq!(answer["events"][0]["data"], 7, "{answer}");
    }
}

#[tokio::test]
async fn the_program_publishes_nothing_larger_than_any_role_may() {
    let gateway = started(settings()).await;
    let large = "x".repeat(100_000);
    let refused = gateway.publisher().publish(&["units"], "e", &large).await;
    let refusal = refused.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.limit),
        (Code::TooLarge, Some("event"))
    );
}

#[tokio::test]
async fn paths_that_are_not_the_gateways_are_the_programs() {
    let gateway = with_routes().await;
    for path in ["/", "/orders", "/v2/stream", "/v1x"] {
        let answer = get(&gateway, path, &[]).await;
        assert_eq!(answer.text(), format!("{path}, true"));
    }
    for (path, status) in [("/v1", 404), ("/v1/nowhere", 404), ("/healthz", 200)] {
        let answer = get(&gateway, path, &[]).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(!answer.text().contains(", true"), "{path}");
    }
}

#[tokio::test]
async fn an_answer_of_the_program_has_the_gateways_headers_too() {
    let gateway = with_routes().await;
    let origin = [("Origin", "https://app.example")];
    let answer = get(&gateway, "/orders", &origin).await;
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[tokio::test]
async fn a_route_of_the_program_can_publish() {
    let gateway = with_routes().await;
    let id = get(&gateway, "/publish", &[]).await.text().to_owned();
    let answer = get(&gateway, "/v1/stream?room=units&since=earliest", &[]).await;
    assert_eq!(answer.json()["events"][0]["id"], id);
}

#[tokio::test]
async fn a_body_of_the_program_that_fails_breaks_off() {
    let gateway = with_routes().await;
    let mut socket = connect(&gateway).await;
    socket.send(request("GET", "/broken", &[], "")).await;
    let answer = socket.try_answer("GET").await;
    assert!(answer.is_none_or(|answer| !answer.whole), "a whole answer");
}
