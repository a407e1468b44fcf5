//! What a credential may do, for those who wonder.

use serde_json::json;

use super::{TV, ask, code, gate, token};

#[tokio::test]
async fn a_key_is_explained_and_so_is_what_it_is_asked_for() {
    let gate = gate().await;
    let body = json!({ "credential": TV.1, "rooms": ["r", "s", "t"] });
    let answer = ask(&gate, "explain", &body.to_string()).await;
    let expected = json!({
        "principal": "tv", "kind": "api_key", "role": "viewer",
        "transports": ["websocket", "sse", "long-poll"],
        "rooms": ["r"], "subscribe": ["r", "s"], "publish": ["r"], "presence": [], "admin": false,
        "asked": [
            { "room": "r", "subscribe": true, "publish": true, "presence": false },
            { "room": "s", "subscribe": true, "publish": false, "presence": false },
            { "room": "t", "subscribe": false, "publish": false, "presence": false },
        ],
    });
    assert_eq!(answer.json(), expected, "{}", answer.text());
}

#[tokio::test]
async fn a_token_is_explained_with_its_end_and_one_that_is_not_good_with_why() {
    let gate = gate().await;
    let token = token(&gate, "ann", None);
    let body = json!({ "credential": token });
    let answer = ask(&gate, "explain", &body.to_string()).await.json();
    assert_eq!(
        (&answer["principal"], &answer["kind"]),
        (&json!("ann"), &json!("token"))
    );
    let left = answer["expires_in_ms"].as_u64().unwrap();
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");

    for credential in ["wrong", &token[..token.len() - 3]] {
        let body = json!({ "credential": credential });
        let answer = ask(&gate, "explain", &body.to_string()).await;
        assert_eq!(code(&answer), (404, "not_found".into()));
        assert!(
            answer.text().contains("unauthorized: "),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains(credential));
    }
    let answer = ask(&gate, "explain", "{}").await;
    assert_eq!(code(&answer), (404, "not_found".into()));
}

#[tokio::test]
async fn a_credential_that_stands_in_the_wrong_place_is_not_repeated() {
    let gate = gate().await;
    let credential = "a-credential-in-the-wrong-place";
    for body in [
        json!(credential),
        json!({ credential: 1 }),
        json!({ "credential": { credential: 1 } }),
        json!({ "rooms": credential }),
    ] {
        for path in ["explain", "disconnect", "drain", "revoke"] {
            let answer = ask(&gate, path, &body.to_string()).await;
            assert_eq!(code(&answer), (400, "bad_request".into()), "{path} {body}");
            assert!(!answer.text().contains("wrong-place"), "{}", answer.text());
        }
    }
}
