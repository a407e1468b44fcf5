//! Heartbeats: the gateway asks, and whoever does not answer is given up.

use std::time::Duration;

use super::{Polling, auth, joined, websocket};
use crate::support::{Gate, within};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_client_is_asked_each_interval_after_its_answer_and_never_at_once() {
    let gate = Gate::open("", "").await;
    let (mut socket, _) = joined(&gate, &auth()).await;
    for _ in 0..3 {
        gate.hand.advance(24 * SECOND);
        socket.say(r#"420["ping"]"#).await;
        assert_eq!(socket.text().await, "430[{}]");
        gate.hand.advance(SECOND);
        assert_eq!(socket.text().await, "2");
        socket.say("3").await;
        socket.say(r#"420["ping"]"#).await;
        assert_eq!(socket.text().await, "430[{}]");
    }
}

#[tokio::test]
async fn one_that_does_not_answer_is_given_up() {
    let gate = Gate::open("", "").await;
    let mut socket = websocket(&gate).await;
    gate.hand.advance(25 * SECOND);
    assert_eq!(socket.text().await, "2");
    gate.hand.advance(20 * SECOND);
    super::closed(&mut socket).await;
}

#[tokio::test]
async fn who_polls_is_asked_in_the_answer_to_a_get_and_given_up_where_none_comes() {
    let gate = Gate::open("", "").await;
    let session = Polling::open(&gate).await;
    gate.hand.advance(25 * SECOND);
    assert_eq!(session.next().await, "2");
    session.say("3").await;
    session.say(&format!("40{}", auth())).await;
    assert!(session.next().await.starts_with("40{"));
    gate.hand.advance(25 * SECOND);
    assert_eq!(session.next().await, "2");
    gate.hand.advance(20 * SECOND);
    within("the end", async {
        while session.get().await.status() != 400 {}
    })
    .await;
}

#[tokio::test]
async fn a_connection_without_a_namespace_is_closed_in_time() {
    let gate = Gate::open("", "[socketio]\nconnect_timeout = \"5s\"\n").await;
    let mut socket = websocket(&gate).await;
    gate.hand.advance(4 * SECOND);
    socket.say("40/nowhere,").await;
    assert!(socket.text().await.starts_with("44/nowhere,"));
    gate.hand.advance(SECOND);
    let (code, reason) = super::closed(&mut socket).await;
    assert_eq!(
        (code, &*reason),
        (Some(1001), "no namespace was joined in time")
    );
    let (mut socket, _) = joined(&gate, &auth()).await;
    gate.hand.advance(6 * SECOND);
    socket.say(r#"420["ping"]"#).await;
    assert_eq!(socket.text().await, "430[{}]");
    // It has left, and is alone again.
    socket.say("41").await;
    socket.say("40/nowhere,").await;
    assert!(socket.text().await.starts_with("44/nowhere,"));
    gate.hand.advance(5 * SECOND);
    super::closed(&mut socket).await;
}
