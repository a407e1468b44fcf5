//! Asking who is there.

use serde_json::{Value, json};

use super::{ANN, HOST, ROOM, ZOE, ask, gate, poll, sse, there, token, until_there, websocket};
use crate::support::Gate;
use crate::support::http::Answer;

async fn say(gate: &Gate, query: &str, message: &Value, by: (&str, &str)) -> Answer {
    let target = format!("/v1/messages{query}");
    gate.request("POST", &target, &[by], &message.to_string())
        .await
}

fn question(room: &str) -> Value {
    json!({"type": "presence", "ref": 7, "room": room})
}

#[tokio::test]
async fn it_is_answered_alike_over_http_on_a_stream_and_by_a_request_for_one() {
    let gate = gate().await;
    let mut host = websocket(&gate, &["r"], &[HOST]).await;
    let (_body, welcome) = sse(&gate, &["r"], &[HOST]).await;
    let _ann = (
        websocket(&gate, &[ROOM], &[ANN]).await,
        sse(&gate, &[ROOM], &[ANN]).await,
    );
    until_there(&gate, &[("ann", "api_key", 2)]).await;
    let answer = ask(&gate, ROOM, "", HOST).await.json();
    let since = answer["members"][0]["since"].as_u64().unwrap();
    assert!(since <= gate.clock().unix().0 && since > 0);
    let members = json!([{"principal": "ann", "kind": "api_key", "streams": 2, "since": since}]);
    let expected = json!({"room": ROOM, "count": 1, "members": members, "more": false});
    assert_eq!(answer, expected);
    let ack = json!({"type": "ack", "ref": 7, "room": ROOM, "count": 1, "members": members});
    host.say(&question(ROOM).to_string()).await;
    assert_eq!(host.json().await, ack);
    let stream = format!("?stream={}", welcome["stream"].as_str().unwrap());
    for query in [&stream, ""] {
        let answer = say(&gate, query, &question(ROOM), HOST).await;
        assert_eq!((answer.status(), answer.json()), (200, ack.clone()));
    }
    let empty = json!({"room": "t:2", "count": 0, "members": [], "more": false});
    assert_eq!(ask(&gate, "t:2", "", HOST).await.json(), empty);
}

#[tokio::test]
async fn whoever_may_not_see_it_is_told_of_which_room_before_anything_else() {
    let gate = gate().await;
    let mut ann = websocket(&gate, &[ROOM], &[ANN]).await;
    let (_body, welcome) = sse(&gate, &[ROOM], &[ANN]).await;
    let stream = format!("?stream={}", welcome["stream"].as_str().unwrap());
    // Tracked or not: it learns nothing of that.
    for room in [ROOM, "untracked"] {
        let refused = |answer: &Answer| (answer.status(), answer.code(), answer.json());
        for answer in [
            ask(&gate, room, "", ANN).await,
            say(&gate, "", &question(room), ANN).await,
            say(&gate, &stream, &question(room), ANN).await,
        ] {
            let (status, code, problem) = refused(&answer);
            assert_eq!((status, code.as_str()), (403, "forbidden"));
            assert_eq!(problem["room"], room);
        }
        ann.say(&question(room).to_string()).await;
        let error = ann.json().await;
        assert_eq!((&error["ref"], &error["room"]), (&json!(7), &json!(room)));
        assert_eq!(error["code"], "forbidden");
    }
    let nobody = gate
        .request(
            "GET",
            "/v1/rooms/t:1/presence",
            &[("x-api-key", "a-key-of-nobody")],
            "",
        )
        .await;
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn a_room_that_nobody_looks_at_is_not_tracked() {
    let gate = gate().await;
    let _ann = websocket(&gate, &["u"], &[ANN]).await;
    // The name of its companion would be too long.
    let long = format!("t:{}", "x".repeat(189));
    let _long = websocket(&gate, &[&long], &[ANN]).await;
    for room in ["u", &long] {
        let answer = ask(&gate, room, "", HOST).await;
        assert_eq!(
            (answer.status(), answer.code().as_str()),
            (404, "not_tracked")
        );
        assert_eq!(answer.json()["room"], *room);
        let message = say(&gate, "", &question(room), HOST).await;
        assert_eq!(
            (message.status(), message.code().as_str()),
            (404, "not_tracked")
        );
    }
    let longest = format!("t:{}", "x".repeat(188));
    let _longest = websocket(&gate, &[&longest], &[ANN]).await;
    assert_eq!(ask(&gate, &longest, "", HOST).await.json()["count"], 1);
}

#[tokio::test]
async fn the_grant_is_filled_from_claims() {
    let gate = gate().await;
    let bearer = format!("Bearer {}", token(&gate, "7", "member"));
    let bob = ("authorization", bearer.as_str());
    assert_eq!(ask(&gate, "t:7", "", bob).await.status(), 200);
    assert_eq!(ask(&gate, "t:8", "", bob).await.status(), 403);
    let own = gate
        .request("GET", "/v1/rooms/_presence:t:7/events", &[bob], "")
        .await;
    assert_eq!(own.status(), 200);
    let other = gate
        .request("GET", "/v1/rooms/_presence:t:8/events", &[bob], "")
        .await;
    assert_eq!(other.status(), 403);
}

#[tokio::test]
async fn the_same_name_of_another_kind_is_somebody_else() {
    let gate = gate().await;
    let bearer = format!("Bearer {}", token(&gate, "ann", "guest"));
    poll(&gate, ROOM, &[("authorization", &bearer)]).await;
    let _ann = websocket(&gate, &[ROOM], &[ANN]).await;
    let _zoe = websocket(&gate, &[ROOM], &[ZOE]).await;
    let all = [
        ("ann", "api_key", 1),
        ("ann", "token", 0),
        ("zoe", "api_key", 1),
    ];
    until_there(&gate, &all).await;
    // Both of the name are on one page, though only one was asked for.
    let first = ask(&gate, ROOM, "?limit=1", HOST).await.json();
    assert_eq!(first["members"].as_array().unwrap().len(), 2);
    assert_eq!((&first["more"], &first["count"]), (&json!(true), &json!(3)));
    let second = ask(&gate, ROOM, "?limit=1&after=ann", HOST).await.json();
    assert_eq!(second["members"][0]["principal"], "zoe");
    assert_eq!(
        (&second["more"], &second["count"]),
        (&json!(false), &json!(3))
    );
}

#[tokio::test]
async fn pages_give_everybody_once_in_the_order_of_their_names() {
    let gate = gate().await;
    let names: Vec<String> = (0..25).map(|n| format!("user-{n:02}")).collect();
    for name in names.iter().rev() {
        let bearer = format!("Bearer {}", token(&gate, name, "guest"));
        poll(&gate, ROOM, &[("authorization", &bearer)]).await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=7".to_owned());
    loop {
        let page = ask(&gate, ROOM, &query, HOST).await.json();
        assert_eq!(page["count"], 25);
        let members = page["members"].as_array().unwrap();
        let name = |one: &Value| one["principal"].as_str().unwrap().to_owned();
        seen.extend(members.iter().map(name));
        if page["more"] == false {
            break;
        }
        assert_eq!(members.len(), 7);
        query = format!("?limit=7&after={}", seen.last().unwrap());
    }
    assert_eq!(seen, names);
    assert_eq!(there(&gate).await.len(), 25);
    for wrong in ["?limit=0", "?limit=1001", "?limit=x"] {
        assert_eq!(ask(&gate, ROOM, wrong, HOST).await.code(), "bad_request");
    }
}

#[tokio::test]
async fn it_is_read_by_get_and_head_and_by_pages_of_known_origins() {
    let gate = gate().await;
    let target = "/v1/rooms/t:1/presence";
    let head = gate.request("HEAD", target, &[HOST], "").await;
    assert_eq!((head.status(), head.body.len()), (200, 0));
    for method in ["POST", "DELETE", "PUT"] {
        let answer = gate.request(method, target, &[HOST], "").await;
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    assert_eq!(gate.request("OPTIONS", target, &[], "").await.status(), 204);
    let metrics = gate.request("GET", "/metrics", &[HOST], "").await;
    let counted = r#"gatecast_http_requests_total{route="/v1/rooms/{room}/presence""#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}
