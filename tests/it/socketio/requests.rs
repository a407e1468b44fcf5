//! Engine.IO over HTTP: the checks of the original in their order, and what ends a session.

use super::{POLLING, Polling, WEBSOCKET, websocket};
use crate::support::{Gate, within};

#[tokio::test]
async fn a_request_is_refused_by_the_first_check_that_fails_with_a_number_and_a_sentence() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    let other = session.target.replace("polling", "websocket");
    for (method, target, status, body) in [
        (
            "GET",
            "/socket.io/?EIO=4",
            400,
            r#"{"code":0,"message":"Transport unknown"}"#,
        ),
        (
            "GET",
            "/socket.io/?EIO=4&transport=abc&sid=x",
            400,
            r#"{"code":0,"message":"Transport unknown"}"#,
        ),
        (
            "GET",
            "/socket.io/?EIO=4&transport=polling&sid=x",
            400,
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        (
            "POST",
            POLLING,
            400,
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        (
            "PUT",
            POLLING,
            400,
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        ("GET", &other, 400, r#"{"code":3,"message":"Bad request"}"#),
        (
            "GET",
            WEBSOCKET,
            400,
            r#"{"code":3,"message":"Bad request"}"#,
        ),
        (
            "GET",
            "/socket.io/?EIO=3&transport=polling",
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
        (
            "GET",
            "/socket.io/?transport=polling",
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
    ] {
        let answer = gate.request(method, target, &[], "").await;
        assert_eq!(
            (answer.status(), answer.text()),
            (status, body),
            "{method} {target}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn pages_of_known_origins_can_read_errors_too() {
    let gate = Gate::open("", "[cors]\norigins = [\"https://app.example\"]\n").await;
    let page = ("Origin", "https://app.example");
    let answer = gate.request("GET", "/socket.io/", &[page], "").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let foreign = [("Origin", "https://other.example")];
    let refused =
        crate::support::websocket::WebSocket::upgrade(gate.connect().await, WEBSOCKET, &foreign);
    assert_eq!(refused.await.err().unwrap().status, 403);
}

#[tokio::test]
async fn what_is_posted_comes_to_the_session_and_what_it_says_to_the_next_get() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    session
        .say(&format!("40{}\x1e40/nowhere,", super::auth()))
        .await;
    let mut told = session.next().await;
    // They may come in one body, or in two.
    if !told.contains('\x1e') {
        told = format!("{told}\x1e{}", session.next().await);
    }
    assert!(
        told.contains(r#"44/nowhere,{"message":"Invalid namespace"}"#),
        "{told}"
    );
    assert!(told.contains(r#"40{"sid":""#), "{told}");
    session.say(r#"420["ping"]"#).await;
    assert_eq!(session.next().await, "430[{}]");
}

#[tokio::test]
async fn two_gets_at_once_end_the_session_and_the_first_is_told_so() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    let (mut one, mut other) = (session.begin().await, session.begin().await);
    // Whichever is taken up first.
    let mut answers = [one.answer("GET").await, other.answer("GET").await];
    answers.sort_by_key(crate::support::http::Answer::status);
    assert_eq!((answers[0].status(), answers[0].text()), (200, "1"));
    assert_eq!(
        (answers[1].status(), &answers[1].json()["code"]),
        (400, &3.into())
    );
    assert_eq!(session.get().await.json()["code"], 1);
}

#[tokio::test]
async fn a_get_that_is_given_up_ends_the_session() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    drop(session.begin().await);
    within("the end", async {
        while session.post("3").await.status() != 400 {}
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_packet_ends_the_session_and_a_long_one_does_not() {
    let gate = Gate::open("", "[socketio]\nmax_payload = 1024\n").await;
    let session = Polling::open(&gate).await;
    let long = "4".repeat(1025);
    assert_eq!(session.post(&long).await.status(), 413);
    session.say("3").await;
    let headers = [("Content-Type", "application/octet-stream")];
    let binary = gate.request("POST", &session.target, &headers, "4").await;
    assert_eq!(binary.json()["code"], 3);
    assert_eq!(session.post("abc").await.status(), 400);
    within("the end", async {
        while session.get().await.status() != 400 {}
    })
    .await;
}

#[tokio::test]
async fn a_client_that_closes_has_its_get_answered_and_the_session_is_gone() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    let mut waiting = session.begin().await;
    gate.request("GET", "/healthz", &[], "").await;
    let closed = session.post("1").await;
    assert_eq!(closed.status(), 200);
    let told = waiting.answer("GET").await;
    assert!(
        told.status() == 400 || told.text() == "6",
        "{}",
        told.text()
    );
    assert_eq!(session.get().await.json()["code"], 1);
}

#[tokio::test]
async fn it_can_be_turned_off_and_moved() {
    let gate = Gate::open("", "[socketio]\nenabled = false\n").await;
    assert_eq!(gate.request("GET", POLLING, &[], "").await.status(), 404);
    let gate = Gate::open("", "[socketio]\npath = \"/live/\"\n").await;
    assert_eq!(gate.request("GET", POLLING, &[], "").await.status(), 404);
    let moved = gate
        .request("GET", "/live/?EIO=4&transport=polling", &[], "")
        .await;
    assert!(moved.text().starts_with("0{"));
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_a_websocket() {
    let gate = Gate::open("", "").await;
    for wrong in [
        "abc",
        "2",
        "9",
        "",
        r#"42["a"]"#,
        "4x",
        r#"43[]"#,
        "44{}",
        "41",
    ] {
        let mut socket = websocket(&gate).await;
        socket.say(wrong).await;
        let (code, _) = super::closed(&mut socket).await;
        assert!(code.is_some(), "{wrong}");
    }
    let mut socket = websocket(&gate).await;
    socket.say("1").await;
    super::closed(&mut socket).await;
}
