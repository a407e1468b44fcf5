//! Who may confirm, and what strangers learn.

use serde_json::json;

use super::{ANN, BOB, EVE, alert, confirm, confirmed, gate, nurse, post_confirm, publish};
use crate::support::KEY;

#[tokio::test]
async fn one_who_may_read_none_of_its_rooms_learns_not_even_that_it_is_waited_for() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let (mut eve, _) = nurse(&gate, EVE).await;
    let mut request = publish(&gate, &alert(json!(1), 30), &[]).await;
    let id = ann.json().await["id"].as_str().unwrap().to_owned();
    let plain = gate
        .request("POST", "/v1/rooms/lobby/events", &[KEY], r#"{"event":"e"}"#)
        .await
        .json();
    assert_eq!(eve.json().await["id"], plain["id"]);
    let unknown = confirm(&mut eve, plain["id"].as_str().unwrap()).await;
    assert_eq!(
        (&unknown["type"], &unknown["code"]),
        (&"error".into(), &"not_found".into())
    );
    assert_eq!(confirm(&mut eve, &id).await, unknown);
    let answer = post_confirm(&gate, EVE, "", &id).await;
    assert_eq!((answer.status(), answer.code()), (404, "not_found".into()));
    assert!(request.unread().is_empty());
    assert_eq!(post_confirm(&gate, BOB, "", &id).await.status(), 200);
    let answer = request.answer("POST").await.json();
    assert_eq!(confirmed(&answer), (vec!["bob"], true));
    assert_eq!(
        answer["confirmed"][0].get("stream"),
        None,
        "it came without one"
    );
}

#[tokio::test]
async fn to_confirm_twice_is_fine_and_what_is_no_id_is_refused() {
    let gate = gate().await;
    let (mut ann, _) = nurse(&gate, ANN).await;
    let _request = publish(&gate, &alert(json!(2), 30), &[]).await;
    let id = ann.json().await["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(confirm(&mut ann, &id).await["type"], "ack");
    }
    assert_eq!(
        confirm(&mut ann, "nonsense").await["code"],
        "invalid_cursor"
    );
    // Without a name only a refusal is answered.
    ann.say(&json!({"type": "confirm", "id": id}).to_string())
        .await;
    ann.say(r#"{"type":"ping","ref":"next"}"#).await;
    assert_eq!(ann.json().await["ref"], "next");
}
