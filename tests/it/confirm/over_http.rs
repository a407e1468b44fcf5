//! Publishers that wait with their request.

use std::time::Duration;

use serde_json::json;

use super::{
    ANN, BOB, alert, confirm_next, confirmed, gate, is_confirmed, next_id, nurse, post_confirm,
    publish,
};
use crate::support::{KEY, http};

#[tokio::test]
async fn the_answer_comes_when_so_many_principals_have_confirmed_and_says_who() {
    let gate = gate().await;
    let (mut ann, ann_stream) = nurse(&gate, ANN).await;
    let (mut more, _) = nurse(&gate, ANN).await;
    let (mut bob, _) = nurse(&gate, BOB).await;
    let mut request = publish(&gate, &alert(json!(2), 30), &[]).await;
    let id = confirm_next(&mut ann).await;
    // Another stream of the same principal is the same principal.
    assert_eq!(confirm_next(&mut more).await, id);
    gate.hand.advance(Duration::from_secs(2));
    assert!(request.unread().is_empty());
    confirm_next(&mut bob).await;
    let answer = request.answer("POST").await;
    assert_eq!(answer.status(), 202);
    let answer = answer.json();
    assert_eq!(
        (&answer["id"], &answer["room"]),
        (&id.as_str().into(), &"ward".into())
    );
    assert_eq!(confirmed(&answer), (vec!["ann", "bob"], true));
    let first = &answer["confirmed"][0];
    assert_eq!(first["stream"], *ann_stream);
    let now = gate.clock().unix().0;
    assert_eq!(
        (&first["ts"], &answer["confirmed"][1]["ts"]),
        (&(now - 2000).into(), &now.into())
    );
}

#[tokio::test]
async fn the_answer_comes_when_the_time_is_over_with_those_who_have_confirmed() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (_bob, _) = nurse(&gate, BOB).await;
    let mut request = publish(&gate, &alert(json!(["ann", "bob"]), 5), &[]).await;
    let id = confirm_next(&mut ann).await;
    let answer = gate
        .hasten(Duration::from_secs(1), request.answer("POST"))
        .await;
    assert_eq!(answer.status(), 202);
    assert_eq!(confirmed(&answer.json()), (vec!["ann"], false));
    let late = post_confirm(&gate, BOB, "", &id).await;
    assert_eq!(
        (late.status(), late.code()),
        (404, "not_found".into()),
        "nobody waits any more"
    );
}

#[tokio::test]
async fn those_who_are_named_must_all_confirm_and_others_may() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (mut bob, _) = nurse(&gate, BOB).await;
    let mut request = publish(&gate, &alert(json!(["bob"]), 30), &[]).await;
    confirm_next(&mut ann).await;
    confirm_next(&mut bob).await;
    let answer = request.answer("POST").await.json();
    assert_eq!(confirmed(&answer), (vec!["ann", "bob"], true));
}

#[tokio::test]
async fn several_events_of_one_request_wait_at_the_same_time_and_each_for_its_own() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let event = |data, of: &[&str]| json!({"room": "ward", "event": "alert", "data": data, "ack": {"timeout": "5s", "of": of}});
    let plain = json!({"rooms": ["ward", "lobby"], "event": "alert"});
    let body = json!({"events": [event(1, &["bob"]), event(2, &["ann"]), plain]}).to_string();
    let mut request = gate.connect().await;
    request
        .send(http::request("POST", "/v1/publish", &[KEY], &body))
        .await;
    let (first, second) = (next_id(&mut ann).await, next_id(&mut ann).await);
    assert!(ann.json().await["id"].is_string());
    is_confirmed(&mut ann, &first).await;
    is_confirmed(&mut ann, &second).await;
    let before = gate.elapsed();
    let answer = gate
        .hasten(Duration::from_secs(1), request.answer("POST"))
        .await
        .json();
    assert!(
        gate.elapsed() - before < Duration::from_secs(9),
        "one after the other"
    );
    let results = answer["results"].as_array().unwrap();
    assert_eq!(confirmed(&results[0]), (vec!["ann"], false));
    assert_eq!(confirmed(&results[1]), (vec!["ann"], true));
    assert_eq!(
        (&results[2]["rooms"], &results[2]["complete"]),
        (&json!(["ward", "lobby"]), &json!(null))
    );
}

#[tokio::test]
async fn one_who_publishes_it_again_waits_again_for_the_same_event() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (mut bob, _) = nurse(&gate, BOB).await;
    let (body, key) = (alert(json!(2), 30), ("idempotency-key", "alert-1"));
    let request = publish(&gate, &body, &[key]).await;
    let id = confirm_next(&mut ann).await;
    // Its connection breaks before it has its answer.
    drop(request);
    let mut again = publish(&gate, &body, &[key]).await;
    confirm_next(&mut bob).await;
    let answer = again.answer("POST").await;
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(answer.json()["id"], *id);
    assert_eq!(confirmed(&answer.json()), (vec!["ann", "bob"], true));
    // And again, when all is known.
    let answer = publish(&gate, &body, &[key]).await.answer("POST").await;
    assert_eq!(confirmed(&answer.json()), (vec!["ann", "bob"], true));
}

#[tokio::test]
async fn a_drain_answers_those_who_wait_before_it_is_over() {
    let mut gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let mut request = publish(&gate, &alert(json!(2), 60), &[]).await;
    confirm_next(&mut ann).await;
    gate.stop().await;
    let answer = request.answer("POST").await;
    assert_eq!((answer.status(), answer.whole), (202, true));
    assert_eq!(confirmed(&answer.json()), (vec!["ann"], false));
}
