//! What is wrong with what is published.

use super::{BACKEND, PUBLISH, READER, Witness, gate, refused};
use crate::support::http;

/// An event with a payload of so many bytes.
fn sized(bytes: usize) -> String {
    format!(r#"{{"event":"e","data":"{}"}}"#, "x".repeat(bytes - 2))
}

#[tokio::test]
async fn a_body_that_is_no_event_is_refused_by_what_is_wrong_with_it() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let deep = format!(
        r#"{{"event":"e","data":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        (r#"{"event":"e","data":"#, 400, "invalid_json"),
        (r#"{"event":"e","data":1}}"#, 400, "invalid_json"),
        (r#"{"event":"e","data":nope}"#, 400, "invalid_json"),
        (&deep, 400, "invalid_json"),
        ("[]", 400, "bad_request"),
        ("7", 400, "bad_request"),
        ("{}", 400, "bad_request"),
        (r#"{"data":1}"#, 400, "bad_request"),
        (r#"{"event":7,"data":1}"#, 400, "bad_request"),
        (r#"{"event":null,"data":1}"#, 400, "bad_request"),
        (r#"{"event":"e","data":1,"dta":2}"#, 400, "bad_request"),
        (r#"{"event":"","data":1}"#, 400, "invalid_event"),
        (r#"{"event":"two words","data":1}"#, 400, "invalid_event"),
        (r#"{"event":"größe","data":1}"#, 400, "invalid_event"),
        (&sized(1025), 413, "too_large"),
    ] {
        let answer = gate.request("POST", PUBLISH, &[BACKEND], body).await;
        refused(&answer, status, code, body);
    }
    let fits = gate
        .request("POST", PUBLISH, &[BACKEND], &sized(1024))
        .await;
    assert_eq!(fits.status(), 202, "{}", fits.text());
    witness.body.event("e").await;
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn every_name_that_the_protocol_keeps_is_refused_on_every_door() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let kept = gatecast::model::event::RESERVED_NAMES.into_iter();
    for name in kept.chain(["presence:join", "reading:batch", "presence:"]) {
        let body = format!(r#"{{"event":"{name}","data":1}}"#);
        let answer = gate.request("POST", PUBLISH, &[BACKEND], &body).await;
        refused(&answer, 400, "reserved_event", name);
        let target = format!("{PUBLISH}?event={name}");
        let answer = gate.request("POST", &target, &[BACKEND], "text").await;
        refused(&answer, 400, "reserved_event", name);
        let body = format!(r#"{{"events":[{{"room":"open","event":"{name}"}}]}}"#);
        let answer = gate.request("POST", "/v1/publish", &[BACKEND], &body).await;
        assert_eq!(
            answer.json()["results"][0]["error"]["code"],
            "reserved_event",
            "{name}"
        );
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_refused_as_json_and_as_text() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for (target, media, body) in [
        (
            PUBLISH.to_owned(),
            "application/json",
            &b"{\"event\":\"e\",\"data\":\"\xff\"}"[..],
        ),
        (format!("{PUBLISH}?event=e"), "text/plain", b"caf\xe9"),
        (
            format!("{PUBLISH}?event=e"),
            "application/json",
            b"\"\xc3\x28\"",
        ),
        (
            "/v1/publish".to_owned(),
            "application/json",
            b"{\"events\":[{\"room\":\"\xf0\x9f\"}]}",
        ),
        (format!("{PUBLISH}?event=e"), "text/plain", b"\xed\xa0\x80"),
    ] {
        let mut socket = gate.connect().await;
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            BACKEND.0,
            BACKEND.1,
            body.len()
        );
        socket.send([head.as_bytes(), body].concat()).await;
        refused(
            &socket.answer("POST").await,
            400,
            "invalid_utf8",
            &format!("{body:?}"),
        );
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn in_a_list_each_event_is_judged_on_its_own_and_the_good_ones_are_published() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let body = format!(
        r#"{{"events":[
            {{"room":"open","event":"a b"}},
            {{"room":"open","event":"gap"}},
            {{"room":"a::b","event":"e"}},
            {{"event":"e"}},
            {{"rooms":[],"event":"e"}},
            {{"room":"open","rooms":["open"],"event":"e"}},
            7,
            {},
            {{"room":"open","event":"good","data":1}}]}}"#,
        sized(1025).replace(r#""event""#, r#""room":"open","event""#)
    );
    let answer = gate.request("POST", "/v1/publish", &[BACKEND], &body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    let results = answer.json()["results"].as_array().unwrap().clone();
    let code = |at: usize| {
        results[at]["error"]["code"]
            .as_str()
            .unwrap_or("published")
            .to_owned()
    };
    let codes: Vec<String> = (0..results.len()).map(code).collect();
    let bad = "bad_request";
    let expected = [
        "invalid_event",
        "reserved_event",
        "invalid_room",
        bad,
        bad,
        bad,
        bad,
        "too_large",
        "published",
    ];
    assert_eq!(codes, expected);
    let good = witness.body.event("good").await;
    assert!(good.contains(results[8]["id"].as_str().unwrap()), "{good}");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_list_that_is_none_or_too_long_is_refused_whole() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let long = format!(
        r#"{{"events":[{}]}}"#,
        vec![r#"{"room":"open","event":"e"}"#; 101].join(",")
    );
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        ("[]", 400, "bad_request"),
        ("{}", 400, "bad_request"),
        (r#"{"events":{}}"#, 400, "bad_request"),
        (r#"{"events":[],"more":1}"#, 400, "bad_request"),
        (&long, 413, "too_large"),
    ] {
        let answer = gate.request("POST", "/v1/publish", &[BACKEND], body).await;
        refused(&answer, status, code, body);
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_event_for_several_rooms_goes_to_all_of_them_or_to_none() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let rooms: Vec<String> = (0..11).map(|number| format!("\"org:{number}\"")).collect();
    let eleven = format!(
        r#"{{"events":[{{"rooms":["open",{}],"event":"e"}}]}}"#,
        rooms.join(",")
    );
    let internal = r#"{"events":[{"rooms":["open","_gateway"],"event":"e"}]}"#;
    for (body, code) in [(eleven.as_str(), "too_many_rooms"), (internal, "forbidden")] {
        let answer = gate.request("POST", "/v1/publish", &[BACKEND], body).await;
        assert_eq!(
            answer.json()["results"][0]["error"]["code"],
            code,
            "{}",
            answer.text()
        );
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn who_has_no_grant_publishes_nothing() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let body = r#"{"event":"e","data":1}"#;
    let answer = gate.request("POST", PUBLISH, &[READER], body).await;
    refused(&answer, 403, "forbidden", "one event");
    let body = r#"{"events":[{"room":"open","event":"e"}]}"#;
    let answer = gate.request("POST", "/v1/publish", &[READER], body).await;
    assert_eq!(answer.json()["results"][0]["error"]["code"], "forbidden");
    let mut socket = super::websocket(&gate, "/v1/stream?room=org:a", READER).await;
    socket
        .say(r#"{"type":"publish","ref":1,"room":"open","event":"e"}"#)
        .await;
    assert_eq!(socket.json().await["code"], "forbidden");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_its_length_was_told_or_not() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let head = format!(
        "POST {PUBLISH} HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\n",
        BACKEND.0, BACKEND.1
    );
    let mut told = gate.connect().await;
    told.send(format!("{head}Content-Length: 1000000000\r\n\r\n{{"))
        .await;
    refused(&told.answer("POST").await, 413, "too_large", "told");
    let mut untold = gate.connect().await;
    untold
        .send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..3 {
        untold.send(&chunk).await;
    }
    refused(&untold.answer("POST").await, 413, "too_large", "untold");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_publishes_nothing() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let whole = http::request("POST", PUBLISH, &[BACKEND], r#"{"event":"e","data":1}"#);
    for cut in [1, 10, whole.len() - 1] {
        let mut socket = gate.connect().await;
        socket.send(&whole.as_bytes()[..whole.len() - cut]).await;
        socket.finish().await;
        let answer = socket.try_answer("POST").await;
        assert!(
            answer.is_none_or(|answer| answer.status() >= 400),
            "{cut} bytes short"
        );
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn an_idempotency_key_is_plain_and_short() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let body = r#"{"event":"e","data":1}"#;
    for key in [String::new(), "x".repeat(256)] {
        let headers = [BACKEND, ("Idempotency-Key", key.as_str())];
        let answer = gate.request("POST", PUBLISH, &headers, body).await;
        refused(&answer, 400, "bad_request", &key);
    }
    let headers = [BACKEND, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    let answer = gate.request("POST", PUBLISH, &headers, body).await;
    refused(&answer, 400, "bad_request", "two keys");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_list_under_a_used_key_publishes_nothing() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let headers = [BACKEND, ("Idempotency-Key", "k")];
    // The first event of the first list is refused, so only the second one was kept under the key.
    let first = r#"{"events":[{"room":"org:a","event":"a b"},{"room":"org:a","event":"one"}]}"#;
    let answer = gate.request("POST", "/v1/publish", &headers, first).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    let other = r#"{"events":[{"room":"org:a","event":"two"},{"room":"org:a","event":"three"}]}"#;
    let answer = gate.request("POST", "/v1/publish", &headers, other).await;
    refused(&answer, 422, "idempotency_conflict", "another body");
    let history = gate
        .request("GET", "/v1/rooms/org:a/events", &[READER], "")
        .await
        .json();
    let names: Vec<_> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["event"])
        .collect();
    assert_eq!(names, ["one"]);
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_key_that_came_with_the_same_bytes_of_another_kind_is_another_request() {
    let gate = gate().await;
    let key = ("Idempotency-Key", "k");
    let target = "/v1/rooms/open/events?event=e";
    let send = async |kind| {
        let headers = [BACKEND, key, ("Content-Type", kind)];
        gate.request("POST", target, &headers, "\"x\"").await
    };
    assert_eq!(send("application/json").await.status(), 202);
    let answer = send("text/plain").await;
    refused(
        &answer,
        422,
        "idempotency_conflict",
        "text where it was JSON",
    );
    // The same room, written in another way, is the same request.
    let encoded = "/v1/rooms/%6fpen/events?event=e";
    let headers = [BACKEND, key, ("Content-Type", "application/json")];
    let answer = gate.request("POST", encoded, &headers, "\"x\"").await;
    assert_eq!(
        answer.header("idempotency-replayed"),
        Some("true"),
        "{}",
        answer.text()
    );
}
