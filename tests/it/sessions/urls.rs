//! Signed stream URLs.

use std::time::Duration;

use serde_json::json;

use super::{
    BACKEND, EVENT_STREAM, OWN, TV, ann, configuration, data, gate, get, publish, refused, session,
    signed, stream, swap, target,
};
use crate::support::Gate;
use crate::support::http::Next;
use crate::support::http2::Http2;
use crate::support::websocket::WebSocket;

#[tokio::test]
async fn a_url_opens_a_stream_of_its_rooms_without_any_header_over_both_versions_of_http() {
    let gate = gate().await;
    let answer = swap(
        &gate,
        &[TV],
        r#"{"url":true,"rooms":["alerts","open","alerts"]}"#,
    )
    .await;
    assert_eq!(answer.json()["expires_in_ms"], 300_000);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    let start = "http://localhost:8080/v1/stream?transport=sse&room=alerts&room=open&ticket=";
    assert!(url.starts_with(start), "{url}");
    assert!(!url.contains(TV.1));
    let (head, mut body) = stream(&gate, &target(&url), &[]).await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let welcome = data(&body.event("welcome").await);
    assert_eq!(welcome["principal"], "tv");
    assert_eq!(welcome["rooms"], json!(["alerts", "open"]));
    assert_eq!(welcome["expires_in_ms"], 300_000);
    publish(&gate, "alerts", 7).await;
    assert_eq!(data(&body.event("e").await)["data"], 7);

    let stream = tokio::net::TcpStream::connect(gate.address())
        .await
        .unwrap();
    let mut http2 = Http2::on(stream).await;
    let target = target(&url);
    let head = http2
        .open("GET", &target, &[("accept", "text/event-stream")], None)
        .await
        .head;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["content-type"], "text/event-stream");
}

#[tokio::test]
async fn without_rooms_it_is_for_those_of_the_role_and_a_public_url_stands_before_it() {
    let more = "[server]\npublic_url = \"https://live.example/gate\"\n";
    let gate = Gate::start(&configuration("", more)).await;
    let bearer = ann(&gate, 600);
    let headers = [("Authorization", bearer.as_str())];
    for (transport, start) in [
        (
            "sse",
            "https://live.example/gate/v1/stream?transport=sse&room=org:acme:news&ticket=",
        ),
        (
            "websocket",
            "wss://live.example/gate/v1/stream?transport=websocket&room=org:acme:news&ticket=",
        ),
    ] {
        let body = format!(r#"{{"url":true,"transport":"{transport}"}}"#);
        let answer = swap(&gate, &headers, &body).await.json();
        assert!(
            answer["url"].as_str().unwrap().starts_with(start),
            "{answer}"
        );
    }
    let answer = swap(&gate, &[BACKEND], r#"{"url":true}"#).await;
    refused(&answer, 400, "bad_request", "a role without rooms");
}

#[tokio::test]
async fn a_url_is_signed_for_what_its_credential_may_read_only() {
    let gate = gate().await;
    for (body, status, code) in [
        (
            r#"{"url":true,"rooms":["open","secret"]}"#,
            403,
            "forbidden",
        ),
        (r#"{"url":true,"rooms":["a b"]}"#, 400, "invalid_room"),
        (r#"{"url":true,"rooms":["*"]}"#, 400, "invalid_room"),
        (r#"{"url":true,"transport":"pigeon"}"#, 400, "bad_request"),
        (r#"{"rooms":["open"]}"#, 400, "bad_request"),
        (r#"{"url":true,"role":"backend"}"#, 400, "bad_request"),
        ("nonsense", 400, "invalid_json"),
    ] {
        refused(&swap(&gate, &[TV], body).await, status, code, body);
    }
    refused(
        &swap(&gate, &[], r#"{"url":true}"#).await,
        401,
        "unauthorized",
        "nobody",
    );
}

#[tokio::test]
async fn other_rooms_than_those_that_it_is_bound_to_are_refused() {
    let gate = gate().await;
    let url = signed(&gate, &[TV], r#"{"url":true,"rooms":["open"]}"#).await;
    let (_, ticket) = url.split_once("&ticket=").unwrap();
    // Which its key may read.
    let other = format!("/v1/stream?room=open&room=alerts&ticket={ticket}");
    refused(
        &get(&gate, &other, &[EVENT_STREAM]).await,
        403,
        "forbidden",
        "two rooms",
    );
    refused(&get(&gate, &other, &[]).await, 403, "forbidden", "a poll");
    let resumed = format!("{other}&since=earliest");
    refused(
        &get(&gate, &resumed, &[]).await,
        403,
        "forbidden",
        "from the beginning",
    );
    let seen = publish(&gate, "alerts", 1).await;
    let answer = get(&gate, &format!("{other}&since={seen}&wait=0"), &[])
        .await
        .json();
    assert_eq!(answer["gaps"][0]["room"], "alerts");
    assert_eq!(answer["gaps"][0]["reason"], "unauthorized");
    // Without a room it is for its own, and not for its role's.
    let wider = signed(&gate, &[BACKEND], r#"{"url":true,"rooms":["alerts"]}"#).await;
    let bare = wider.replace("&room=alerts", "");
    let (_, mut body) = stream(&gate, &bare, &[]).await;
    assert_eq!(
        data(&body.event("welcome").await)["rooms"],
        json!(["alerts"])
    );
}

#[tokio::test]
async fn a_url_is_good_for_its_stream_and_for_nothing_else() {
    let gate = Gate::start(&configuration("anonymous = \"backend\"", "")).await;
    let url = signed(&gate, &[BACKEND], r#"{"url":true,"rooms":["open"]}"#).await;
    let (_, ticket) = url.split_once("&ticket=").unwrap();
    let cookie = session(&gate, &[BACKEND]).await;
    for headers in [vec![], vec![("Cookie", cookie.as_str()), OWN]] {
        for (method, target, body) in [
            ("GET", "/v1/rooms/open/events", ""),
            ("POST", "/v1/rooms/open/events", r#"{"event":"e"}"#),
            ("DELETE", "/v1/rooms/open/events", ""),
            ("POST", "/v1/publish", r#"{"events":[]}"#),
            ("POST", "/v1/messages", r#"{"type":"ping","ref":1}"#),
            ("POST", "/v1/session", ""),
            ("POST", "/v1/session", r#"{"url":true}"#),
            ("GET", "/v1/negotiate", ""),
            ("GET", "/metrics", ""),
        ] {
            let target = format!("{target}?ticket={ticket}");
            let answer = gate.request(method, &target, &headers, body).await;
            refused(&answer, 403, "forbidden", &format!("{method} {target}"));
        }
    }
    // Its stream reads: it cannot publish, although its key and the anonymous role can.
    let target = url.replace("transport=sse", "transport=websocket");
    let mut socket = WebSocket::upgrade(gate.connect().await, &target, &[])
        .await
        .unwrap();
    assert_eq!(socket.json().await["principal"], "backend");
    for message in [
        r#"{"type":"publish","ref":1,"room":"open","event":"e"}"#,
        r#"{"type":"subscribe","ref":2,"room":"alerts"}"#,
    ] {
        socket.say(message).await;
        assert_eq!(socket.json().await["code"], "forbidden", "{message}");
    }
}

#[tokio::test]
async fn a_url_that_fails_is_nobody() {
    let gate = Gate::start(&configuration("anonymous = \"backend\"", "")).await;
    let url = signed(&gate, &[TV], r#"{"url":true,"rooms":["open"]}"#).await;
    let good = session(&gate, &[TV]).await;
    let (path, ticket) = url.split_once("&ticket=").unwrap();
    let (payload, mac) = ticket.split_once('.').unwrap();
    for ticket in [
        String::new(),
        payload.to_owned(),
        format!("{payload}."),
        format!("{payload}.{}", mac.to_lowercase()),
        format!("{payload}A.{mac}"),
        format!(".{mac}"),
        "x.y".to_owned(),
    ] {
        let target = format!("{path}&ticket={ticket}");
        for headers in [
            vec![EVENT_STREAM],
            vec![EVENT_STREAM, ("Cookie", good.as_str())],
        ] {
            refused(
                &get(&gate, &target, &headers).await,
                401,
                "unauthorized",
                &ticket,
            );
        }
    }
    let twice = format!("{url}&ticket={ticket}");
    refused(
        &get(&gate, &twice, &[EVENT_STREAM]).await,
        400,
        "bad_request",
        "two",
    );
}

#[tokio::test]
async fn a_stream_hands_over_the_next_url_until_the_credential_ends_and_nothing_is_lost() {
    let gate = gate().await;
    let bearer = ann(&gate, 480);
    let body = r#"{"url":true,"rooms":["org:acme:ops"]}"#;
    let mut url = signed(&gate, &[("Authorization", &bearer)], body).await;
    let mut seen = String::new();
    let mut number = 0;
    // At 5 min the first URL ends, and at 8 min the token.
    for (more, has_next) in [(271, true), (155, false)] {
        let (head, mut body) = stream(&gate, &format!("{url}&since={seen}"), &[]).await;
        assert_eq!(head.status, 200);
        let welcome = data(&body.event("welcome").await);
        assert_eq!(welcome["rooms"], json!(["org:acme:ops"]));
        if number > 0 {
            assert_eq!(
                data(&body.event("e").await)["data"],
                number,
                "what came meanwhile"
            );
        }
        number += 1;
        seen = publish(&gate, "org:acme:ops", number).await;
        assert_eq!(data(&body.event("e").await)["data"], number);
        gate.hand.advance(Duration::from_secs(more));
        let notice = data(&body.event("token_expiring").await);
        let next = notice["url"].as_str().map(target);
        assert_eq!(next.is_some(), has_next, "{notice}");
        number += 1;
        publish(&gate, "org:acme:ops", number).await;
        assert_eq!(
            data(&body.event("e").await)["data"],
            number,
            "the old one goes on"
        );
        gate.hand.advance(Duration::from_secs(30));
        body.event("session_expired").await;
        let end = gate.hasten(Duration::from_millis(10), body.end()).await;
        assert_eq!(end, Next::Cut);
        refused(
            &get(&gate, &url, &[EVENT_STREAM]).await,
            401,
            "unauthorized",
            "the old one",
        );
        url = next.unwrap_or(url);
    }
}

#[tokio::test]
async fn a_url_of_a_key_is_extended_for_as_long_as_a_session_lasts() {
    let toml = configuration("session = { ttl = \"90s\", url_ttl = \"1m\" }", "");
    let gate = Gate::start(&toml).await;
    let url = signed(&gate, &[TV], r#"{"url":true}"#).await;
    let (_, mut body) = stream(&gate, &url, &[]).await;
    body.event("welcome").await;
    gate.hand.advance(Duration::from_secs(40));
    let notice = data(&body.event("token_expiring").await);
    let next = target(notice["url"].as_str().unwrap());
    let (_, mut body) = stream(&gate, &next, &[]).await;
    let left = data(&body.event("welcome").await)["expires_in_ms"]
        .as_u64()
        .unwrap();
    assert!((48_000..=50_000).contains(&left), "{left}");
    gate.hand.advance(Duration::from_secs(25));
    let notice = data(&body.event("token_expiring").await);
    assert_eq!(
        notice["url"],
        json!(null),
        "whoever has a URL has it for no longer"
    );
}

#[tokio::test]
async fn a_notice_longer_than_a_url_lives_makes_no_client_run_in_circles() {
    let more = "[server]\nexpiry_notice = \"30m\"\n";
    let gate = Gate::start(&configuration("", more)).await;
    let url = signed(&gate, &[TV], r#"{"url":true}"#).await;
    let (_, mut body) = stream(&gate, &url, &[]).await;
    body.event("welcome").await;
    publish(&gate, "open", 1).await;
    let block = body.block().await.unwrap();
    assert!(block.starts_with("event: e\n"), "{block}");
    gate.hand.advance(Duration::from_secs(151));
    body.event("token_expiring").await;
}
