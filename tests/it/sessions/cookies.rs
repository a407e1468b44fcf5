//! The session cookie.

use std::time::Duration;

use serde_json::json;

use super::{
    BACKEND, OWN, TV, ann, bearer, configuration, cookie, data, gate, get, publish, refused,
    session, stream, swap,
};
use crate::support::Gate;
use crate::support::http::{self, Next};
use crate::support::http2::Http2;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::websocket::WebSocket;

const HISTORY: &str = "/v1/rooms/open/events";

#[tokio::test]
async fn a_cookie_is_for_no_script_and_no_other_site_and_says_how_long_it_lives() {
    let gate = gate().await;
    let answer = swap(&gate, &[TV], "").await;
    let cookie = cookie(&answer);
    let set = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("gatecast_session="), "{cookie}");
    let attributes = set.strip_prefix(&cookie).unwrap();
    assert_eq!(
        attributes,
        "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
    );
    let expected = json!({"principal": "tv", "role": "display", "expires_in_ms": 43_200_000});
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(!set.contains(TV.1));
    let shorter = swap(&gate, &[TV], r#"{"ttl_ms":90500}"#).await;
    assert!(
        shorter
            .header("set-cookie")
            .unwrap()
            .contains("; Max-Age=90;")
    );
    assert_eq!(shorter.json()["expires_in_ms"], 90_500);
}

#[tokio::test]
async fn over_tls_it_is_bound_to_its_host_and_never_sent_in_clear_whichever_http_is_spoken() {
    let certificate = Certificate::new();
    let gate = Gate::start(&(certificate.toml() + &configuration("", ""))).await;
    let address = gate.address();
    let over = async || Socket::over(certificate.speak(address, "http/1.1").await);
    let mut socket = over().await;
    socket
        .send(http::request("POST", "/v1/session", &[TV], ""))
        .await;
    let answer = socket.answer("POST").await;
    let one = cookie(&answer);
    assert!(one.starts_with("__Host-gatecast_session="), "{one}");
    let set = answer.header("set-cookie").unwrap();
    assert!(set.ends_with("; SameSite=Strict; Secure"), "{set}");

    let mut http2 = Http2::on(certificate.speak(address, "h2").await).await;
    let key = [("x-api-key", TV.1)];
    let head = http2
        .open("POST", "/v1/session", &key, Some("{}"))
        .await
        .head;
    assert_eq!(head.status, 200);
    let two = head.headers["set-cookie"].to_str().unwrap();
    let two = two.split(';').next().unwrap();
    assert!(two.starts_with("__Host-gatecast_session="), "{two}");

    // Over HTTP/2 a browser may send its cookies apart (RFC 9113 §8.2.3).
    let headers = [("cookie", "a=b"), ("cookie", one.as_str())];
    let (status, body) = http2.request("GET", HISTORY, &headers, None).await;
    assert_eq!(status, 200, "{body}");
    // A cookie without the prefix can be another host's of the same domain.
    for (cookie, status) in [
        (two.to_owned(), 200),
        (two.replace("__Host-", ""), 401),
        (format!("{}; {two}", two.replace("__Host-", "")), 200),
    ] {
        socket = over().await;
        let request = http::request("GET", HISTORY, &[("Cookie", &cookie)], "");
        socket.send(request).await;
        assert_eq!(socket.answer("GET").await.status(), status, "{cookie}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_ends_the_tls_the_public_url_makes_it_secure() {
    let more = "[server]\npublic_url = \"https://live.example/gate\"\n";
    let gate = Gate::start(&configuration("", more)).await;
    let origin = ("Origin", "https://live.example");
    let answer = swap(&gate, &[TV, origin], "").await;
    let set = answer.header("set-cookie").unwrap();
    assert!(
        set.starts_with("__Host-") && set.ends_with("; Secure"),
        "{set}"
    );
    let cookie = cookie(&answer);
    let answer = swap(&gate, &[("Cookie", &cookie), origin], "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let answer = swap(&gate, &[("Cookie", &cookie), OWN], "").await;
    refused(
        &answer,
        403,
        "origin_not_allowed",
        "a page that came in clear",
    );
}

#[tokio::test]
async fn what_a_credential_opens_its_cookie_opens_on_every_transport() {
    let gate = gate().await;
    let bearer = ann(&gate, 600);
    let cookie = session(&gate, &[("Authorization", &bearer)]).await;
    let cookie = ("Cookie", cookie.as_str());
    let (head, mut body) = stream(&gate, "/v1/stream", &[cookie]).await;
    assert_eq!(head.status, 200);
    let welcome = data(&body.event("welcome").await);
    assert_eq!(welcome["principal"], "ann");
    assert_eq!(welcome["rooms"], json!(["org:acme:news"]));
    let name = welcome["stream"].as_str().unwrap();

    let answer = get(&gate, "/v1/stream?room=open", &[cookie]).await;
    assert_eq!(answer.status(), 200);
    let answer = get(&gate, "/v1/rooms/secret/events", &[cookie]).await;
    refused(&answer, 403, "forbidden", "another room");

    let messages = format!("/v1/messages?stream={name}");
    let join = r#"{"type":"subscribe","ref":1,"room":"open"}"#;
    let answer = gate.request("POST", &messages, &[cookie, OWN], join).await;
    assert_eq!(answer.json()["type"], "ack", "{}", answer.text());

    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream?room=open", &[cookie, OWN])
        .await
        .unwrap();
    assert_eq!(socket.json().await["principal"], "ann");
    let event = r#"{"event":"hello","data":1}"#;
    let answer = gate.request("POST", HISTORY, &[cookie, OWN], event).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    assert_eq!(socket.json().await["event"], "hello");
    body.event("hello").await;
}

#[tokio::test]
async fn a_stream_ends_with_its_cookie_and_a_renewed_one_goes_on_from_its_cursor() {
    let gate = Gate::start(&configuration(
        "session = { ttl = \"2m\", url_ttl = \"1m\" }",
        "",
    ))
    .await;
    let old = session(&gate, &[TV]).await;
    let (_, mut body) = stream(&gate, "/v1/stream", &[("Cookie", &old)]).await;
    let welcome = data(&body.event("welcome").await);
    assert_eq!(welcome["expires_in_ms"], 120_000);
    let seen = publish(&gate, "open", 1).await;
    body.event("e").await;
    gate.hand.advance(Duration::from_secs(100));
    let notice = data(&body.event("token_expiring").await);
    assert_eq!(notice["url"], json!(null), "a cookie is no URL");
    let new = session(&gate, &[("Cookie", &old), OWN]).await;
    assert_ne!(new, old);
    gate.hand.advance(Duration::from_secs(20));
    body.event("session_expired").await;
    let end = gate.hasten(Duration::from_millis(100), body.end()).await;
    assert_eq!(end, Next::Cut, "so that `EventSource` comes back");
    publish(&gate, "open", 2).await;

    let last = ("Last-Event-ID", seen.as_str());
    let (head, _) = stream(&gate, "/v1/stream", &[("Cookie", &old), last]).await;
    assert_eq!(head.status, 401);
    let (_, mut body) = stream(&gate, "/v1/stream", &[("Cookie", &new), last]).await;
    assert_eq!(data(&body.event("welcome").await)["recovered"], true);
    assert_eq!(data(&body.event("e").await)["data"], 2);
}

#[tokio::test]
async fn a_cookie_never_outlives_its_token_however_often_it_is_renewed() {
    let gate = gate().await;
    let bearer = ann(&gate, 600);
    let mut answer = swap(&gate, &[("Authorization", &bearer)], "").await;
    for left in [600, 400, 200] {
        let told = answer.json()["expires_in_ms"].as_u64().unwrap();
        assert!(((left - 1) * 1000..=left * 1000).contains(&told), "{told}");
        gate.hand.advance(Duration::from_secs(200));
        let old = cookie(&answer);
        answer = swap(&gate, &[("Cookie", &old), OWN], "").await;
    }
    refused(&answer, 401, "unauthorized", "after ten minutes");
}

#[tokio::test]
async fn a_cookie_that_fails_is_nobody_and_is_dropped_on_request() {
    let gate = Gate::start(&configuration("anonymous = \"display\"", "")).await;
    assert_eq!(get(&gate, HISTORY, &[]).await.status(), 200);
    let good = session(&gate, &[TV]).await;
    let forged = good.replace('.', "A.");
    for bad in [
        forged.as_str(),
        "gatecast_session=",
        "gatecast_session=a.b",
        "gatecast_session=the-key-of-the-tv",
        "a=b; gatecast_session=x; c=d",
    ] {
        let answer = get(&gate, HISTORY, &[("Cookie", bad)]).await;
        refused(&answer, 401, "unauthorized", bad);
        let (head, _) = stream(&gate, "/v1/stream", &[("Cookie", bad)]).await;
        assert_eq!(head.status, 401, "{bad}");
        let headers = [("Cookie", bad), OWN];
        let answer = gate.request("DELETE", "/v1/session", &headers, "").await;
        assert_eq!(answer.status(), 204, "{bad}");
        assert_eq!(
            answer.header("set-cookie"),
            Some("gatecast_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
        );
    }
    let twice = format!("{good}; {good}");
    let answer = get(&gate, HISTORY, &[("Cookie", &twice)]).await;
    refused(&answer, 400, "bad_request", "two cookies");
    let answer = gate.request("DELETE", "/v1/session", &[], "").await;
    assert_eq!(
        answer.status(),
        204,
        "without a cookie there is nothing to do"
    );
    refused(
        &swap(&gate, &[], "").await,
        401,
        "unauthorized",
        "anonymous",
    );
}

#[tokio::test]
async fn a_credential_that_comes_itself_wins_over_the_cookie() {
    let gate = gate().await;
    let cookie = session(&gate, &[TV]).await;
    let cookie = ("Cookie", cookie.as_str());
    let secret = "/v1/rooms/secret/events";
    let answer = get(&gate, secret, &[cookie, BACKEND]).await;
    assert_eq!(answer.status(), 200);
    let answer = get(&gate, HISTORY, &[cookie, ("X-API-Key", "wrong")]).await;
    refused(
        &answer,
        401,
        "unauthorized",
        "a failed key and a good cookie",
    );
    // It is the cookie that needs the page's origin, and not the key.
    let event = r#"{"event":"e"}"#;
    let answer = gate
        .request("POST", HISTORY, &[cookie, BACKEND], event)
        .await;
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn a_ticket_is_good_in_its_own_place_only() {
    let gate = Gate::start(&configuration("query = \"access_token\"", "")).await;
    let cookie = session(&gate, &[TV]).await;
    let (_, ticket) = cookie.split_once('=').unwrap();
    let bearer = format!("Bearer {ticket}");
    for headers in [("Authorization", bearer.as_str()), ("X-API-Key", ticket)] {
        refused(
            &get(&gate, HISTORY, &[headers]).await,
            401,
            "unauthorized",
            headers.0,
        );
    }
    for name in ["access_token", "ticket"] {
        let target = format!("/v1/stream?room=open&{name}={ticket}");
        refused(&get(&gate, &target, &[]).await, 401, "unauthorized", name);
    }
}

#[tokio::test]
async fn a_cookie_that_no_browser_would_keep_is_refused_in_words() {
    let gate = gate().await;
    let end = gate.clock().unix().0 / 1000 + 60;
    let claims = |org: &str, other: &str| {
        let claims = json!({"sub": "ann", "role": "member", "exp": end, "org": org, "x": other});
        bearer(&claims)
    };
    let long = "x".repeat(3500);
    let fits = claims("acme", &long);
    session(&gate, &[("Authorization", &fits)]).await;
    let answer = swap(&gate, &[("Authorization", &claims(&long, "")), OWN], "").await;
    refused(&answer, 413, "too_large", "an organisation of 3500 letters");
    assert!(answer.text().contains("4096"), "{}", answer.text());
}
