//! A stream whose client takes nothing for a while applies a move at its place in the order, and no later.

use serde_json::json;

use super::{ANN, asked, data, gate_with, publish, rooms, sse, system};
use crate::support::{Gate, KEY};

/// The log holds all that is published here.
const HELD: &str = "[rooms.venue]\nhistory = { bytes = \"128MiB\" }\n";

/// Publishes more than the kernel's buffers between the gateway and a client hold.
async fn flood(gate: &Gate, room: &str) {
    let event = json!({"room": room, "event": "e", "data": "x".repeat(50_000)});
    let body = json!({"events": vec![event; 18]}).to_string();
    for _ in 0..24 {
        let answer = gate.request("POST", "/v1/publish", &[KEY], &body).await;
        assert_eq!(answer.status(), 202);
    }
}

#[tokio::test]
async fn what_came_before_a_leave_is_delivered_and_nothing_that_came_after_it() {
    let gate = gate_with(HELD).await;
    let mut system = system(&gate).await;
    let (mut ann, stream) = sse(&gate, ANN, &["venue", "menu"]).await;
    flood(&gate, "venue").await;
    asked(&mut system, publish("venue", "the last of it")).await;
    let leave = json!({"type": "leave", "stream": stream, "room": "venue"});
    assert_eq!(asked(&mut system, leave).await["streams"], 1);
    asked(&mut system, publish("venue", "lost")).await;
    asked(&mut system, publish("tab:7", "too early")).await;
    let join = json!({"type": "join", "principal": "ann", "room": "tab:7"});
    assert_eq!(asked(&mut system, join).await["streams"], 1);
    asked(&mut system, publish("tab:7", "in time")).await;
    asked(&mut system, publish("venue", "lost")).await;
    asked(&mut system, publish("menu", "end")).await;
    // It stands where the flood has left it, and reads on only now.
    let mut told = Vec::new();
    loop {
        let block = ann.block().await.unwrap();
        let value = data(&block);
        match value["type"].as_str() {
            Some("welcome") => told.push(format!("{:?}", rooms(&value))),
            Some(other) => panic!("{other}: the log holds all of it"),
            None => {
                let text = value["data"].as_str().unwrap();
                told.extend((!text.starts_with("xxx")).then(|| text.to_owned()));
                if text == "end" {
                    break;
                }
            }
        }
    }
    let expected = [
        "the last of it",
        r#"["menu"]"#,
        r#"["menu", "tab:7"]"#,
        "in time",
        "end",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_stream_that_may_have_missed_a_move_is_ended_as_slow_and_others_are_not() {
    let gate = gate_with(HELD).await;
    let (mut ann, stream) = sse(&gate, ANN, &["venue"]).await;
    let (mut idle, _) = sse(&gate, ANN, &["menu"]).await;
    flood(&gate, "venue").await;
    let mut system = system(&gate).await;
    let leave = json!({"type": "leave", "stream": stream, "room": "venue"});
    asked(&mut system, leave).await;
    let other = json!({"type": "join", "principal": "nobody", "room": "tab:7"}).to_string();
    for number in 0..170 {
        for _ in 0..100 {
            system.say(&other).await;
        }
        gate.hand.advance(std::time::Duration::from_millis(100));
        let ping = json!({"type": "ping", "ref": number}).to_string();
        system.say(&ping).await;
        loop {
            let told = system.json().await;
            if told["ref"] == number {
                assert_eq!(told["type"], "ack", "{told}");
                break;
            }
        }
    }
    asked(&mut system, publish("venue", "after the leave")).await;
    asked(&mut system, publish("menu", "all is well")).await;
    loop {
        let block = ann.block().await.unwrap();
        assert!(!block.contains("after the leave"));
        if block.contains("event: problem") {
            assert_eq!(data(&block)["code"], "slow");
            break;
        }
    }
    loop {
        let block = idle.block().await.unwrap();
        if !block.contains("event: heartbeat") {
            assert_eq!(data(&block)["data"], "all is well");
            break;
        }
    }
}
