//! How much may wait, and what an embedding program is told.

use std::time::Duration;

use gatecast::model::event::{Awaited, Of};
use serde_json::json;

use super::{ANN, confirm_next, gate, nurse};
use crate::support::{Gate, KEY, api_key, http, within};

fn one() -> Awaited {
    let timeout = Duration::from_secs(5);
    let of = Of::Count(1);
    Awaited { timeout, of }
}

#[tokio::test]
async fn a_program_that_embeds_the_gateway_waits_too() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let publisher = gate.gateway().publisher();
    let alert = publisher.publish_awaited(&["ward"], "alert", &7, one());
    let (published, id) = tokio::join!(alert, confirm_next(&mut ann));
    let (position, told) = published.unwrap();
    assert_eq!(position.to_string(), id);
    assert!(told.complete && told.confirmed[0].principal == "ann");
}

#[tokio::test]
async fn a_thousand_publishes_may_wait_and_one_more_is_refused_and_not_in_the_log() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let publisher = gate.gateway().publisher();
    let data = 7;
    let mut waiting: Vec<_> = (0..1000)
        .map(|_| Box::pin(publisher.publish_awaited(&["ward"], "alert", &data, one())))
        .collect();
    for one in &mut waiting {
        assert!(futures_util::poll!(one).is_pending());
    }
    let answer = super::publish(&gate, &super::alert(json!(1), 5), &[])
        .await
        .answer("POST")
        .await;
    assert_eq!((answer.status(), answer.code()), (503, "overloaded".into()));
    assert_eq!(answer.json()["limit"], "ack");
    for _ in 0..1000 {
        assert_eq!(ann.json().await["event"], "alert");
    }
    publisher.publish(&["ward"], "next", &1).await.unwrap();
    assert_eq!(ann.json().await["event"], "next");
    // Who goes makes room.
    drop(waiting);
    let (published, _) = tokio::join!(
        publisher.publish_awaited(&["ward"], "alert", &7, one()),
        confirm_next(&mut ann)
    );
    assert!(published.unwrap().1.complete);
}

#[tokio::test]
async fn one_publisher_with_all_that_it_may_have_waiting_keeps_no_other_from_it() {
    let other = ("x-api-key", "the-key-of-another-publisher");
    let gate = Gate::open(&api_key("other", other.1, "a"), "").await;
    let event = json!({"room": "ward", "event": "e", "ack": {"timeout": "60s", "of": 1}});
    let full = json!({"events": vec![&event; 100]}).to_string();
    let mut waiting = Vec::new();
    for _ in 0..9 {
        let mut socket = gate.connect().await;
        let request = http::request("POST", "/v1/publish", &[KEY], &full);
        socket.send(request).await;
        waiting.push(socket);
    }
    let target = "/v1/rooms/ward/events";
    let held = async {
        loop {
            let held = gate.request("GET", "/v1/rooms/ward/events?limit=1000", &[KEY], "");
            if held.await.json()["events"].as_array().unwrap().len() == 900 {
                return;
            }
        }
    };
    within("all to wait", held).await;
    let alert = super::alert(json!(1), 30);
    let refused = gate.request("POST", target, &[KEY], &alert).await;
    assert_eq!(
        (refused.status(), refused.code()),
        (503, "overloaded".into())
    );
    assert_eq!(refused.json()["limit"], "ack");
    let headers = [other];
    let answer = gate.request("POST", target, &headers, &alert);
    let answer = gate.hasten(Duration::from_secs(1), answer).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
}
