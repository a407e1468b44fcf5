//! Methods and resources that are not there.

use super::{BACKEND, Witness, gate, refused};

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for (target, wrong, right) in [
        ("/v1/stream", &["POST", "PUT", "DELETE", "PATCH"][..], "GET"),
        ("/v1/rooms/open/events", &["PUT", "PATCH"], "POST"),
        ("/v1/publish", &["GET", "PUT", "DELETE"], "POST"),
        ("/v1/messages", &["GET", "PUT", "DELETE"], "POST"),
        ("/healthz", &["POST", "DELETE"], "GET"),
        ("/readyz", &["POST", "DELETE"], "GET"),
    ] {
        for method in wrong {
            let answer = gate.request(method, target, &[BACKEND], "").await;
            refused(
                &answer,
                405,
                "method_not_allowed",
                &format!("{method} {target}"),
            );
            let allow = answer.header("allow").unwrap_or_default();
            assert!(allow.contains(right), "{method} {target}: Allow: {allow}");
        }
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    for target in [
        "/v1",
        "/v1/",
        "/v1/stream/",
        "/v1/rooms",
        "/v1/rooms/open",
        "/v1/rooms/open/nothing",
        "/v1/rooms//events",
        "/v1/rooms/a/b/events",
        "/v2/stream",
        "/%2e%2e/etc/passwd",
        "//v1/stream",
    ] {
        let answer = gate.request("GET", target, &[BACKEND], "").await;
        assert!(
            matches!(answer.status(), 400 | 404),
            "{target}: {}",
            answer.status()
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
    witness.is_served(&gate).await;
}
