//! Which pages may use the cookie: browsers send it along with whatever a page asks for.

use super::{BACKEND, OWN, TV, configuration, gate, get, refused, session, swap};
use crate::support::Gate;
use crate::support::http2::Http2;
use crate::support::websocket::WebSocket;

const HISTORY: &str = "/v1/rooms/open/events";
const EVENT: &str = r#"{"event":"e"}"#;
const LISTED: (&str, &str) = ("Origin", "https://app.test");
const FOREIGN: (&str, &str) = ("Origin", "https://evil.test");

fn cors(credentials: bool) -> String {
    format!("[cors]\norigins = [\"https://app.test\"]\ncredentials = {credentials}\n")
}

#[tokio::test]
async fn whatever_changes_something_names_the_page_and_only_known_pages_may() {
    let gate = Gate::start(&configuration("", &cors(true))).await;
    let cookie = session(&gate, &[BACKEND]).await;
    let cookie = ("Cookie", cookie.as_str());
    let doors = [
        ("POST", HISTORY, EVENT),
        (
            "POST",
            "/v1/publish",
            r#"{"events":[{"room":"open","event":"e"}]}"#,
        ),
        ("POST", "/v1/messages", r#"{"type":"ping","ref":1}"#),
        ("DELETE", "/v1/rooms/other/events", ""),
        ("POST", "/v1/session", ""),
        ("POST", "/v1/session", r#"{"url":true,"rooms":["open"]}"#),
        ("DELETE", "/v1/session", ""),
    ];
    for (method, target, body) in doors {
        let what = format!("{method} {target}");
        for page in [
            vec![cookie],
            vec![cookie, FOREIGN],
            vec![cookie, ("Origin", "null")],
            vec![cookie, ("Origin", "http://localhost:8081")],
            vec![cookie, ("Origin", "https://app.test.evil.test")],
            vec![cookie, ("Sec-Fetch-Site", "same-origin")],
        ] {
            let answer = gate.request(method, target, &page, body).await;
            refused(
                &answer,
                403,
                "origin_not_allowed",
                &format!("{what} {page:?}"),
            );
            assert_eq!(answer.header("set-cookie"), None);
        }
        for page in [OWN, LISTED] {
            let answer = gate.request(method, target, &[cookie, page], body).await;
            assert!(answer.status() < 300, "{what} {page:?}: {:?}", answer.head);
        }
    }
    let history = get(&gate, HISTORY, &[BACKEND]).await.json();
    let published = history["events"].as_array().unwrap().len();
    assert_eq!(published, 4, "by the pages that may, and by no other");
}

#[tokio::test]
async fn reading_is_for_the_own_site_and_for_listed_pages() {
    let gate = Gate::start(&configuration("", &cors(true))).await;
    let cookie = session(&gate, &[TV]).await;
    for (page, status) in [
        (vec![], 200),
        (vec![OWN], 200),
        (vec![LISTED], 200),
        (vec![("Sec-Fetch-Site", "same-origin")], 200),
        (vec![("Sec-Fetch-Site", "none")], 200),
        (vec![LISTED, ("Sec-Fetch-Site", "same-site")], 200),
        (vec![FOREIGN], 403),
        (vec![("Sec-Fetch-Site", "same-site")], 403),
        (vec![("Sec-Fetch-Site", "cross-site")], 403),
        (
            vec![
                ("Sec-Fetch-Site", "same-origin"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
            403,
        ),
        (vec![("Sec-Fetch-Site", "")], 403),
    ] {
        for target in [HISTORY, "/v1/stream?room=open", "/v1/negotiate"] {
            let headers = [&page[..], &[("Cookie", cookie.as_str())]].concat();
            let answer = get(&gate, target, &headers).await;
            assert_eq!(answer.status(), status, "{target} {page:?}");
            if page.contains(&LISTED) {
                let allows = answer.header("access-control-allow-credentials");
                assert_eq!(allows, Some("true"));
            }
        }
        // Without the cookie they matter to nobody.
        let headers = [&page[..], &[TV]].concat();
        assert_eq!(
            get(&gate, HISTORY, &headers).await.status(),
            200,
            "{page:?}"
        );
    }
}

#[tokio::test]
async fn a_websocket_with_the_cookie_names_its_page_over_both_versions_of_http() {
    let gate = Gate::start(&configuration("", &cors(true))).await;
    let cookie = session(&gate, &[TV]).await;
    let cookie = ("cookie", cookie.as_str());
    let target = "/v1/stream?room=open";
    for (origin, status) in [
        (None, 403),
        (Some(FOREIGN.1), 403),
        (Some(OWN.1), 101),
        (Some(LISTED.1), 101),
    ] {
        let page = origin.map(|origin| ("origin", origin));
        let headers: Vec<_> = page.into_iter().chain([cookie]).collect();
        let socket = gate.connect().await;
        match WebSocket::upgrade(socket, target, &headers).await {
            Ok(mut socket) => {
                assert_eq!(status, 101, "{origin:?}");
                assert_eq!(socket.json().await["principal"], "tv");
            }
            Err(head) => assert_eq!(head.status, status, "{origin:?}"),
        }
        let stream = tokio::net::TcpStream::connect(gate.address())
            .await
            .unwrap();
        let mut http2 = Http2::on(stream).await;
        // The client of these tests calls the gateway so over HTTP/2.
        let own = origin == Some(OWN.1);
        let page = page.map(|page| {
            if own {
                ("origin", "http://localhost")
            } else {
                page
            }
        });
        let headers: Vec<_> = page.into_iter().chain([cookie]).collect();
        let (head, _) = http2.tunnel(target, &headers).await;
        let status = if status == 101 { 200 } else { status };
        assert_eq!(head.status, status, "HTTP/2 {origin:?}");
    }
}

#[tokio::test]
async fn a_listed_page_needs_credentials_allowed_and_a_star_lists_nobody() {
    for more in [cors(false), "[cors]\norigins = [\"*\"]\n".to_owned()] {
        let gate = Gate::start(&configuration("", &more)).await;
        let cookie = session(&gate, &[BACKEND]).await;
        let headers = [("Cookie", cookie.as_str()), LISTED];
        for (method, body) in [("GET", ""), ("POST", EVENT)] {
            let answer = gate.request(method, HISTORY, &headers, body).await;
            refused(&answer, 403, "origin_not_allowed", method);
        }
        // Nor may it make its visitor somebody else.
        let answer = swap(&gate, &[BACKEND, LISTED], "").await;
        refused(&answer, 403, "origin_not_allowed", "a cookie for a visitor");
        // What needs no cookie is a matter of CORS alone.
        let answer = swap(
            &gate,
            &[BACKEND, LISTED],
            r#"{"url":true,"rooms":["open"]}"#,
        )
        .await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let answer = get(&gate, HISTORY, &[BACKEND, LISTED]).await;
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn no_foreign_page_makes_its_visitor_somebody_else_or_nobody() {
    let gate = Gate::start(&configuration("query = \"access_token\"", &cors(true))).await;
    // What a form on a foreign page can send, with a key that its author knows.
    for target in ["/v1/session?access_token=the-key-of-the-tv", "/v1/session"] {
        let form = ("Content-Type", "text/plain");
        let answer = gate.request("POST", target, &[FOREIGN, form], "").await;
        assert!(answer.status() >= 400, "{target}");
        assert_eq!(answer.header("set-cookie"), None, "{target}");
    }
    let answer = gate.request("DELETE", "/v1/session", &[FOREIGN], "").await;
    refused(&answer, 403, "origin_not_allowed", "DELETE");
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_preflight_lets_listed_pages_swap_and_forget() {
    let gate = Gate::start(&configuration("", &cors(true))).await;
    let answer = gate.request("OPTIONS", "/v1/session", &[LISTED], "").await;
    assert_eq!(answer.status(), 204);
    let methods = answer.header("access-control-allow-methods");
    assert_eq!(methods, Some("POST, DELETE, OPTIONS"));
    let allows = answer.header("access-control-allow-credentials");
    assert_eq!(allows, Some("true"));
    let own = self::gate()
        .await
        .request("OPTIONS", "/v1/session", &[FOREIGN], "")
        .await;
    assert_eq!(own.header("access-control-allow-methods"), None);
}
