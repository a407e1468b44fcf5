//! What ends a credential ends whatever it was swapped for.

use serde_json::{Value, json};

use super::{
    BACKEND, OWN, TV, bearer, configuration, data, get, refused, session, signed, stream, swap,
};
use crate::support::http::Body;
use crate::support::{Gate, api_key};

const HISTORY: &str = "/v1/rooms/open/events";
const URL: &str = r#"{"url":true,"rooms":["open"]}"#;

/// The cookie and the URL of somebody, and an open stream by each.
struct Held {
    cookie: String,
    url: String,
    streams: Vec<Body>,
}

impl Held {
    async fn by(gate: &Gate, credential: (&str, &str)) -> Self {
        let cookie = session(gate, &[credential]).await;
        let url = signed(gate, &[("Cookie", &cookie), OWN], URL).await;
        let mut streams = Vec::new();
        for (target, headers) in [
            ("/v1/stream?room=open", vec![("Cookie", cookie.as_str())]),
            (url.as_str(), vec![]),
        ] {
            let (_, mut body) = stream(gate, target, &headers).await;
            body.event("welcome").await;
            streams.push(body);
        }
        Self {
            cookie,
            url,
            streams,
        }
    }

    /// Both streams are told `code`, and neither ticket is good any more.
    async fn is_over(&mut self, gate: &Gate, code: &str) {
        for body in &mut self.streams {
            let mut block = body.block().await.unwrap();
            while block.starts_with("event: on\n") {
                block = body.block().await.unwrap();
            }
            assert_eq!(data(&block)["code"], code, "{block}");
        }
        let cookie = ("Cookie", self.cookie.as_str());
        refused(
            &get(gate, HISTORY, &[cookie]).await,
            401,
            code,
            "the cookie",
        );
        refused(
            &swap(gate, &[cookie, OWN], "").await,
            401,
            code,
            "a renewal",
        );
        refused(
            &swap(gate, &[cookie, OWN], URL).await,
            401,
            code,
            "a URL of it",
        );
        let poll = self.url.replace("sse", "long-poll");
        refused(&get(gate, &poll, &[]).await, 401, code, "the URL");
    }

    /// Both streams go on; they are also given what was published for others' sake.
    async fn goes_on(&mut self, gate: &Gate) {
        let event = r#"{"event":"on"}"#;
        let answer = gate.request("POST", HISTORY, &[BACKEND], event).await;
        let id = answer.json()["id"].clone();
        for body in &mut self.streams {
            loop {
                let block = body.block().await.unwrap();
                assert!(block.starts_with("event: on\n"), "{block}");
                if data(&block)["id"] == id {
                    break;
                }
            }
        }
        let cookie = ("Cookie", self.cookie.as_str());
        assert_eq!(get(gate, HISTORY, &[cookie]).await.status(), 200);
    }
}

/// A token of Ann's, of this id and age in seconds.
fn token(gate: &Gate, id: &str, age: u64) -> String {
    let now = gate.clock().unix().0 / 1000;
    bearer(&json!({
        "sub": "ann", "role": "member", "org": "acme", "jti": id, "iat": now - age, "exp": now + 3600,
    }))
}

async fn revoke(gate: &Gate, what: &Value) {
    let answer = gate
        .request("POST", "/v1/admin/revoke", &[BACKEND], &what.to_string())
        .await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
}

#[tokio::test]
async fn a_revocation_finds_what_its_credential_was_swapped_for() {
    let gate = super::gate().await;
    let (one, two) = (token(&gate, "t1", 100), token(&gate, "t2", 50));
    let mut one = Held::by(&gate, ("Authorization", &one)).await;
    let mut two = Held::by(&gate, ("Authorization", &two)).await;
    let mut tv = Held::by(&gate, TV).await;
    revoke(&gate, &json!({"token_id": "t1"})).await;
    one.is_over(&gate, "revoked").await;
    two.goes_on(&gate).await;
    tv.goes_on(&gate).await;
    // Everything that was issued before then: the token, and not the cookie, says when that was.
    let before = gate.clock().unix().0 - 20_000;
    revoke(&gate, &json!({"subject": "ann", "issued_before": before})).await;
    two.is_over(&gate, "revoked").await;
    tv.goes_on(&gate).await;
    let new = token(&gate, "t3", 0);
    Held::by(&gate, ("Authorization", &new))
        .await
        .goes_on(&gate)
        .await;
    revoke(&gate, &json!({"key": "tv"})).await;
    tv.is_over(&gate, "revoked").await;
}

#[tokio::test]
async fn a_reload_that_takes_away_a_key_ends_what_it_was_swapped_for_and_nothing_else() {
    let toml = configuration("", "");
    let gate = Gate::start(&toml).await;
    let mut tv = Held::by(&gate, TV).await;
    let mut backend = Held::by(&gate, BACKEND).await;
    // The secret that the process has made for itself stays what it was.
    let more = format!("{toml}\n[roles.more]\n");
    gate.reload(&more).await.unwrap();
    tv.goes_on(&gate).await;
    backend.goes_on(&gate).await;
    let without = toml.replace(&api_key("tv", TV.1, "display"), "");
    assert_ne!(without, toml);
    gate.reload(&without).await.unwrap();
    tv.is_over(&gate, "unauthorized").await;
    backend.goes_on(&gate).await;
}

#[tokio::test]
async fn a_reload_rotates_the_secret_of_sessions() {
    let [old, new] = ["o", "n"].map(|letter| letter.repeat(32));
    let toml = |secrets: &str| configuration(&format!("session = {{ {secrets} }}"), "");
    let gate = Gate::start(&toml(&format!("secret = \"{old}\""))).await;
    let mut held = Held::by(&gate, TV).await;
    let both = toml(&format!("secret = \"{new}\", old_secret = \"{old}\""));
    gate.reload(&both).await.unwrap();
    held.goes_on(&gate).await;
    // Renewed by itself it is signed with the new one.
    let renewed = session(&gate, &[("Cookie", &held.cookie), OWN]).await;
    gate.reload(&toml(&format!("secret = \"{new}\"")))
        .await
        .unwrap();
    held.is_over(&gate, "unauthorized").await;
    let answer = get(&gate, HISTORY, &[("Cookie", &renewed)]).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_role_that_changes_changes_what_its_tickets_open() {
    let toml = configuration("", "");
    let gate = Gate::start(&toml).await;
    let mut held = Held::by(&gate, TV).await;
    let (from, to) = (
        "subscribe = [\"open\", \"alerts\"]",
        "subscribe = [\"alerts\"]",
    );
    let less = toml.replace(from, to);
    assert_ne!(less, toml);
    gate.reload(&less).await.unwrap();
    for body in &mut held.streams {
        let block = body.block().await.unwrap();
        assert_eq!(data(&block)["code"], "forbidden", "{block}");
    }
    let cookie = ("Cookie", held.cookie.as_str());
    refused(
        &get(&gate, HISTORY, &[cookie]).await,
        403,
        "forbidden",
        "the cookie",
    );
    let answer = get(&gate, "/v1/rooms/alerts/events", &[cookie]).await;
    assert_eq!(answer.status(), 200);
    let poll = held.url.replace("sse", "long-poll");
    refused(&get(&gate, &poll, &[]).await, 403, "forbidden", "the URL");
}
