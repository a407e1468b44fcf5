//! Streams that the backend ends, and what is recorded of what it does.

use serde_json::{Value, json};

use super::{ANN, BOB, ROLES, SYSTEM, asked, data, gate, posted, publish, sse, system, websocket};
use crate::support::http::Next;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, api_key};

#[tokio::test]
async fn the_streams_of_a_principal_end_for_good() {
    let gate = gate().await;
    let mut system = system(&gate).await;
    let (mut one, _) = websocket(&gate, ANN, &[]).await;
    let (mut two, _) = sse(&gate, ANN, &[]).await;
    let (mut bob, name) = websocket(&gate, BOB, &[]).await;
    let disconnect = json!({"type": "disconnect", "principal": "ann"});
    assert_eq!(asked(&mut system, disconnect).await["streams"], 2);
    assert_eq!(one.json().await["code"], "disconnected");
    assert_eq!(one.closed().await.0, Some(3504));
    assert_eq!(data(&two.block().await.unwrap())["code"], "disconnected");
    assert_eq!(two.end().await, Next::Clean);
    assert_eq!(
        asked(&mut bob, json!({"type": "ping"})).await["type"],
        "ack"
    );
    let disconnect = json!({"type": "disconnect", "stream": name});
    let answer = posted(&gate, SYSTEM, "", disconnect.clone()).await;
    assert_eq!(answer.json(), json!({"type": "ack", "streams": 1}));
    assert_eq!(bob.closed().await.0, Some(3504));
    assert_eq!(asked(&mut system, disconnect).await["streams"], 0);
}

#[tokio::test]
async fn what_a_service_does_is_recorded_and_what_it_looks_at_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let keys = api_key("system", SYSTEM.1, "system") + &api_key("ann", ANN.1, "waiter");
    let file = path.display();
    let mut gate = Gate::open(&keys, &format!("{ROLES}[telemetry]\naudit = \"{file}\"")).await;
    let mut system = system(&gate).await;
    let (_ann, stream) = websocket(&gate, ANN, &[]).await;
    asked(&mut system, json!({"type": "list"})).await;
    asked(
        &mut system,
        json!({"type": "join", "stream": stream, "room": "tab:7"}),
    )
    .await;
    let leave = json!({"type": "leave", "principal": "ann", "room": "tab:7"});
    posted(&gate, SYSTEM, "", leave).await;
    asked(
        &mut system,
        json!({"type": "disconnect", "principal": "ann"}),
    )
    .await;
    let wanted = json!({"type": "join", "principal": "ann", "room": "_canary"});
    assert_eq!(asked(&mut system, wanted).await["code"], "forbidden");
    gate.stop().await;
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    let deeds: Vec<_> = of("admin")
        .map(|line| {
            assert_eq!(
                (&line["principal"], &line["role"]),
                (&"system".into(), &"system".into())
            );
            assert!(
                line["request_id"].is_string() && line["peer"].is_string(),
                "{line}"
            );
            let subject: Value = serde_json::from_str(line["subject"].as_str().unwrap()).unwrap();
            (line["action"].as_str().unwrap(), subject)
        })
        .collect();
    assert_eq!(
        deeds,
        [
            ("join", json!({"stream": stream, "room": "tab:7"})),
            ("leave", json!({"principal": "ann", "room": "tab:7"})),
            ("disconnect", json!({"principal": "ann"})),
        ]
    );
    let changed: Vec<_> = of("stream_changed").map(|line| &line["rooms"]).collect();
    assert_eq!(changed, [&json!(["venue", "tab:7"]), &json!(["venue"])]);
    assert_eq!(of("message_refused").count(), 1);
}

#[tokio::test]
async fn a_signed_url_of_a_service_is_to_read_and_nothing_else() {
    let gate = gate().await;
    let (_ann, stream) = websocket(&gate, ANN, &["venue"]).await;
    let body = r#"{"url":true,"rooms":["menu"],"transport":"websocket"}"#;
    let answer = gate.request("POST", "/v1/session", &[SYSTEM], body).await;
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    let target = &url[url.find("/v1/").unwrap()..];
    let mut bound = WebSocket::upgrade(gate.connect().await, target, &[])
        .await
        .unwrap();
    assert_eq!(bound.json().await["rooms"], json!(["menu"]));
    for message in [
        json!({"type": "list"}),
        json!({"type": "join", "principal": "ann", "room": "secret"}),
        json!({"type": "disconnect", "stream": stream}),
        publish(&format!("_stream:{stream}"), 1),
    ] {
        let answer = asked(&mut bound, message.clone()).await;
        assert_eq!(answer["code"], "forbidden", "{message}");
    }
}
