//! Keys that change while the gateway runs.

mod api_keys;
mod fetching;
mod issuer;
mod posted;
mod reloads;
mod rotation;
mod sources;

use crate::support::http::{Answer, request};
use crate::support::{Gate, KEY, within};
use issuer::{Does, Issuer, Key, set};

const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");

/// The configuration of an issuer whose tokens this key verifies.
fn entry(key: &str) -> String {
    format!(
        "[[auth.jwt]]\nalgorithm = \"ES256\"\n{key}\n[roles.member]\nrooms = [\"open\"]\nsubscribe = [\"open\"]\n"
    )
}

/// A gateway that takes the tokens of `issuer`, in its queries too.
async fn gate(issuer: &Issuer) -> Gate {
    gate_with(issuer, "").await
}

/// The same, with more in the issuer's entry.
async fn gate_with(issuer: &Issuer, more: &str) -> Gate {
    let entry = entry(&format!("jwks_url = \"{}\"\n{more}", issuer.url()));
    Gate::open("[auth]\nquery = \"access_token\"\n", &entry).await
}

/// An issuer that publishes `keys`, and a gateway that has them.
async fn known(keys: &[&Key]) -> (Issuer, Gate) {
    known_with(keys, "").await
}

/// The same, with more in the issuer's entry.
async fn known_with(keys: &[&Key], more: &str) -> (Issuer, Gate) {
    let issuer = Issuer::start(Does::Says("", set(keys))).await;
    let gate = gate_with(&issuer, more).await;
    fetches(&gate, "ok", 1).await;
    (issuer, gate)
}

/// What somebody is told who comes with `token`.
async fn told(gate: &Gate, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let target = "/v1/rooms/open/events";
    gate.request("GET", target, &headers, "").await
}

#[track_caller]
fn is(answer: &Answer, status: u16) {
    assert_eq!(answer.status(), status, "{}", answer.text());
}

/// Returns once this line stands in the metrics.
async fn counted(gate: &Gate, line: &str) {
    let waiting = async {
        loop {
            let metrics = gate.request("GET", "/metrics", &[KEY], "").await;
            if metrics.text().lines().any(|one| one == line) {
                return;
            }
        }
    };
    within(line, waiting).await;
}

/// Returns once so many fetches have ended like this.
async fn fetches(gate: &Gate, outcome: &str, count: usize) {
    let line = format!("gatecast_key_fetches_total{{outcome=\"{outcome}\"}} {count}");
    counted(gate, &line).await;
}

async fn publish(gate: &Gate, event: &str) {
    let body = format!(r#"{{"event":"{event}","data":1}}"#);
    let answer = gate
        .request("POST", "/v1/rooms/open/events", &[KEY], &body)
        .await;
    is(&answer, 202);
}

/// The bytes of a request for an event stream with this token.
fn stream_of(token: &str) -> String {
    let target = format!("/v1/stream?room=open&access_token={token}");
    request("GET", &target, &[EVENT_STREAM], "")
}
