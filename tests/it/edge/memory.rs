//! The ceiling of memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatecast::server::Settings;

use crate::support::http::{Answer, Next, request};
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY};

const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
const STREAM: &str = "/v1/stream?room=r";

/// What the process of the test has, as the gateway sees it. One test uses it.
static RESIDENT: AtomicU64 = AtomicU64::new(0);

fn by_hand(settings: &mut Settings) {
    settings.resident = || Some(RESIDENT.load(Ordering::Relaxed));
}

async fn poll(gate: &Gate, more: &str) -> Answer {
    let target = format!("{STREAM}&wait=0{more}");
    gate.request("GET", &target, &[KEY], "").await
}

async fn publish(gate: &Gate) -> String {
    let answer = gate
        .request("POST", "/v1/rooms/r/events", &[KEY], r#"{"event":"e"}"#)
        .await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn above_it_new_streams_are_refused_and_those_that_are_open_go_on() {
    let gate = Gate::within_program("limits.memory = \"1MiB\"\n", "", by_hand).await;
    let mut socket = gate.websocket().await;
    let mut stream = gate.connect().await;
    stream
        .send(request("GET", STREAM, &[KEY, EVENT_STREAM], ""))
        .await;
    let (_, mut stream) = stream.open_body("GET").await;
    stream.event("welcome").await;
    let first = publish(&gate).await;
    RESIDENT.store((1 << 20) + 1, Ordering::Relaxed);
    assert_eq!(
        poll(&gate, "").await.status(),
        200,
        "one look counts for a second"
    );
    gate.hand.advance(Duration::from_secs(1));

    for headers in [&[KEY][..], &[KEY, EVENT_STREAM]] {
        let target = format!("{STREAM}&on_error=status");
        let answer = gate.request("GET", &target, headers, "").await;
        let problem = answer.json();
        assert_eq!((answer.status(), answer.code()), (503, "overloaded".into()));
        assert_eq!(problem["limit"], "memory", "{problem}");
        assert!(
            problem["retry_after_ms"].as_u64().unwrap() >= 1000,
            "{problem}"
        );
        assert!(answer.header("retry-after").is_some());
    }
    let mut source = gate.connect().await;
    source
        .send(request("GET", STREAM, &[KEY, EVENT_STREAM], ""))
        .await;
    let (head, mut body) = source.open_body("GET").await;
    assert_eq!(
        head.status, 200,
        "an EventSource would never come back from another status"
    );
    let problem = body.block().await.unwrap();
    assert!(problem.contains(r#""limit":"memory""#), "{problem}");
    assert_eq!(
        gate.hasten(Duration::from_millis(100), body.end()).await,
        Next::Cut
    );
    let mut refused = WebSocket::upgrade(gate.connect().await, STREAM, &[KEY])
        .await
        .unwrap();
    assert_eq!(refused.json().await["limit"], "memory");
    assert_eq!(refused.closed().await.0, Some(3002));

    let second = publish(&gate).await;
    for id in [&first, &second] {
        assert_eq!(&socket.json().await["id"], id.as_str());
        assert!(stream.event("e").await.contains(id.as_str()));
    }
    let goes_on = poll(&gate, &format!("&since={first}")).await;
    assert_eq!(
        goes_on.json()["events"][0]["id"],
        second,
        "who polls is there already"
    );
    assert_eq!(gate.request("GET", "/healthz", &[], "").await.status(), 200);

    RESIDENT.store(1 << 20, Ordering::Relaxed);
    gate.hand.advance(Duration::from_secs(1));
    assert_eq!(poll(&gate, "").await.status(), 200);
    gate.websocket().await;
}
