//! What clients emit and what they are told.

use serde_json::{Value, json};

use super::{auth, joined, packet, publish};
use crate::support::{Gate, KEY};

const EVENTS: &str = r#"
[roles.c]
subscribe = ["tab:*", "org:{org}:*", "presence"]
[socketio.namespaces."/".events."tab:join"]
subscribe = "tab:{tabId}"
answer = "tab:joined"
[socketio.namespaces."/".events."tab:leave"]
unsubscribe = "tab:{tabId}"
[socketio.namespaces."/".events."subscribe:site"]
subscribe = "org:{key}:site:{0}"
[socketio.namespaces."/".events."subscribe_presence"]
subscribe = "presence"
rewind = 2
backfill = "activity_backfill"
[socketio.namespaces."/".events."again"]
subscribe = "presence"
rewind = 2
[socketio.namespaces."/".events."recover"]
recover = true
answer = "recovery_events"
"#;

fn read(packet: &str) -> Value {
    serde_json::from_str(packet.trim_start_matches(char::is_numeric)).unwrap()
}

#[tokio::test]
async fn an_event_that_is_configured_joins_a_room_and_its_answer_says_so() {
    let gate = Gate::open("", EVENTS).await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    socket.say(r#"42["tab:join",{"tabId":"7"}]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"42["tab:joined",{"tabId":"7"}]"#
    );
    socket.say(r#"423["tab:join",{"tabId":"8"}]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"42["tab:joined",{"tabId":"8"}]"#
    );
    assert_eq!(packet(&mut socket).await, r#"433[{"room":"tab:8"}]"#);
    publish(&gate, "tab:7", r#"{"event":"e","data":1}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",1]"#);
    socket.say(r#"421["tab:leave",{"tabId":7}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"tab:7"}]"#);
    publish(&gate, "tab:7", r#"{"event":"e","data":2}"#).await;
    publish(&gate, "tab:8", r#"{"event":"e","data":3}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",3]"#);
    // What is said by position, and by a claim.
    socket.say(r#"422["subscribe:site","s:1"]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"432[{"room":"org:a:site:s~3A1"}]"#
    );
    socket.say(r#"422["tab:join",{}]"#).await;
    assert_eq!(
        read(&packet(&mut socket).await)[0]["error"]["code"],
        "bad_request"
    );
    socket.say(r#"42["tab:join",{"tabId":[1,2]}]"#).await;
    let told = read(&packet(&mut socket).await);
    assert_eq!(
        (&told[0], &told[1]["code"], &told[1]["event"]),
        (&json!("error"), &json!("bad_request"), &json!("tab:join"))
    );
}

#[tokio::test]
async fn the_past_of_a_room_comes_as_one_event_or_as_itself() {
    let gate = Gate::open("", EVENTS).await;
    for n in 0..5 {
        publish(&gate, "presence", &format!(r#"{{"event":"e","data":{n}}}"#)).await;
    }
    let (mut socket, _) = joined(&gate, &auth()).await;
    socket.say(r#"421["subscribe_presence"]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"42["activity_backfill",[3,4]]"#
    );
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"presence"}]"#);
    publish(&gate, "presence", r#"{"event":"e","data":5}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",5]"#);
    let (mut other, _) = joined(&gate, &auth()).await;
    other.say(r#"421["again"]"#).await;
    for expected in [
        r#"42["e",4]"#,
        r#"42["e",5]"#,
        r#"431[{"room":"presence"}]"#,
    ] {
        assert_eq!(packet(&mut other).await, expected);
    }
}

#[tokio::test]
async fn the_past_of_a_room_ends_with_its_newest_though_the_client_was_told_nothing_since_it_came()
{
    let gate = Gate::open("", EVENTS).await;
    publish(&gate, "presence", r#"{"event":"e","data":0}"#).await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    publish(&gate, "presence", r#"{"event":"e","data":1}"#).await;
    publish(&gate, "presence", r#"{"event":"e","data":2}"#).await;
    socket.say(r#"421["subscribe_presence"]"#).await;
    assert_eq!(
        packet(&mut socket).await,
        r#"42["activity_backfill",[1,2]]"#
    );
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"presence"}]"#);
    publish(&gate, "presence", r#"{"event":"e","data":4}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e",4]"#);
}

#[tokio::test]
async fn what_was_missed_in_all_rooms_comes_for_an_id_and_what_is_lost_is_a_gap() {
    let gate = Gate::open(
        "",
        &format!("{EVENTS}[rooms.\"*\"]\nhistory = {{ events = 3 }}\n"),
    )
    .await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    let first = publish(&gate, "tab:1", r#"{"event":"e","data":0}"#).await;
    publish(&gate, "tab:1", r#"{"event":"e","data":1}"#).await;
    publish(&gate, "tab:2", r#"{"event":"f","data":2}"#).await;
    for room in ["tab:1", "tab:2"] {
        socket
            .say(&format!(r#"421["subscribe",{{"room":"{room}"}}]"#))
            .await;
        assert_eq!(
            packet(&mut socket).await,
            format!(r#"431[{{"room":"{room}"}}]"#)
        );
    }
    socket
        .say(&format!(r#"425["recover",{{"lastEventId":"{first}"}}]"#))
        .await;
    assert_eq!(packet(&mut socket).await, r#"42["recovery_events",[1]]"#);
    assert_eq!(packet(&mut socket).await, r#"42["recovery_events",[2]]"#);
    assert_eq!(packet(&mut socket).await, r#"435[{"room":"tab:2"}]"#);
    for n in 3..9 {
        publish(&gate, "tab:1", &format!(r#"{{"event":"e","data":{n}}}"#)).await;
        assert_eq!(packet(&mut socket).await, format!(r#"42["e",{n}]"#));
    }
    socket
        .say(&format!(r#"42["recover",{{"lastEventId":"{first}"}}]"#))
        .await;
    let gap = read(&packet(&mut socket).await);
    assert_eq!(
        (&gap[0], &gap[1]["room"], &gap[1]["reason"]),
        (&json!("gap"), &json!("tab:1"), &json!("evicted"))
    );
    assert_eq!(
        packet(&mut socket).await,
        r#"42["recovery_events",[6,7,8]]"#
    );
    assert_eq!(packet(&mut socket).await, r#"42["recovery_events",[2]]"#);
    socket.say(r#"429["recover",{"lastEventId":7}]"#).await;
    assert_eq!(
        read(&packet(&mut socket).await)[0]["error"]["code"],
        "bad_request"
    );
}

#[tokio::test]
async fn messages_of_the_gateway_are_events_of_their_names() {
    let gate = Gate::open("", "").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    for (said, answered) in [
        (r#"421["ping"]"#, json!([{}])),
        (r#"421["subscribe",{"room":"a"}]"#, json!([{"room": "a"}])),
        (r#"421["subscribe",{"room":"a b"}]"#, json!("invalid_room")),
        (r#"421["subscribe","a"]"#, json!("bad_request")),
        (r#"421["nobody",1]"#, json!("forbidden")),
        (r#"421["no name"]"#, json!("invalid_event")),
        (r#"421["welcome"]"#, json!("reserved_event")),
        (r#"421["list"]"#, json!("forbidden")),
    ] {
        socket.say(said).await;
        let told = read(&packet(&mut socket).await);
        let code = &told[0]["error"]["code"];
        let said_so = if code.is_null() { &told } else { code };
        assert_eq!(*said_so, answered, "{said}");
    }
    socket
        .say(r#"427["publish",{"room":"a","event":"e","data":1}]"#)
        .await;
    let mut told = [packet(&mut socket).await, packet(&mut socket).await];
    told.sort();
    assert_eq!(told[0], r#"42["e",1]"#);
    assert!(read(&told[1])[0]["id"].is_string());
    socket
        .say(r#"42["broadcast",{"room":"a","event":"f","payload":[1,2]}]"#)
        .await;
    assert_eq!(packet(&mut socket).await, r#"42["f",[1,2]]"#);
}

#[tokio::test]
async fn bytes_and_several_arguments_go_through_both_ways() {
    let gate = Gate::open("", "").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    socket.say(r#"421["subscribe",{"room":"r"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"r"}]"#);
    let mut native = gate.websocket().await;
    socket.say(r#"451-["publish",{"room":"r","event":"e","data":{"a":{"_placeholder":true,"num":0}}}]"#).await;
    socket
        .socket
        .send(crate::support::websocket::frame(0x82, true, &[1, 2, 3]))
        .await;
    let event = native.json().await;
    assert_eq!(
        event["data"],
        json!({"a": {"_encoding": "base64", "data": "AQID"}})
    );
    assert_eq!(
        packet(&mut socket).await,
        r#"451-["e",{"a":{"_placeholder":true,"num":0}}]"#
    );
    let (first, payload) = socket.frame().await.unwrap();
    assert_eq!((first & 0x0f, &*payload), (2, &[1, 2, 3][..]));
    publish(
        &gate,
        "r",
        r#"{"event":"e","data":{"_arguments":[1,"2",{"3":[true]}]}}"#,
    )
    .await;
    assert_eq!(packet(&mut socket).await, r#"42["e",1,"2",{"3":[true]}]"#);
    publish(&gate, "r", r#"{"event":"e","data":{"_arguments":[]}}"#).await;
    assert_eq!(packet(&mut socket).await, r#"42["e"]"#);
}

#[tokio::test]
async fn an_event_that_wants_to_be_confirmed_comes_with_an_acknowledgement() {
    let gate = Gate::open("", "").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    socket.say(r#"421["subscribe",{"room":"a"}]"#).await;
    assert_eq!(packet(&mut socket).await, r#"431[{"room":"a"}]"#);
    let body = r#"{"event":"alarm","data":1,"ack":{"timeout":"5s","of":1}}"#;
    let mut publisher = gate.connect().await;
    let headers = [KEY, ("Content-Type", "application/json")];
    let request = crate::support::http::request("POST", "/v1/rooms/a/events", &headers, body);
    publisher.send(request).await;
    let told = packet(&mut socket).await;
    let id = told
        .strip_prefix("42")
        .unwrap()
        .split('[')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(told, format!(r#"42{id}["alarm",1]"#));
    socket.say(&format!("43{id}[]")).await;
    let answer = publisher.answer("POST").await;
    let told = answer.json();
    assert_eq!(
        (&told["confirmed"][0]["principal"], &told["complete"]),
        (&json!("a"), &json!(true))
    );
}
