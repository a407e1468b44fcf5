//! What is shared between nodes, and lasts over a restart: a secret, and nothing else.

use super::{TV, configuration, get, refused, session, signed, swap};
use crate::support::{Gate, api_key};

const HISTORY: &str = "/v1/rooms/open/events";

fn with_secret(secret: &str) -> String {
    configuration(&format!("session = {{ {secret} }}"), "")
}

#[tokio::test]
async fn nodes_that_share_a_secret_take_each_others_tickets_and_a_rotation_ends_none() {
    let (old, new) = ("o".repeat(32), "n".repeat(32));
    let one = Gate::start(&with_secret(&format!("secret = \"{old}\""))).await;
    let cookie = session(&one, &[TV]).await;
    let url = signed(&one, &[TV], r#"{"url":true}"#).await;
    for (secret, status) in [
        (format!("secret = \"{old}\""), 200),
        (format!("secret = \"{new}\", old_secret = \"{old}\""), 200),
        (format!("secret = \"{new}\""), 401),
        (String::new(), 401),
    ] {
        let other = Gate::start(&with_secret(&secret)).await;
        let answer = get(&other, HISTORY, &[("Cookie", &cookie)]).await;
        assert_eq!(answer.status(), status, "{secret}");
        assert_eq!(
            get(&other, &url.replace("sse", "long-poll"), &[])
                .await
                .status(),
            status
        );
    }
}

#[tokio::test]
async fn a_key_that_is_another_ends_what_it_was_swapped_for() {
    let secret = format!("session = {{ secret = \"{}\" }}", "s".repeat(32));
    let before = Gate::start(&configuration(&secret, "")).await;
    let cookie = session(&before, &[TV]).await;
    let rotated = configuration(&secret, "").replace(
        &api_key("tv", TV.1, "display"),
        &api_key("tv", "another-key", "display"),
    );
    let after = Gate::start(&rotated).await;
    let answer = get(&after, HISTORY, &[("Cookie", &cookie)]).await;
    refused(&answer, 401, "unauthorized", "a cookie of the old key");
    let answer = swap(&after, &[("X-API-Key", "another-key")], "").await;
    assert_eq!(answer.status(), 200);
}
