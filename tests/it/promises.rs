//! The promises of the gateway, a test each; the behaviours behind them have files of their own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::http::{Answer, Body, Next, request};
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key};

const BACKEND: (&str, &str) = ("X-API-Key", "backend-key");
const SCREEN: (&str, &str) = ("X-API-Key", "screen-key");
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");

fn configuration() -> String {
    let keys = api_key("backend", BACKEND.1, "backend")
        + &api_key("screen", SCREEN.1, "screen")
        + &api_key("operator", KEY.1, "operator");
    format!(
        r#"
        {keys}
        [[auth.jwt]]
        algorithm = "HS256"
        secret = "{SECRET}"
        [roles.backend]
        subscribe = ["*"]
        publish = ["*"]
        [roles.operator]
        admin = true
        [roles.screen]
        rooms = ["hall", "bell"]
        subscribe = ["hall", "bell"]
        [rooms."bell"]
        history = {{ events = 2 }}
        "#
    )
}

const SECRET: &str = "the-secret-of-the-promises-32-bytes-or-more";

async fn publish(gate: &Gate, room: &str, data: &str) -> String {
    let body = format!(r#"{{"event":"rung","data":{data}}}"#);
    let target = format!("/v1/rooms/{room}/events");
    let answer = gate.request("POST", &target, &[BACKEND], &body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn event_source(gate: &Gate, query: &str, headers: &[(&str, &str)]) -> Body {
    let mut socket = gate.connect().await;
    let headers: Vec<_> = [SCREEN, EVENT_STREAM]
        .iter()
        .chain(headers)
        .copied()
        .collect();
    socket
        .send(request("GET", &format!("/v1/stream?{query}"), &headers, ""))
        .await;
    let (head, body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200);
    body
}

async fn websocket(gate: &Gate, query: &str) -> WebSocket {
    let target = format!("/v1/stream?{query}");
    WebSocket::upgrade(gate.connect().await, &target, &[SCREEN])
        .await
        .unwrap()
}

async fn poll(gate: &Gate, query: &str) -> Answer {
    gate.request("GET", &format!("/v1/stream?{query}"), &[SCREEN], "")
        .await
}

fn field<'a>(block: &'a str, name: &str) -> &'a str {
    let line = block
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {block}"))
}

#[tokio::test]
async fn one_event_has_one_id_and_one_envelope_on_every_transport() {
    let gate = Gate::start(&configuration()).await;
    let mut sse = event_source(&gate, "room=hall", &[]).await;
    sse.event("welcome").await;
    let mut socket = websocket(&gate, "room=hall").await;
    socket.text().await;
    let start = poll(&gate, "room=hall").await.json()["cursor"]
        .as_str()
        .unwrap()
        .to_owned();

    let id = publish(&gate, "hall", r#"{ "n": 1.0, "s": "\u00e9" }"#).await;

    let block = sse.event("rung").await;
    let envelope = field(&block, "data").to_owned();
    assert!(envelope.starts_with(&format!(
        r#"{{"id":"{id}","room":"hall","event":"rung","data":{{"n":1.0,"s":"\u00e9"}},"ts":"#
    )));
    assert_eq!(field(&block, "id"), id);
    assert_eq!(socket.text().await, envelope);
    let polled = poll(&gate, &format!("room=hall&since={start}")).await;
    assert!(
        polled.text().contains(&format!(r#""events":[{envelope}]"#)),
        "{}",
        polled.text()
    );
    let history = gate
        .request("GET", "/v1/rooms/hall/events", &[SCREEN], "")
        .await;
    assert!(
        history
            .text()
            .contains(&format!(r#""events":[{envelope}]"#)),
        "{}",
        history.text()
    );
}

#[tokio::test]
async fn nothing_is_lost_in_silence_it_comes_or_a_gap_says_so() {
    let mut gate = Gate::start(&configuration()).await;
    let mut sse = event_source(&gate, "", &[]).await;
    let welcome = sse.event("welcome").await;
    drop(sse);
    let last = publish(&gate, "hall", "1").await;
    for n in 2..5 {
        publish(&gate, "bell", &n.to_string()).await;
    }

    // The hall kept everything, the bell only its last two events.
    let mut sse = event_source(&gate, "", &[("Last-Event-ID", field(&welcome, "id"))]).await;
    assert!(sse.event("welcome").await.contains(r#""recovered":false"#));
    let gap = sse.event("gap").await;
    assert!(
        gap.contains(r#""room":"bell""#) && gap.contains(r#""reason":"evicted""#),
        "{gap}"
    );
    for data in [1, 3, 4] {
        assert!(
            sse.event("rung")
                .await
                .contains(&format!(r#""data":{data},"#))
        );
    }

    // A memory log ends with its process, and the next one says so.
    gate.restart().await;
    let answer = poll(&gate, &format!("room=hall&since={last}")).await.json();
    assert_eq!(answer["gaps"][0]["reason"], "epoch", "{answer}");
    assert_eq!(answer["gaps"][0]["from"], last.as_str());
}

#[tokio::test]
async fn a_cursor_resumes_on_every_transport() {
    let gate = Gate::start(&configuration()).await;
    let mut sse = event_source(&gate, "room=hall", &[]).await;
    sse.event("welcome").await;
    publish(&gate, "hall", "1").await;
    let seen = field(&sse.event("rung").await, "id").to_owned();
    drop(sse);
    let missed = publish(&gate, "hall", "2").await;

    let polled = poll(&gate, &format!("room=hall&since={seen}")).await.json();
    assert_eq!(polled["events"].as_array().unwrap().len(), 1);
    assert_eq!(polled["events"][0]["id"], missed.as_str());
    let mut socket = websocket(&gate, &format!("room=hall&last_event_id={seen}")).await;
    assert_eq!(socket.json().await["recovered"], true);
    assert_eq!(socket.json().await["id"], missed.as_str());
    let mut sse = event_source(&gate, &format!("room=hall&lastEventId={seen}"), &[]).await;
    assert_eq!(field(&sse.event("rung").await, "id"), missed);
    // And back: the poll's cursor on the others.
    let cursor = polled["cursor"].as_str().unwrap();
    let last = publish(&gate, "hall", "3").await;
    let mut sse = event_source(&gate, "room=hall", &[("Last-Event-ID", cursor)]).await;
    assert_eq!(field(&sse.event("rung").await, "id"), last);
}

/// The real process, so that its memory is its own.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Its resident memory, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

#[tokio::test]
async fn one_slow_client_costs_a_fixed_amount_and_delays_nobody() {
    const SLOW: usize = 50;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatecast.toml");
    let log = "[log]\nbytes = \"8MiB\"\n";
    std::fs::write(
        &file,
        format!("listen = \"{free}\"\n{}\n{log}", configuration()),
    )
    .unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_gatecast"))
        .args(["serve", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let mut line = String::new();
    let stdout = process.0.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    assert!(line.starts_with("listening"), "{line}");

    let stream = request("GET", "/v1/stream?room=hall", &[SCREEN, EVENT_STREAM], "");
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut socket = Socket::open(free).await;
        socket.send(&stream).await;
        socket.until(b"event: welcome").await.unwrap();
        slow.push(socket);
    }
    let mut reader = Socket::open(free).await;
    reader.send(&stream).await;
    let (_, mut reader) = reader.open_body("GET").await;
    reader.event("welcome").await;
    let before = process.memory();

    // 20 MB to each of fifty that take nothing: a queue for each would be a gigabyte.
    let event = format!(
        r#"{{"room":"hall","event":"rung","data":"{}"}}"#,
        "x".repeat(4000)
    );
    let body = format!(r#"{{"events":[{}]}}"#, vec![event; 100].join(","));
    for _ in 0..50 {
        let mut socket = Socket::open(free).await;
        socket
            .send(request("POST", "/v1/publish", &[BACKEND], &body))
            .await;
        assert_eq!(socket.answer("POST").await.status(), 202);
        for _ in 0..100 {
            reader.event("rung").await;
        }
    }
    let grown = process.memory().saturating_sub(before);
    // The log (8 MiB, which it counts generously), 64 KiB for each slow client, and the allocator's slack.
    assert!(grown < 24 * 1024, "{grown} KiB for {SLOW} slow clients");
}

#[tokio::test]
async fn no_credential_no_event_and_rooms_are_authorised_again_at_each_resume() {
    use gatecast::auth::jwt::{Algorithm, sign};
    use gatecast::model::secret::Secret;

    let gate = Gate::start(&configuration()).await;
    let anonymous = gate.request("GET", "/v1/stream?room=hall", &[], "").await;
    assert_eq!(
        (anonymous.status(), anonymous.code()),
        (401, "unauthorized".into())
    );
    let wrong = [("X-API-Key", "wrong"), EVENT_STREAM];
    assert_eq!(
        gate.request("GET", "/v1/stream?room=hall", &wrong, "")
            .await
            .status(),
        401
    );

    // A resume keeps the rooms that are still granted, and says which are not.
    let id = publish(&gate, "office", "1").await;
    publish(&gate, "hall", "2").await;
    let answer = poll(&gate, &format!("room=hall&room=office&since={id}"))
        .await
        .json();
    assert_eq!(answer["gaps"][0]["reason"], "unauthorized");
    assert_eq!(answer["gaps"][0]["room"], "office");
    assert_eq!(answer["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        poll(&gate, &format!("room=office&since={id}"))
            .await
            .status(),
        403
    );

    // A credential that ends, ends its stream with it.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = serde_json::json!({"sub": "ann", "role": "screen", "exp": now + 60});
    let token = sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap();
    let bearer = format!("Bearer {token}");
    let mut socket = gate.connect().await;
    let headers = [("Authorization", bearer.as_str()), EVENT_STREAM];
    socket
        .send(request("GET", "/v1/stream", &headers, ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    assert!(body.event("welcome").await.contains(r#""principal":"ann""#));
    let expired = gate.hasten(Duration::from_secs(5), body.event("session_expired"));
    assert!(expired.await.contains("session_expired"));
    let end = gate.hasten(Duration::from_secs(1), body.end()).await;
    assert_eq!(end, Next::Cut);
    gate.hand.advance(Duration::from_secs(15)); // beyond the leeway for clocks that differ
    let again = gate
        .request("GET", "/v1/stream?room=hall", &headers[..1], "")
        .await;
    assert_eq!(again.status(), 401);
}

#[tokio::test]
async fn stopping_is_orderly_each_stream_ends_in_its_own_way_after_a_whole_frame() {
    let mut gate = Gate::start(&configuration()).await;
    let mut sse = event_source(&gate, "room=hall", &[]).await;
    sse.event("welcome").await;
    let mut socket = websocket(&gate, "room=hall").await;
    socket.text().await;
    let cursor = publish(&gate, "hall", "1").await;
    let mut poller = gate.connect().await;
    poller
        .send(request(
            "GET",
            &format!("/v1/stream?room=hall&since={cursor}"),
            &[SCREEN],
            "",
        ))
        .await;
    // Only once the poll is waiting is it one to be ended.
    gate.polls_wait(1).await;

    let clients = async {
        let bye = sse.event("bye").await;
        assert!(
            bye.contains(r#""code":"draining","reconnect":true"#),
            "{bye}"
        );
        assert_eq!(
            sse.end().await,
            Next::Cut,
            "a clean end would tell some clients to stay away"
        );
        assert!(sse.ahead.is_empty(), "half a block: {:?}", sse.ahead);
        assert_eq!(socket.closed().await.0, Some(3001));
        let answer = poller.answer("GET").await;
        let control = &answer.json()["control"];
        assert_eq!(control[0]["type"], "bye", "{}", answer.text());
    };
    tokio::join!(gate.stop(), clients);
}
