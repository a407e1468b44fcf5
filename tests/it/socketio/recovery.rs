//! Who comes back as the same, and who does not and is told so.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Polling, RECOVERS, auth, joined, open, packet, publish, rest, say};
use crate::support::{Gate, api_key};

#[tokio::test]
async fn who_was_cut_comes_back_with_its_rooms_and_gets_what_it_missed_once() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    for round in 0..3 {
        client.cut(&gate).await;
        if round != 1 {
            say(&gate, "a", 10 + round).await;
            say(&gate, "a", 20 + round).await;
        }
        assert!(client.back(&gate).await);
        if round != 1 {
            assert_eq!(client.event().await, 10 + round);
            assert_eq!(client.event().await, 20 + round);
        }
    }
    say(&gate, "a", 99).await;
    assert_eq!(client.event().await, 99);
}

#[tokio::test]
async fn who_had_nothing_yet_gets_all_since_it_joined() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.cut(&gate).await;
    say(&gate, "a", 1).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 1);
}

#[tokio::test]
async fn a_volatile_event_that_ends_with_a_text_loses_nobody_its_place() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    publish(
        &gate,
        "a",
        r#"{"event":"v","data":"a text","volatile":true}"#,
    )
    .await;
    assert_eq!(client.event().await, "a text");
    client.cut(&gate).await;
    say(&gate, "a", 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn who_comes_back_before_its_connection_is_known_dead_takes_its_own_place() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    let (dead, _) = joined(&gate, &auth()).await;
    let mut dead = std::mem::replace(&mut client.socket, dead);
    say(&gate, "a", 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
    let (code, _) = super::closed(&mut dead).await;
    assert_eq!(code, Some(1001));
    say(&gate, "a", 3).await;
    assert_eq!(client.event().await, 3);
}

#[tokio::test]
async fn who_is_late_or_has_left_or_is_somebody_else_is_not_recovered() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    client.cut(&gate).await;
    gate.hand.advance(Duration::from_mins(1));
    assert!(!client.back(&gate).await, "late");
    client.socket.say("41").await;
    open(&gate, 0).await;
    assert!(!client.back(&gate).await, "it had left");
    client.offset = Some("nonsense".into());
    client.cut(&gate).await;
    assert!(!client.back(&gate).await, "it does not know where it was");
}

#[tokio::test]
async fn what_is_not_held_any_more_is_not_recovered_and_the_gap_is_told() {
    let gate = Gate::open(
        "",
        &format!("{RECOVERS}[rooms.\"a\"]\nhistory = {{ events = 2 }}\n"),
    )
    .await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    client.cut(&gate).await;
    for n in 2..6 {
        say(&gate, "a", n).await;
    }
    let (socket, told) = joined(&gate, &client.comes_back()).await;
    assert_ne!(told["pid"], *client.pid);
    client.socket = socket;
    let gap = client.told().await;
    assert_eq!(
        (&gap[0], &gap[1]["reason"]),
        (&json!("gap"), &json!("evicted"))
    );
    for n in 4..6 {
        assert_eq!(client.event().await, n);
    }
}

#[tokio::test]
async fn who_polls_and_is_between_two_requests_is_not_known_to_be_dead_either() {
    let gate = Gate::open("", RECOVERS).await;
    let session = Polling::open(&gate).await;
    session.say(&format!("40{}", auth())).await;
    let told = rest(&session.next().await, "40");
    session.say(r#"420["subscribe",{"room":"a"}]"#).await;
    assert_eq!(session.next().await, r#"430[{"room":"a"}]"#);
    say(&gate, "a", 1).await;
    let event = rest(&session.next().await, "42");
    // Its network changes.
    let mut back: Value = serde_json::from_str(&auth()).unwrap();
    (back["pid"], back["offset"]) = (told["pid"].clone(), event[2].clone());
    let (mut socket, again) = joined(&gate, &back.to_string()).await;
    assert_eq!(again, told);
    say(&gate, "a", 2).await;
    assert_eq!(rest(&packet(&mut socket).await, "42")[1], 2);
    open(&gate, 1).await;
}

#[tokio::test]
async fn an_answer_that_is_a_text_is_taken_for_nobodys_place() {
    let events = "[socketio.namespaces.\"/\".events.\"tab:join\"]\nsubscribe = \"tab:{0}\"\nanswer = \"tab:joined\"\n";
    let gate = Gate::open("", &format!("{RECOVERS}{events}")).await;
    let mut client = Client::join(&gate).await;
    client.socket.say(r#"42["tab:join","x"]"#).await;
    assert_eq!(client.told().await, json!(["tab:joined", "x", null]));
    client.cut(&gate).await;
    say(&gate, "tab:x", 1).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 1);
    client.socket.say(r#"42["tab:join","y"]"#).await;
    assert_eq!(client.told().await, json!(["tab:joined", "y", null]));
    client.cut(&gate).await;
    say(&gate, "tab:y", 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn what_is_in_no_log_takes_nobody_back_to_where_it_was_published() {
    let gate = Gate::open("", RECOVERS).await;
    for _ in 0..10 {
        let mut client = Client::join(&gate).await;
        client.enter("a").await;
        let body = r#"{"events": [{"room": "a", "event": "e", "data": 0},
            {"room": "a", "event": "v", "data": "a text", "volatile": true},
            {"room": "a", "event": "e", "data": 1}]}"#;
        let headers = [super::KEY, ("Content-Type", "application/json")];
        let answer = gate.request("POST", "/v1/publish", &headers, body).await;
        assert_eq!(answer.status(), 202, "{}", answer.text());
        for _ in 0..3 {
            client.event().await;
        }
        client.cut(&gate).await;
        assert!(client.back(&gate).await);
        say(&gate, "a", 2).await;
        assert_eq!(client.event().await, 2);
        client.socket.say("41").await;
        open(&gate, 0).await;
    }
}

#[tokio::test]
async fn what_was_before_its_join_was_missed_by_nobody() {
    let gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    say(&gate, "a", 1).await;
    client.enter("a").await;
    client.cut(&gate).await;
    say(&gate, "a", 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn what_the_past_of_a_room_has_told_comes_no_second_time_however_quiet_it_was_before() {
    let events = "[socketio.namespaces.\"/\".events.\"tab:join\"]\nsubscribe = \"{0}\"\nrewind = 10\nbackfill = \"past\"\n";
    for is_quiet in [false, true] {
        let gate = Gate::open("", &format!("{RECOVERS}{events}")).await;
        say(&gate, "a", 0).await;
        let mut client = Client::join(&gate).await;
        say(&gate, "a", 1).await;
        say(&gate, "a", 2).await;
        if is_quiet {
            for _ in 0..2 {
                gate.hand.advance(Duration::from_secs(25));
                assert_eq!(client.socket.text().await, "2");
                client.socket.say("3").await;
                client.socket.say(r#"421["ping"]"#).await;
                assert_eq!(packet(&mut client.socket).await, "431[{}]");
            }
        }
        client.socket.say(r#"420["tab:join","a"]"#).await;
        assert_eq!(client.told().await, json!(["past", [0, 1, 2]]));
        assert_eq!(packet(&mut client.socket).await, r#"430[{"room":"a"}]"#);
        client.cut(&gate).await;
        say(&gate, "a", 3).await;
        assert!(client.back(&gate).await);
        assert_eq!(client.event().await, 3);
    }
}

#[tokio::test]
async fn who_says_how_far_it_was_before_a_restart_goes_on_from_where_its_new_stream_began() {
    let mut gate = Gate::open("", RECOVERS).await;
    let mut client = Client::join(&gate).await;
    client.enter("a").await;
    say(&gate, "a", 1).await;
    assert_eq!(client.event().await, 1);
    gate.restart().await;
    // The library keeps that until another event comes.
    assert!(!client.back(&gate).await);
    client.enter("a").await;
    client.cut(&gate).await;
    say(&gate, "a", 2).await;
    assert!(client.back(&gate).await);
    assert_eq!(client.event().await, 2);
}

#[tokio::test]
async fn who_is_back_in_the_rooms_of_its_role_gets_those_that_the_role_gets() {
    let role = "[roles.u]\nsubscribe = [\"*\"]\n";
    let key = api_key("u", "the-key-of-one-user", "u");
    let gate = Gate::open(&key, &format!("{role}rooms = [\"x\"]\n{RECOVERS}")).await;
    let mut client = Client::joins_with(&gate, "the-key-of-one-user").await;
    client.cut(&gate).await;
    assert!(client.back(&gate).await);
    let other = gate.toml().replace("[\"x\"]", "[\"x\", \"y\"]");
    gate.reload(&other).await.unwrap();
    let told = client.told().await;
    assert_eq!(
        (&told[0], &told[1]["rooms"]),
        (&json!("welcome"), &json!(["x", "y"]))
    );
    say(&gate, "y", 1).await;
    assert_eq!(client.event().await, 1);
}
