//! Namespaces: each joined by itself, with a credential and a stream of its own.

use serde_json::{Value, json};

use super::{auth, joined, open, packet, publish, rest, websocket};
use crate::support::{Gate, KEY, api_key};

const SPACES: &str = "[socketio.namespaces.\"/\"]\n[socketio.namespaces.\"/admin\"]\nroles = [\"a\"]\n\
    [socketio.namespaces.\"/meta\"]\nmeta = true\n";

fn guest() -> String {
    let key = api_key("b", "the-key-of-somebody-else", "b");
    format!("{key}[roles.b]\nsubscribe = [\"*\"]\nrooms = [\"b\"]\n{SPACES}")
}

fn refusal(packet: &str) -> Value {
    let text = packet.trim_start_matches(|c| c != '{');
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn who_is_refused_for_good_is_told_why_and_the_connection_stays() {
    let gate = Gate::open("", &guest()).await;
    let mut socket = websocket(&gate).await;
    for (connect, head, code) in [
        ("40".to_owned(), "44{", "unauthorized"),
        (
            r#"40{"token":"no such key"}"#.to_owned(),
            "44{",
            "unauthorized",
        ),
        (r#"40{"token":"a.b.c"}"#.to_owned(), "44{", "unauthorized"),
        (
            r#"40/admin,{"apiKey":"the-key-of-somebody-else"}"#.to_owned(),
            "44/admin,{",
            "forbidden",
        ),
    ] {
        socket.say(&connect).await;
        let told = packet(&mut socket).await;
        assert!(told.starts_with(head), "{told}");
        let told = refusal(&told);
        assert_eq!(
            (&told["data"]["code"], &told["data"]["retryable"]),
            (&json!(code), &json!(false))
        );
        assert!(told["message"].is_string());
    }
    socket.say(&format!("40{}", auth())).await;
    assert!(packet(&mut socket).await.starts_with("40{"));
}

#[tokio::test]
async fn a_credential_of_the_request_counts_where_none_comes_with_the_packet_and_one_that_fails_is_not_passed_over()
 {
    let gate = Gate::open("", "").await;
    let target = super::WEBSOCKET;
    let open = async |headers: &[(&str, &str)]| {
        let socket = gate.connect().await;
        let mut socket = crate::support::websocket::WebSocket::upgrade(socket, target, headers)
            .await
            .unwrap_or_else(|head| panic!("refused: {head:?}"));
        assert!(socket.text().await.starts_with("0{"));
        socket
    };
    let mut socket = open(&[KEY]).await;
    socket.say("40").await;
    assert!(packet(&mut socket).await.starts_with("40{"));
    let mut socket = open(&[KEY]).await;
    socket.say(r#"40{"apiKey":"no such key"}"#).await;
    assert_eq!(
        refusal(&packet(&mut socket).await)["data"]["code"],
        "unauthorized"
    );
}

#[tokio::test]
async fn several_namespaces_share_a_connection_and_each_has_its_own_rooms_and_name() {
    let gate = Gate::open("", &guest()).await;
    let (mut socket, main) = joined(&gate, &auth()).await;
    socket.say(&format!("40/admin,{}", auth())).await;
    let admin = packet(&mut socket).await;
    let admin: Value = serde_json::from_str(admin.strip_prefix("40/admin,").unwrap()).unwrap();
    socket
        .say(r#"40/meta,{"apiKey":"the-key-of-somebody-else"}"#)
        .await;
    let meta = packet(&mut socket).await;
    assert!(meta.starts_with("40/meta,"));
    assert_ne!(main["sid"], admin["sid"]);
    socket.say(r#"420["subscribe",{"room":"x"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"430[{"room":"x"}]"#);
    socket.say(r#"42/admin,0["subscribe",{"room":"x"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"43/admin,0[{"room":"x"}]"#);
    publish(&gate, "x", r#"{"event":"e","data":1}"#).await;
    let mut told = [packet(&mut socket).await, packet(&mut socket).await];
    told.sort();
    assert_eq!(told, [r#"42/admin,["e",1]"#, r#"42["e",1]"#]);
    // Of one that leaves the others hear nothing.
    socket.say("41").await;
    socket.say(r#"42/admin,0["ping"]"#).await;
    assert_eq!(packet(&mut socket).await, "43/admin,0[{}]");
    let id = publish(&gate, "x", r#"{"event":"e","data":2}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42/admin,["e",2]"#);
    publish(&gate, "b", r#"{"event":"e","data":3}"#).await;
    let told = packet(&mut socket).await;
    let told: Value = serde_json::from_str(told.strip_prefix("42/meta,").unwrap()).unwrap();
    assert_eq!((&told[1], &told[2]["room"]), (&json!(3), &json!("b")));
    assert!(told[2]["id"].as_str().unwrap() > id.as_str());
    // Operators see each as a stream of its own.
    let seen = gate
        .request("GET", "/v1/admin/streams", &[KEY], "")
        .await
        .json();
    let streams = seen["streams"].as_array().unwrap();
    assert!(streams.iter().all(|stream| stream["stream"] != main["sid"]));
    assert!(
        streams
            .iter()
            .any(|stream| stream["stream"] == admin["sid"]),
        "{seen}"
    );
}

#[tokio::test]
async fn a_namespace_is_joined_once_and_in_the_right_order() {
    let gate = Gate::open("", "").await;
    for twice in [["40", "40"], [r#"42["a"]"#, "40"]] {
        let mut socket = websocket(&gate).await;
        for packet in twice {
            let auth = if packet == "40" {
                auth()
            } else {
                String::new()
            };
            // It may be closed by then.
            socket
                .socket
                .try_send(crate::support::websocket::frame(
                    0x81,
                    true,
                    format!("{packet}{auth}").as_bytes(),
                ))
                .await;
        }
        super::closed(&mut socket).await;
    }
}

#[tokio::test]
async fn volatile_events_come_to_each_namespace() {
    let gate = Gate::open("", &guest()).await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    socket
        .say(r#"40/meta,{"apiKey":"the-key-of-somebody-else"}"#)
        .await;
    assert!(packet(&mut socket).await.starts_with("40/meta,"));
    socket.say(r#"420["subscribe",{"room":"b"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"430[{"room":"b"}]"#);
    publish(&gate, "b", r#"{"event":"v","data":1,"volatile":true}"#).await;
    let mut told = [packet(&mut socket).await, packet(&mut socket).await];
    told.sort();
    assert!(
        told[0].starts_with(r#"42/meta,["v",1,{"room":"b","ts":"#),
        "{told:?}"
    );
    assert_eq!(told[1], r#"42["v",1]"#);
}

#[tokio::test]
async fn who_gets_a_role_that_may_not_be_in_its_namespace_has_to_leave() {
    let key = "the-key-of-one-operator";
    let own = api_key("o", key, "a");
    let gate = Gate::open(&own, &guest()).await;
    let mut socket = websocket(&gate).await;
    let asks = format!(r#"40/admin,{{"apiKey":"{key}"}}"#);
    socket.say(&asks).await;
    assert!(packet(&mut socket).await.starts_with("40/admin,{"));
    let other = gate.toml().replace(&own, &api_key("o", key, "b"));
    gate.reload(&other).await.unwrap();
    loop {
        let told = rest(&packet(&mut socket).await, "42/admin,");
        if told[0] == "error" {
            assert_eq!(told[1]["code"], "forbidden");
            break;
        }
    }
    assert_eq!(packet(&mut socket).await, "41/admin,");
    open(&gate, 0).await;
    socket.say(&asks).await;
    let told = refusal(&packet(&mut socket).await);
    assert_eq!(told["data"]["code"], "forbidden");
}
