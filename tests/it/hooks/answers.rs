//! A backend that is well: what it is sent, and what its answers do.

use gatecast::hooks::sign::{MessageId, signature};
use gatecast::hooks::{Hook, Kind, Pattern};
use gatecast::model::code::Code;
use gatecast::model::trace::TraceParent;
use gatecast::wire::hook::{Deed, Message};

use super::backend::{Asked, Backend, says};
use super::{Bench, SECRET, connect, ended, hook, key, left, message, room, subscribe};

/// Whether the request has a signature of each of these secrets, and no other.
fn is_signed(asked: &Asked, secrets: &[&str]) {
    let value = |name| asked.header(name).unwrap();
    let keys: Vec<_> = secrets.iter().map(|secret| key(secret)).collect();
    let seconds = value("webhook-timestamp").parse().unwrap();
    let id = MessageId::parse(value("webhook-id")).unwrap();
    let expected = signature(&keys, &id, seconds, asked.body.as_bytes());
    assert_eq!(value("webhook-signature"), expected);
    assert_eq!(expected.split(' ').count(), secrets.len());
}

#[tokio::test]
async fn a_question_is_a_signed_post_of_json_to_the_configured_url_and_nothing_else() {
    let backend = Backend::start(says("{}")).await;
    let mut shown = hook(&backend.url());
    shown.headers = vec![http::HeaderName::from_static("x-tenant")];
    let bench = Bench::new(&[(Kind::Connect, shown)]);
    let mut question = connect();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    question.trace = TraceParent::parse(trace);
    let (welcome, _) = bench.hooks.connect(question).await.unwrap();
    assert!(welcome.rooms.is_empty() && welcome.claims.is_empty() && welcome.first.is_empty());
    let asked = &backend.asked()[0];
    assert!(
        asked.head.starts_with("POST /hook?v=1 HTTP/1.1\r\n"),
        "{asked:?}"
    );
    let host = backend.address().to_string();
    for (name, value) in [
        ("host", &*host),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("traceparent", trace),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    assert!(asked.header("user-agent").unwrap().starts_with("gatecast/"));
    for name in [
        "authorization",
        "cookie",
        "x-tenant",
        "accept-encoding",
        "connection",
    ] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    let now = (bench.clock.unix().0 / 1000).to_string();
    assert_eq!(asked.header("webhook-timestamp"), Some(&*now));
    is_signed(asked, &[SECRET]);
    let body = asked.json();
    assert_eq!(body["type"], "connect");
    assert_eq!(body["headers"], serde_json::json!({"x-tenant": "acme"}));
    assert_eq!(body["rooms"], serde_json::json!(["lobby"]));
    assert!(bench.calls("connect", "ok") > 0.0);
}

#[tokio::test]
async fn while_a_secret_is_replaced_each_request_has_a_signature_of_both() {
    let backend = Backend::start(says("")).await;
    let mut rotated = hook(&backend.url());
    let new = "a new secret, as plain text";
    rotated.keys = vec![key(new), key(SECRET)];
    let bench = Bench::new(&[(Kind::Connect, rotated)]);
    bench.hooks.connect(connect()).await.unwrap();
    is_signed(&backend.asked()[0], &[new, SECRET]);
}

#[tokio::test]
async fn each_question_has_an_id_of_its_own_and_they_share_a_connection() {
    let backend = Backend::start(says("")).await;
    let bench = Bench::new(&[(Kind::Subscribe, hook(&backend.url()))]);
    for name in ["a", "b", "c"] {
        bench.hooks.subscribe(subscribe(name)).await.unwrap();
    }
    let asked = backend.asked();
    let ids: std::collections::HashSet<_> = asked
        .iter()
        .map(|asked| asked.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_welcome_brings_what_the_backend_adds_and_a_reply_what_it_wants_done() {
    let backend = Backend::start(says(
        r#"{"rooms":["tab:7"],"claims":{"plan":"gold"},"first":[{"event":"hello","data":1.0}]}"#,
    ))
    .await;
    let bench = Bench::new(&[
        (Kind::Connect, hook(&backend.url())),
        (Kind::Message, hook(&backend.url())),
    ]);
    let (welcome, _) = bench.hooks.connect(connect()).await.unwrap();
    assert_eq!(welcome.rooms, [room("tab:7")]);
    assert_eq!(welcome.claims["plan"], "gold");
    assert_eq!(welcome.first[0].data.as_str(), "1.0");
    backend.does(says(r#"{"ack":{"total":3},"do":[{"type":"publish","room":"tab:7","event":"note","data":1},{"type":"leave","room":"tab:7"}]}"#));
    let question = Message {
        room: Some(room("tab:7")),
        ..message("note:add")
    };
    let reply = bench.hooks.message(question).await.unwrap();
    assert_eq!(reply.ack.unwrap().as_str(), r#"{"total":3}"#);
    assert!(matches!(&reply.deeds[0], Deed::Publish(offer) if offer.name.as_str() == "note"));
    assert_eq!(
        reply.deeds[1],
        Deed::Leave {
            whom: None,
            room: room("tab:7")
        }
    );
    let asked = backend.asked()[1].json();
    assert_eq!(
        (&asked["event"], &asked["room"]),
        (&"note:add".into(), &"tab:7".into())
    );
}

#[tokio::test]
async fn a_no_is_told_in_the_backends_words_and_also_where_the_hook_fails_open() {
    let no = r#"{"refuse":{"code":"not_your_tab","message":"that is not your tab"}}"#;
    let backend = Backend::start(says(no)).await;
    let mut open = hook(&backend.url());
    open.on_failure = gatecast::hooks::OnFailure::Open;
    let bench = Bench::new(&[
        (Kind::Connect, hook(&backend.url())),
        (Kind::Subscribe, open),
    ]);
    let refused = bench.hooks.connect(connect()).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.message),
        (Code::Refused, "that is not your tab")
    );
    assert_eq!(refused.reason.as_deref(), Some("not_your_tab"));
    let refused = bench.hooks.subscribe(subscribe("tab:7")).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.room),
        (Code::Refused, Some(room("tab:7")))
    );
    assert!(bench.calls("connect", "refused") > 0.0 && bench.calls("subscribe", "refused") > 0.0);
}

#[tokio::test]
async fn a_hook_is_asked_about_what_its_patterns_name_and_nothing_else() {
    let backend = Backend::start(says("{}")).await;
    let only = |pattern: &str| Hook {
        only: vec![Pattern::new(pattern)],
        ..hook(&backend.url())
    };
    let bench = Bench::new(&[
        (Kind::Subscribe, only("tab:*")),
        (Kind::Message, only("note:*")),
    ]);
    assert!(bench.hooks.asks_about(&room("tab:7")) && !bench.hooks.asks_about(&room("lobby")));
    bench.hooks.subscribe(subscribe("lobby")).await.unwrap();
    assert_eq!(backend.connections(), 0);
    bench.hooks.subscribe(subscribe("tab:7")).await.unwrap();
    assert!(bench.hooks.takes(&message("note:add").event));
    assert!(!bench.hooks.takes(&message("order").event));
    let refused = bench.hooks.message(message("order")).await.unwrap_err();
    assert_eq!(refused.code, Code::HookFailed);
    bench.hooks.message(message("note:add")).await.unwrap();
    assert_eq!(backend.asked().len(), 2);
}

#[tokio::test]
async fn without_hooks_everybody_comes_in_and_nobody_is_told_anything() {
    let bench = Bench::new(&[]);
    for kind in Kind::ALL {
        assert!(!bench.hooks.has(*kind));
    }
    bench.hooks.connect(connect()).await.unwrap();
    bench.hooks.subscribe(subscribe("a")).await.unwrap();
    bench.hooks.notify(&ended(1));
    bench.hooks.notify(&left(1, "a"));
    assert!(bench.counted("hook_notifications_waiting") < 0.1);
    assert_eq!(bench.hooks.flush(std::time::Duration::ZERO).await, 0);
    assert!(bench.hooks.forwarded(&http::HeaderMap::new()).is_empty());
}
