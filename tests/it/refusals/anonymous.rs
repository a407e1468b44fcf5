//! A client without credential gets the anonymous role; one whose credential fails never does.

use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

const WALL: (&str, &str) = ("X-API-Key", "wall-key");

async fn gate() -> Gate {
    Gate::start(&format!(
        r#"
        [auth]
        anonymous = "guest"
        query = "key"
        {key}
        [roles.guest]
        rooms = ["open"]
        subscribe = ["open", "old"]
        [roles.tv]
        transports = ["sse"]
        subscribe = ["open"]
        [roles.wall]
        rooms = ["open", "wall"]
        subscribe = ["open", "wall"]
        publish = ["wall"]
        "#,
        key = api_key("wall", WALL.1, "wall") + &api_key("tv", "the-key-of-the-tv", "tv")
    ))
    .await
}

async fn guest(gate: &Gate) -> WebSocket {
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream", &[]).await.unwrap();
    let welcome = socket.json().await;
    assert_eq!(
        (&welcome["principal"], &welcome["role"]),
        (&"anonymous".into(), &"guest".into())
    );
    socket
}

#[tokio::test]
async fn an_auth_that_fails_is_answered_under_its_ref_and_ends_the_stream_whatever_is_wrong_with_it()
 {
    let gate = gate().await;
    let long = "x".repeat(9000);
    for token in ["", "wrong", "two words", "a.b.c", "\\u00e9", long.as_str()] {
        let mut socket = guest(&gate).await;
        socket
            .say(&format!(r#"{{"type":"auth","ref":7,"token":"{token}"}}"#))
            .await;
        let error = socket.json().await;
        assert_eq!(
            (&error["type"], &error["ref"]),
            (&"error".into(), &7.into()),
            "{error}"
        );
        assert_eq!(error["code"], "unauthorized");
        assert!(
            !error.to_string().contains("two words"),
            "no answer repeats a credential"
        );
        assert_eq!(socket.closed().await.0, Some(3500), "{token}");
    }
}

#[tokio::test]
async fn a_credential_that_fails_at_the_door_is_refused_though_without_one_the_client_would_get_in()
{
    let gate = gate().await;
    for (headers, target) in [
        (vec![("X-API-Key", "wrong")], "/v1/stream"),
        (vec![("Authorization", "Bearer wrong")], "/v1/stream"),
        (vec![("Authorization", "Bearer wrong"), WALL], "/v1/stream"),
        (
            vec![("Sec-WebSocket-Protocol", "gatecast.v1, BEARER.wrong")],
            "/v1/stream",
        ),
        (vec![], "/v1/stream?key=wrong"),
    ] {
        let answer = gate.request("GET", target, &headers, "").await;
        super::refused(&answer, 401, "unauthorized", target);
    }
    assert_eq!(
        gate.request("GET", "/v1/stream", &[], "").await.status(),
        200
    );
}

#[tokio::test]
async fn one_auth_lifts_a_guest_to_its_role_with_a_new_welcome_and_the_rooms_that_go_with_it() {
    let gate = gate().await;
    let mut socket = guest(&gate).await;
    socket
        .say(r#"{"type":"subscribe","ref":1,"room":"old"}"#)
        .await;
    assert_eq!(socket.json().await["type"], "ack");
    socket
        .say(r#"{"type":"subscribe","ref":2,"room":"wall"}"#)
        .await;
    assert_eq!(socket.json().await["code"], "forbidden");
    socket
        .say(&format!(
            r#"{{"type":"auth","ref":3,"token":"{}"}}"#,
            WALL.1
        ))
        .await;
    let welcome = socket.json().await;
    assert_eq!(
        (&welcome["type"], &welcome["principal"]),
        (&"welcome".into(), &"wall".into())
    );
    assert_eq!(welcome["rooms"], serde_json::json!(["open", "wall"]));
    let gap = socket.json().await;
    assert_eq!(
        (&gap["room"], &gap["reason"]),
        (&"old".into(), &"unauthorized".into())
    );
    assert_eq!(socket.json().await["ref"], 3);
    socket
        .say(r#"{"type":"publish","ref":4,"room":"wall","event":"e","data":1}"#)
        .await;
    let (first, second) = (socket.json().await, socket.json().await);
    let types = [&first["type"], &second["type"]];
    assert!(types.contains(&&"ack".into()), "{first} {second}");
    assert_eq!(
        first["id"], second["id"],
        "the ack and the event that came back"
    );
    socket
        .say(r#"{"type":"auth","ref":5,"token":"again"}"#)
        .await;
    assert_eq!(
        socket.json().await["code"],
        "unauthorized",
        "it keeps what it has"
    );
    socket.say(r#"{"type":"ping","ref":6}"#).await;
    assert_eq!(socket.json().await["ref"], 6);
}

#[tokio::test]
async fn an_auth_lifts_nobody_to_what_its_role_would_be_refused_at_the_door() {
    let gate = gate().await;
    let mut socket = guest(&gate).await;
    socket
        .say(r#"{"type":"auth","ref":1,"token":"the-key-of-the-tv"}"#)
        .await;
    assert_eq!(socket.json().await["code"], "transport_not_allowed");
    assert_eq!(socket.closed().await.0, Some(3505));
}

#[tokio::test]
async fn the_configured_rate_holds_also_before_a_client_has_said_who_it_is() {
    let key = api_key("wall", WALL.1, "wall");
    let roles = "[roles.wall]\nsubscribe = [\"open\"]\n[limits]\nmessages = \"2/s\"\n";
    let gate = Gate::start(&format!("{key}{roles}")).await;
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream?room=open", &[])
        .await
        .unwrap();
    for code in ["unauthorized", "unauthorized", "rate_limited"] {
        socket.say(r#"{"type":"ping","ref":1}"#).await;
        assert_eq!(socket.json().await["code"], code);
    }
}
