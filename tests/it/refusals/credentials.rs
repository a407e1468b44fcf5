//! Credentials that are not good, on every door.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{BACKEND, EVENT_STREAM, PUBLISH, Witness, configuration, dial, gate, refused};
use crate::support::Gate;

/// The issuer of these tests.
pub(super) const JWT: &str = "[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"a-secret-of-the-tests-32-bytes-long\"\nleeway = \"0s\"\n";
const SECRET: &str = "a-secret-of-the-tests-32-bytes-long";
/// In the year 2100.
const LATER: u64 = 4_102_444_800;

/// HMAC (RFC 2104) with SHA-256, written out so that nothing is shared with what it tests.
fn hmac(key: &str, text: &str) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36), text.as_bytes()].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat()).to_vec()
}

fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret, &text));
    format!("{text}.{signature}")
}

/// A good token that ends at this second.
pub(super) fn until(second: u64) -> String {
    signed(
        &hs256(),
        &with(good_claims(), &json!({"exp": second})),
        SECRET,
    )
}

/// A good token that was issued at this second, and ends in a lifetime.
pub(super) fn issued(second: u64) -> String {
    signed(
        &hs256(),
        &with(good_claims(), &json!({"iat": second})),
        SECRET,
    )
}

/// A good token of somebody who publishes under this name.
pub(super) fn author(name: &str) -> String {
    signed(
        &hs256(),
        &json!({"sub": name, "role": "author", "exp": LATER}),
        SECRET,
    )
}

fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn good_claims() -> Value {
    json!({"sub": "ann", "role": "member", "exp": LATER})
}

/// `value` with `more` in it.
fn with(mut value: Value, more: &Value) -> Value {
    let object = value.as_object_mut().unwrap();
    object.extend(more.as_object().unwrap().clone());
    value
}

/// Tokens that must not be believed, and what is wrong with each.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let token = |header: &Value, claims: &Value| signed(header, claims, SECRET);
    let good = token(&hs256(), &good_claims());
    let unsigned = |alg: &str| token(&with(hs256(), &json!({"alg": alg})), &good_claims());
    let claims = |more: Value| token(&hs256(), &with(good_claims(), &more));
    let header = |more: Value| token(&with(hs256(), &more), &good_claims());
    let head_and_claims = &good[..good.rfind('.').unwrap()];
    vec![
        ("expired", claims(json!({"exp": 1_700_000_000}))),
        (
            "no exp",
            token(&hs256(), &json!({"sub": "ann", "role": "member"})),
        ),
        ("exp is a text", claims(json!({"exp": "4102444800"}))),
        ("not yet valid", claims(json!({"nbf": LATER - 1}))),
        (
            "another secret",
            signed(
                &hs256(),
                &good_claims(),
                "another-secret-that-is-32-bytes-long",
            ),
        ),
        ("none", unsigned("none")),
        (
            "none without signature",
            format!(
                "{}.",
                &unsigned("none")[..unsigned("none").rfind('.').unwrap()]
            ),
        ),
        ("NONE", unsigned("NONE")),
        ("another algorithm", unsigned("HS512")),
        ("an algorithm of keys", unsigned("RS256")),
        (
            "no algorithm",
            token(&json!({"typ": "JWT"}), &good_claims()),
        ),
        ("crit", header(json!({"crit": ["exp"]}))),
        (
            "crit that is known to nobody",
            header(json!({"crit": ["b64"], "b64": false})),
        ),
        (
            "no subject",
            token(&hs256(), &json!({"role": "member", "exp": LATER})),
        ),
        ("a subject that is no text", claims(json!({"sub": 7}))),
        ("no signature", format!("{head_and_claims}.")),
        ("half a signature", good[..good.len() - 10].to_owned()),
        ("another payload", good.replacen(".eyJ", ".eyK", 1)),
        (
            "claims that are no JSON",
            format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("{"), "e30", "e30"),
        ),
        ("dots alone", "..".to_owned()),
        (
            "a key of its own",
            token(
                &with(
                    hs256(),
                    &json!({"jwk": {"kty": "oct", "k": "AA"}, "jku": "http://127.0.0.1/"}),
                ),
                &good_claims(),
            )
            .replace('-', "_")
                + "x",
        ),
    ]
}

#[tokio::test]
async fn the_token_that_the_others_are_made_from_is_good() {
    let gate = gate().await;
    let token = format!("Bearer {}", signed(&hs256(), &good_claims(), SECRET));
    let answer = gate
        .request(
            "GET",
            "/v1/stream?room=open",
            &[("Authorization", &token)],
            "",
        )
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

#[tokio::test]
async fn no_bad_token_is_believed_and_none_is_repeated() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for (what, token) in bad_tokens() {
        let bearer = format!("Bearer {token}");
        let answer = gate
            .request(
                "GET",
                "/v1/stream?room=open",
                &[("Authorization", &bearer)],
                "",
            )
            .await;
        refused(&answer, 401, "unauthorized", what);
        assert!(!answer.text().contains(&token), "{what}: {}", answer.text());
        assert!(answer.header("www-authenticate").is_some(), "{what}");
        let mut socket = dial(
            &gate,
            &format!("/v1/stream?room=open&access_token={token}"),
            &[],
        )
        .await;
        let error = socket.json().await;
        assert_eq!(error["code"], "unauthorized", "{what}: {error}");
        assert_eq!(socket.closed().await.0, Some(3500), "{what}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_good_token_with_no_role_of_ours_is_forbidden() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for role in [
        json!({"role": "nobody"}),
        json!({"role": 7}),
        json!({"role": null}),
    ] {
        let token = signed(&hs256(), &with(good_claims(), &role), SECRET);
        let bearer = format!("Bearer {token}");
        let answer = gate
            .request(
                "GET",
                "/v1/stream?room=open",
                &[("Authorization", &bearer)],
                "",
            )
            .await;
        refused(&answer, 403, "forbidden", &role.to_string());
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn without_a_good_credential_every_door_is_closed() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let wrong = [
        vec![],
        vec![("X-API-Key", "wrong")],
        vec![("X-API-Key", "")],
        vec![("Authorization", "Bearer wrong")],
        vec![("Authorization", "Bearer")],
        vec![("Authorization", "Bearer wrong"), BACKEND],
    ];
    let event = r#"{"event":"e"}"#;
    for headers in wrong {
        for (method, target, body) in [
            ("GET", "/v1/stream?room=open", ""),
            ("GET", "/v1/stream?room=open&transport=sse", ""),
            ("GET", "/v1/rooms/open/events", ""),
            ("POST", PUBLISH, event),
            (
                "POST",
                "/v1/publish",
                r#"{"events":[{"room":"open","event":"e"}]}"#,
            ),
            (
                "POST",
                "/v1/messages?stream=x",
                r#"{"type":"ping","ref":1}"#,
            ),
        ] {
            let answer = gate.request(method, target, &headers, body).await;
            refused(
                &answer,
                401,
                "unauthorized",
                &format!("{method} {target} {headers:?}"),
            );
        }
    }
    let twice = [BACKEND, ("X-API-Key", "reader-key")];
    let answer = gate.request("POST", PUBLISH, &twice, event).await;
    assert!(
        matches!(answer.status(), 400 | 401),
        "two keys: {}",
        answer.text()
    );
    let long = "x".repeat(9000);
    let answer = gate
        .request("POST", PUBLISH, &[("X-API-Key", &long)], event)
        .await;
    refused(&answer, 401, "unauthorized", "a key of 9000 bytes");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_failed_credential_is_never_anonymous() {
    let toml = configuration("").replacen("[auth]", "[auth]\nanonymous = \"reader\"", 1);
    let gate = Gate::start(&toml).await;
    let mut witness = Witness::join(&gate).await;
    let answer = gate.request("GET", "/v1/stream?room=open", &[], "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let (_, expired) = bad_tokens().remove(0);
    let bearer = format!("Bearer {expired}");
    for headers in [
        ("X-API-Key", "wrong"),
        ("Authorization", "Bearer wrong"),
        ("Authorization", bearer.as_str()),
    ] {
        for extra in [("Accept", "*/*"), EVENT_STREAM] {
            let answer = gate
                .request("GET", "/v1/stream?room=open", &[headers, extra], "")
                .await;
            refused(&answer, 401, "unauthorized", headers.0);
        }
    }
    let mut socket = dial(&gate, "/v1/stream?room=open&access_token=wrong", &[]).await;
    assert_eq!(socket.json().await["code"], "unauthorized");
    assert_eq!(socket.closed().await.0, Some(3500));
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_wrong_first_message_is_refused_and_nothing_is_delivered() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let (_, expired) = bad_tokens().remove(0);
    for token in ["wrong", "", expired.as_str()] {
        let mut socket = dial(&gate, "/v1/stream?room=open", &[]).await;
        socket
            .say(r#"{"type":"subscribe","ref":1,"room":"open"}"#)
            .await;
        assert_eq!(socket.json().await["code"], "unauthorized");
        socket
            .say(&format!(r#"{{"type":"auth","ref":2,"token":"{token}"}}"#))
            .await;
        let error = socket.json().await;
        assert_eq!(error["code"], "unauthorized", "{error}");
        assert!(
            token.is_empty() || !error.to_string().contains(token),
            "{error}"
        );
        assert_eq!(socket.closed().await.0, Some(3500));
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_role_is_kept_to_its_transports() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let poller = ("X-API-Key", "poller-key");
    let answer = gate
        .request("GET", "/v1/stream?room=open", &[poller], "")
        .await;
    assert_eq!(answer.status(), 200);
    let answer = gate
        .request("GET", "/v1/stream?room=open", &[poller, EVENT_STREAM], "")
        .await;
    refused(&answer, 403, "transport_not_allowed", "SSE");
    let mut socket = dial(&gate, "/v1/stream?room=open", &[poller]).await;
    assert_eq!(socket.json().await["code"], "transport_not_allowed");
    assert_eq!(socket.closed().await.0, Some(3505));
    witness.is_served(&gate).await;
}
