//! Clients without a credential are no principal: they count by their address.

use super::{
    ANN, STREAM, configuration, dial, from, is_limited, is_served_in_time, limited, sse_on, tell,
    websocket,
};
use crate::support::Gate;
use crate::support::http;

async fn gate(limits: &str) -> Gate {
    let first = "[auth]\nanonymous = \"guest\"\n";
    let guest = "[roles.guest]\nrooms = [\"r\"]\nsubscribe = [\"r\"]\npublish = [\"r\"]\n";
    Gate::start(&configuration(first, limits, guest)).await
}

async fn publish_from(gate: &Gate, last: u8) -> http::Answer {
    let mut socket = from(gate, last).await;
    let request = http::request("POST", "/v1/rooms/r/events", &[], r#"{"event":"e"}"#);
    socket.send(request).await;
    socket.answer("POST").await
}

#[tokio::test]
async fn one_does_not_use_up_what_others_may() {
    let gate = gate("publishes = \"1/s\"\nper_principal = 1").await;
    assert_eq!(publish_from(&gate, 1).await.status(), 202);
    limited(&publish_from(&gate, 1).await, "publishes");
    assert_eq!(publish_from(&gate, 2).await.status(), 202);
    let _mine = sse_on(from(&gate, 1).await, &[]).await;
    limited(
        &gate.request("GET", "/v1/stream?wait=9", &[], "").await,
        "per_principal",
    );
    let _theirs = sse_on(from(&gate, 2).await, &[]).await;
}

#[tokio::test]
async fn what_a_stream_publishes_counts_for_the_same_address() {
    let gate = gate("publishes = \"1/s\"").await;
    let mut socket = websocket(&gate, &[]).await;
    let publish = r#"{"type":"publish","ref":1,"room":"r","event":"e"}"#;
    socket.say(publish).await;
    let (one, two) = (socket.json().await, socket.json().await);
    let kinds = [&one, &two].map(|message| message["type"] == "ack");
    assert!(
        kinds.contains(&true) && kinds.contains(&false),
        "{one} {two}"
    );
    limited(&publish_from(&gate, 1).await, "publishes");
    assert_eq!(publish_from(&gate, 2).await.status(), 202);
}

#[tokio::test]
async fn who_says_who_it_is_takes_a_place_of_that_principal_and_leaves_its_own() {
    let gate = gate("per_principal = 1").await;
    let auth = format!(r#"{{"type":"auth","ref":1,"token":"{}"}}"#, ANN.1);
    let mut first = websocket(&gate, &[]).await;
    first.say(&auth).await;
    assert_eq!(first.json().await["type"], "welcome");
    assert_eq!(first.json().await["type"], "ack");
    let mut second = websocket(&gate, &[]).await;
    is_limited(&tell(&mut second, &auth).await, "per_principal");
    assert_eq!(second.closed().await.0, Some(3004));
    first.say(&auth).await;
    assert_eq!(
        first.json().await["type"],
        "welcome",
        "to renew takes no second place"
    );
    drop((first, second));
    is_served_in_time(&gate, STREAM, &[ANN]).await;
}

#[tokio::test]
async fn who_has_not_said_it_yet_counts_for_its_address() {
    let gate = super::gate("per_ip = 1", "").await;
    let _silent = dial(&gate, &[]).await;
    limited(
        &gate.request("GET", "/v1/stream?room=r", &[ANN], "").await,
        "per_ip",
    );
}
