//! How often keys are fetched, and who waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Does, Issuer, Key, counted, fetches, gate, is, known, stream_of, told};
use crate::support::http::request;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, patiently, within};

const SELDOM: Duration = Duration::from_secs(30);

/// Asks with `token` until the answer is 200: a set rests once its 30 s are over, which the gateway notices by itself.
async fn accepted_at_last(gate: &Gate, token: &str) {
    let asking = async { while told(gate, token).await.status() != 200 {} };
    within("the token to be accepted", asking).await;
}

#[tokio::test]
async fn whoever_comes_while_keys_are_fetched_waits_for_them() {
    let (key, until) = (Key::new("a"), Arc::new(Semaphore::new(0)));
    let issuer = Issuer::start(Does::Holds(until.clone(), super::set(&[&key]))).await;
    let gate = gate(&issuer).await;
    let (first, second) = (key.token("ann"), key.token("bob"));
    let mut answer = Box::pin(told(&gate, &first));
    let socket = gate.connect().await;
    let mut socket = WebSocket::upgrade(socket, "/v1/stream", &[])
        .await
        .ok()
        .unwrap();
    socket
        .say(&format!(r#"{{"type":"auth","ref":1,"token":"{second}"}}"#))
        .await;
    let mut welcome = Box::pin(socket.json());
    let early = tokio::select! {
        _ = &mut answer => true,
        _ = &mut welcome => true,
        _ = patiently(Duration::from_millis(100), std::future::pending::<()>()) => false,
    };
    assert!(!early, "nobody knows yet who they are");
    until.add_permits(1);
    let (answer, welcome) = within("the keys", async { tokio::join!(answer, welcome) }).await;
    is(&answer, 200);
    assert_eq!(welcome["principal"], "bob");
    assert_eq!(issuer.connections(), 1);
}

#[tokio::test]
async fn once_nobody_fetches_keys_any_more_nobody_waits_for_them() {
    let issuer = Issuer::start(Does::Waits).await;
    let mut gate = gate(&issuer).await;
    let mut late = gate.connect().await;
    // Whoever is answered on a connection opened later has seen it accepted.
    is(&gate.request("GET", "/healthz", &[], "").await, 200);
    let drained = gate.begin_stop().await;
    let bearer = format!("Bearer {}", Key::new("a").token("ann"));
    let headers = [("Authorization", bearer.as_str())];
    late.send(request("GET", "/v1/rooms/open/events", &headers, ""))
        .await;
    // The test's clock stands still: there is nothing to be waited for.
    is(&late.answer("GET").await, 503);
    let step = Duration::from_millis(100);
    assert_eq!(gate.hasten(step, drained).await.unwrap(), []);
}

#[tokio::test]
async fn whoever_waits_in_vain_is_told_to_come_back() {
    let key = Key::new("a");
    let issuer = Issuer::start(Does::Waits).await;
    let gate = gate(&issuer).await;
    within("the fetch", async {
        while issuer.requests().is_empty() {
            patiently(Duration::from_millis(1), std::future::pending::<()>()).await;
        }
    })
    .await;
    // Its turn does not come, and it is told that time heals it.
    let token = key.token("ann");
    let answer = gate
        .hasten(Duration::from_millis(500), told(&gate, &token))
        .await;
    is(&answer, 503);
    assert_eq!(answer.code(), "unavailable");
    let pause: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&pause), "{pause}");
    // Once they are there it is let in, whatever was said before.
    issuer.publishes(&[&key]);
    gate.hasten(Duration::from_secs(1), async {
        while told(&gate, &token).await.status() != 200 {}
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_for_the_first_token_that_names_it() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (issuer, gate) = known(&[&old]).await;
    is(&told(&gate, &old.token("ann")).await, 200);
    issuer.publishes(&[&old, &new]);
    // It was fetched just now, so whoever brings the new one is refused for a while, and no fetch is made.
    is(&told(&gate, &new.token("ann")).await, 401);
    assert_eq!(issuer.requests().len(), 1);
    gate.hand.advance(SELDOM);
    accepted_at_last(&gate, &new.token("ann")).await;
    is(&told(&gate, &old.token("ann")).await, 200);
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test]
async fn a_websocket_that_says_later_who_it_is_waits_for_its_key_too() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (issuer, gate) = known(&[&old]).await;
    issuer.publishes(&[&new]);
    gate.hand.advance(SELDOM);
    let saying = async {
        loop {
            let socket = gate.connect().await;
            let mut socket = WebSocket::upgrade(socket, "/v1/stream", &[])
                .await
                .ok()
                .unwrap();
            let token = new.token("ann");
            socket
                .say(&format!(r#"{{"type":"auth","ref":1,"token":"{token}"}}"#))
                .await;
            let answer = socket.json().await;
            if answer["type"] == "welcome" {
                return answer;
            }
            assert_eq!(answer["code"], "unauthorized");
        }
    };
    let welcome = within("the welcome", saying).await;
    assert_eq!(welcome["principal"], "ann");
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_makes_one_fetch_in_30_seconds_and_delays_nobody_beyond_it() {
    let key = Key::new("a");
    let (issuer, gate) = known(&[&key]).await;
    let claims = serde_json::json!({"sub": "eve", "role": "member", "exp": 4_102_444_800_u64});
    let storm = async |count: usize| {
        for number in 0..count {
            let token = key.token_of(&claims, &format!("made-up-{number}"));
            is(&told(&gate, &token).await, 401);
            is(&told(&gate, &key.token("ann")).await, 200);
        }
    };
    storm(20).await;
    assert_eq!(issuer.connections(), 1, "it was fetched just now");
    for round in 2..5 {
        gate.hand.advance(SELDOM);
        let waking = async {
            while issuer.connections() < round {
                storm(1).await
            }
        };
        within("a fetch", waking).await;
        storm(20).await;
        fetches(&gate, "ok", round).await;
        storm(20).await;
        assert_eq!(issuer.connections(), round);
    }
    // Nor does one whose algorithm or issuer is nobody's.
    gate.hand.advance(SELDOM);
    for token in ["a.b.c", "e30.e30.e30"] {
        is(&told(&gate, token).await, 401);
    }
    let requests = issuer.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests
            .iter()
            .all(|head| head.starts_with("GET /keys HTTP/1.1\r\n"))
    );
    assert!(!requests.concat().contains("authorization"), "{requests:?}");
}

#[tokio::test]
async fn keys_are_fetched_in_the_background_as_often_as_is_configured_or_the_source_says() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (issuer, gate) = known(&[&old]).await;
    issuer.does(Does::Says(
        "Cache-Control: public, max-age=120\r\n",
        super::set(&[&new]),
    ));
    gate.hand.advance(Duration::from_secs(600));
    fetches(&gate, "ok", 2).await;
    is(&told(&gate, &new.token("ann")).await, 200);
    is(&told(&gate, &old.token("ann")).await, 401);
    assert_eq!(issuer.requests().len(), 2);
    gate.hand.advance(Duration::from_secs(107));
    counted(&gate, "gatecast_key_sources_down 0").await;
    assert_eq!(issuer.requests().len(), 2);
    gate.hand.advance(Duration::from_secs(13));
    fetches(&gate, "ok", 3).await;
}

#[tokio::test]
async fn streams_are_told_in_their_own_way_that_the_keys_are_not_here_yet() {
    let key = Key::new("a");
    let issuer = Issuer::start(Does::Closes).await;
    let gate = gate(&issuer).await;
    counted(&gate, "gatecast_key_sources_down 1").await;
    let token = key.token("ann");
    let mut sse = gate.connect().await;
    sse.send(stream_of(&token)).await;
    let (head, mut body) = sse.open_body("GET").await;
    assert_eq!(head.status, 200, "an EventSource dies of any other");
    let problem = body.event("problem").await;
    assert!(problem.contains("unavailable"), "{problem}");
    let target = format!("/v1/stream?room=open&access_token={token}");
    let socket = WebSocket::upgrade(gate.connect().await, &target, &[]).await;
    assert_eq!(socket.ok().unwrap().closed().await.0, Some(3002));
}
