//! A drain while events pour in and credentials are renewed: each stream ends after a whole frame and has every event up
//! to there, over each transport and each version of HTTP.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::{join, join_all};
use h2::Reason;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::admin::{SECRET, bearer, data, token};
use crate::support::http::{self, Body, Head, Next};
use crate::support::http2::{End, Http2, Streamed};
use crate::support::socket::Socket;
use crate::support::websocket::{Message, WebSocket};
use crate::support::{Gate, KEY};

const EVENT_STREAM: (&str, &str) = ("accept", "text/event-stream");
const TARGET: &str = "/v1/stream?room=r";
const EACH: usize = 6;

/// What a client was told: the ids of its events, and what it heard of the end.
type Told = (Vec<String>, Vec<String>);

/// Takes a message; `got` says how many events that makes.
fn note(told: &mut Told, message: &Value, got: &Cell<usize>) {
    match (&message["id"], &message["type"]) {
        (Value::String(id), _) => {
            told.0.push(id.clone());
            got.set(told.0.len());
        }
        (_, Value::String(kind)) if !matches!(kind.as_str(), "heartbeat" | "ack" | "welcome") => {
            told.1.push(kind.clone());
        }
        _ => {}
    }
}

async fn reads_sse(mut body: Body, got: &Cell<usize>) -> Told {
    let mut told = Told::default();
    while let Some(block) = body.block().await {
        note(&mut told, &data(&block), got);
    }
    assert_eq!(body.end().await, Next::Cut, "an EventSource comes back");
    told
}

async fn reads_sse_over_http2(mut stream: Streamed, got: &Cell<usize>) -> Told {
    let mut told = Told::default();
    loop {
        match stream.block().await {
            Ok(block) => note(&mut told, &data(&block), got),
            Err(end) => {
                assert_eq!(end, End::Reset(Reason::INTERNAL_ERROR));
                assert!(stream.unread().is_empty(), "a frame was cut");
                return told;
            }
        }
    }
}

/// Reads, and renews its credential whenever so many events have come.
async fn reads_websocket(
    mut socket: WebSocket,
    renewal: Option<String>,
    renewed: &Cell<usize>,
    got: &Cell<usize>,
) -> Told {
    let mut told = Told::default();
    loop {
        match socket.next().await {
            Some(Message::Text(text)) => {
                note(&mut told, &serde_json::from_str(&text).unwrap(), got);
            }
            Some(Message::Close(code, _)) => {
                assert_eq!(code, Some(3001));
                return told;
            }
            Some(Message::Ping(_) | Message::Pong(_)) => {}
            None => panic!("the connection ended without a close frame: {:?}", told.1),
        }
        if let Some(token) = renewal
            .as_ref()
            .filter(|_| told.0.len() % 20 == 7 && told.1.is_empty())
        {
            let text = format!(r#"{{"type":"auth","ref":1,"token":"{token}"}}"#);
            let bytes = crate::support::websocket::frame(0x81, true, text.as_bytes());
            // It may have ended meanwhile.
            socket.socket.try_send(bytes).await;
            renewed.set(renewed.get() + 1);
        }
    }
}

async fn polls(mut socket: Socket, mut since: String, got: &Cell<usize>) -> Told {
    let mut told = Told::default();
    loop {
        let target = format!("{TARGET}&since={since}");
        socket.send(http::request("GET", &target, &[KEY], "")).await;
        let Some(answer) = socket.try_answer("GET").await else {
            return told;
        };
        let answer = answer.json();
        if answer["cursor"].is_null() {
            return told;
        }
        for message in answer["events"].as_array().unwrap() {
            note(&mut told, message, got);
        }
        for message in answer["control"].as_array().unwrap() {
            note(&mut told, message, got);
        }
        if !told.1.is_empty() {
            return told;
        }
        answer["cursor"].as_str().unwrap().clone_into(&mut since);
    }
}

async fn http2(gate: &Gate) -> Http2 {
    Http2::on(TcpStream::connect(gate.address()).await.unwrap()).await
}

async fn tunnel(http2: &mut Http2) -> WebSocket {
    let (head, socket) = http2.tunnel(TARGET, &[KEY]).await;
    assert_eq!(head.status, 200);
    let head = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n");
    let mut socket = WebSocket { socket, head };
    assert_eq!(socket.json().await["type"], "welcome");
    socket
}

#[tokio::test]
async fn each_stream_has_every_event_up_to_its_end_and_ends_after_a_whole_frame() {
    let jwt = format!("[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n");
    let more = "[roles.viewer]\nsubscribe = [\"r\"]\n[rooms.r.history]\nevents = 1000000\n\
                [limits]\nmessages = \"100000/s\"\n[server]\ndrain = \"20s\"\ndrain_window = \"3s\"\n";
    let mut gate = Gate::open(&jwt, more).await;
    let publisher = gate.gateway().publisher();
    let first = publisher
        .publish(&["r"], "e", &0)
        .await
        .unwrap()
        .to_string();
    let (published, renewed) = (RefCell::new(Vec::new()), Cell::new(0));
    let got = vec![Cell::new(0); 4 * EACH + 1];
    let mut readers: Vec<std::pin::Pin<Box<dyn Future<Output = Told> + '_>>> = Vec::new();
    let mut shared = http2(&gate).await;
    for (number, got) in got.chunks_exact(4).enumerate() {
        let mut socket = gate.connect().await;
        socket
            .send(http::request("GET", TARGET, &[KEY, EVENT_STREAM], ""))
            .await;
        let (_, mut body) = socket.open_body("GET").await;
        body.event("welcome").await;
        readers.push(Box::pin(reads_sse(body, &got[0])));
        let mut stream = shared.open("GET", TARGET, &[KEY, EVENT_STREAM], None).await;
        assert!(stream.block().await.unwrap().contains("event: welcome"));
        readers.push(Box::pin(reads_sse_over_http2(stream, &got[1])));
        readers.push(Box::pin(reads_websocket(
            tunnel(&mut shared).await,
            None,
            &renewed,
            &got[2],
        )));
        let token = token(&gate, &format!("c{number}"), None);
        let (socket, _) = crate::admin::websocket(&gate, ("authorization", &bearer(&token))).await;
        let reads = reads_websocket(socket, Some(token), &renewed, &got[3]);
        readers.push(Box::pin(reads));
    }
    let over = Cell::new(false);
    let publishing = async {
        while !over.get() {
            for _ in 0..5 {
                let position = publisher.publish(&["r"], "e", &1).await.unwrap();
                published.borrow_mut().push(position.to_string());
            }
            tokio::task::yield_now().await;
        }
    };
    let poller = polls(gate.connect().await, first, &got[4 * EACH]);
    let mut all = Box::pin(join(join_all(readers), poller));
    let mut publishing = Box::pin(publishing);
    // Until each is in the middle of it, however busy the machine is.
    let begun = async {
        while got.iter().any(|got| got.get() < 200) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = begun => {}
        _ = &mut all => panic!("ended before the drain"),
        () = &mut publishing => {}
    }
    let drained = gate.begin_stop().await;
    let told = tokio::select! {
        told = gate.hasten(Duration::from_millis(50), &mut all) => told,
        () = &mut publishing => unreachable!("it goes on"),
    };
    assert_eq!(
        gate.hasten(Duration::from_millis(50), drained)
            .await
            .unwrap(),
        []
    );
    over.set(true);
    drop(publishing);
    let published = published.into_inner();
    let (streams, poll) = told;
    // Between two polls there is nobody to be told.
    assert!(poll.1.is_empty() || poll.1 == ["bye"], "{:?}", poll.1);
    assert!(streams.iter().all(|(_, told)| told == &["bye"]));
    for (number, (ids, _)) in streams.iter().chain([&poll]).enumerate() {
        assert!(ids.len() >= 100, "reader {number} got {}", ids.len());
        assert_eq!(ids[..], published[..ids.len()], "reader {number}");
    }
    assert!(renewed.get() > 2 * EACH, "{}", renewed.get());
}
