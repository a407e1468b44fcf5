//! The gateway itself, in this process, behind real sockets, with its clock in our hand.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use gatecast::lifecycle::clock::{Clock, Hand};
use gatecast::server::Gateway;

use super::clients::carrier::{Carrier, Shared, Way};
use super::clients::http::Response;
use super::clients::link::Link;
use super::record::{Opening, Start, Transport};
use super::run::{Get, Post, SENDER, Taken, World};
use super::script::{Deliver, Draft, PRINCIPALS, Script, Source};
use crate::support::tls::Certificate;
use crate::support::{api_key, patiently, secrets};

/// The key of each who reads.
const READERS: [&str; 2] = ["a-key-of-the-viewer", "a-key-of-the-guest"];
const PUBLISHER: &str = "a-key-of-the-publisher";
const RELAY: &str = "a-key-of-the-relay";

/// One gateway after the other.
pub(super) struct Real {
    gateway: Option<Gateway>,
    address: SocketAddr,
    secure: SocketAddr,
    /// An HTTP/2 connection that some of the streams share.
    shared: Option<Shared>,
    clock: Clock,
    hand: Hand,
    toml: String,
    opened: usize,
    /// Whether every other client has a narrow window.
    narrow: bool,
}

impl Real {
    pub(super) async fn start(script: &Script) -> Self {
        let (clock, hand) = Clock::manual();
        let toml = configuration(script);
        let gateway = launch(&toml, &clock).await;
        let (address, secure) = both(&gateway);
        let narrow = script.seed % 3 == 1;
        Self {
            gateway: Some(gateway),
            address,
            secure,
            shared: None,
            clock,
            hand,
            toml,
            opened: 0,
            narrow,
        }
    }

    /// Ends it in its own way. Its clock moves only if it waits for that.
    pub(super) async fn stop(&mut self) {
        let Some(gateway) = self.gateway.take() else {
            return;
        };
        let mut drained = pin!(gateway.drain());
        for _ in 0..400 {
            if patiently(Duration::from_millis(25), drained.as_mut())
                .await
                .is_some()
            {
                return;
            }
            self.hand.advance(Duration::from_secs(1));
        }
        panic!("the gateway did not stop");
    }

    /// Half of the streams go in clear text over HTTP/1.1, the others over TLS and HTTP/2 in turn.
    fn way(&self) -> Way {
        let turn = self.opened % 8;
        Way {
            clear: self.address,
            secure: self.secure,
            tls: matches!(turn, 1 | 3 | 5),
            http2: matches!(turn, 3 | 5 | 7),
            narrow: self.narrow && self.opened % 3 == 1,
        }
    }

    /// On a connection of its own, or on one that is shared where it is as wide as others.
    async fn http2(&mut self, way: &Way, request: &str) -> Carrier {
        if let (Some(shared), false) = (&self.shared, way.narrow)
            && let Some(carrier) = Carrier::http2(shared, request).await
        {
            return carrier;
        }
        let connection = way.http2(certificate()).await;
        let carrier = Carrier::http2(&connection, request).await;
        if !way.narrow && self.opened.is_multiple_of(2) != way.tls {
            self.shared = Some(connection);
        }
        carrier.unwrap()
    }

    async fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let request = request("POST", target, headers, body);
        let mut link = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let mut response = Response::new();
        let exchange = async {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            link.write_all(request.as_bytes()).await.unwrap();
            let mut chunk = vec![0; 4096];
            while !response.whole() {
                let count = link.read(&mut chunk).await.unwrap();
                assert!(count > 0, "no answer to a POST of {target}");
                response.feed(&chunk[..count]);
            }
        };
        let answered = patiently(Duration::from_secs(20), exchange).await;
        assert!(
            answered.is_some(),
            "no answer to a POST of {target} in 20 s"
        );
        (response.status, String::from_utf8(response.body).unwrap())
    }
}

impl World for Real {
    type Link = Link;

    async fn publish(&mut self, post: &Post) -> (u16, String) {
        let key = if post.sender { RELAY } else { PUBLISHER };
        let bearer = format!("Bearer {key}");
        let mut headers = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        headers.extend(post.key.iter().map(|key| ("Idempotency-Key", key.as_str())));
        match &post.events[..] {
            [draft] if draft.rooms.len() == 1 && !post.spoilt => {
                let target = format!("/v1/rooms/{}/events", draft.rooms[0]);
                self.post(&target, &headers, &format!("{{{}}}", draft.members()))
                    .await
            }
            several => {
                self.post("/v1/publish", &headers, &batch(several, post.spoilt))
                    .await
            }
        }
    }

    async fn open(&mut self, get: &Get) -> Link {
        self.opened += 1;
        let way = self.way();
        let (request, certificate) = (opening(get), certificate());
        let carrier = match way.http2 {
            true => self.http2(&way, &request).await,
            false => Carrier::http1(&way, certificate, &request).await,
        };
        Link::new(carrier, get.opening.transport, greeting(&get.opening))
    }

    async fn read(&mut self, link: &mut Link, bytes: usize) -> Taken {
        link.read(bytes).await
    }

    async fn send(&mut self, link: &mut Link, text: &str) {
        link.say(text).await;
    }

    async fn tell(&mut self, principal: &str, stream: &str, text: &str) -> (u16, String) {
        let bearer = format!("Bearer {}", key_of(principal));
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        self.post(&format!("/v1/messages?stream={stream}"), &headers, text)
            .await
    }

    fn advance(&mut self, span: Duration) {
        self.hand.advance(span);
    }

    async fn restart(&mut self) {
        self.stop().await;
        let gateway = launch(&self.toml, &self.clock).await;
        (self.address, self.secure) = both(&gateway);
        self.shared = None;
        self.gateway = Some(gateway);
    }

    async fn linger(&mut self, round: usize) {
        let pause = Duration::from_millis(((round * round) / 4).min(200) as u64);
        patiently(pause, std::future::pending::<()>()).await;
    }
}

/// The key of this reader.
fn key_of(principal: &str) -> &'static str {
    let place = PRINCIPALS.iter().position(|name| *name == principal);
    READERS[place.unwrap()]
}

/// One for all runs.
fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(Certificate::new)
}

/// The address in clear text, and the one over TLS.
fn both(gateway: &Gateway) -> (SocketAddr, SocketAddr) {
    let mut addresses = gateway.addresses();
    (addresses.next().unwrap(), addresses.next().unwrap())
}

async fn launch(toml: &str, clock: &Clock) -> Gateway {
    secrets::watch(toml);
    let settings = gatecast::config::load(Some(toml), &[]);
    let settings =
        settings.unwrap_or_else(|mistakes| panic!("the configuration is wrong:\n{mistakes}"));
    Gateway::start(settings, clock.clone()).await.unwrap()
}

fn configuration(script: &Script) -> String {
    let listen = "listen = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n";
    let mut toml = listen.to_owned() + &certificate().toml();
    for (name, key) in [("publisher", PUBLISHER), (SENDER, RELAY)] {
        toml += &api_key(name, key, name);
    }
    for name in PRINCIPALS {
        toml += &api_key(name, key_of(name), "viewer");
    }
    toml += "[roles.viewer]\nsubscribe = [\"r:*\"]\n";
    toml += "[roles.publisher]\npublish = [\"r:*\", \"s:*\"]\n";
    let _ = writeln!(
        toml,
        "[roles.{SENDER}]\npublish = [\"r:*\", \"s:*\"]\nsender = true"
    );
    for rule in &script.rules {
        let (room, events, age) = (rule.room, rule.events, rule.age_seconds);
        let _ = writeln!(
            toml,
            "[rooms.\"{room}\"]\nhistory = {{ events = {events}, age = \"{age}s\" }}"
        );
        toml += &deliver(rule.deliver);
        if rule.disconnects {
            toml += "overflow = \"disconnect\"\n";
        }
    }
    let _ = writeln!(toml, "[log]\nkind = \"memory\"\nevents = {}", script.total);
    toml += "[socketio]\nrecovery = \"2m\"\n";
    toml += "[socketio.namespaces.\"/\"]\nmeta = true\nrecovery = true\n";
    // A client that stays away from a stream for long is no client that stalls: scripts move the clock by minutes while
    // a stream's window is closed, and tests of their own give such streams up.
    toml + "[server.timeouts]\nwrite_stall = \"10m\"\n[limits]\nmessages = \"100000/s\"\n"
}

fn deliver(policy: Deliver) -> String {
    let every = policy.every().unwrap_or_default().as_millis();
    match policy {
        Deliver::All => String::new(),
        Deliver::Latest => "deliver = { mode = \"latest\" }\n".to_owned(),
        Deliver::Conflate { field: false, .. } => {
            format!("deliver = {{ mode = \"conflate\", every = \"{every}ms\" }}\n")
        }
        Deliver::Conflate { field: true, .. } => {
            format!("deliver = {{ mode = \"conflate\", key = \"k\", every = \"{every}ms\" }}\n")
        }
        Deliver::Batch { .. } => {
            format!("deliver = {{ mode = \"batch\", every = \"{every}ms\" }}\n")
        }
    }
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: gateway.test\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if method == "POST" {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

fn batch(drafts: &[Draft], spoilt: bool) -> String {
    let mut events: Vec<_> = drafts
        .iter()
        .map(|draft| {
            let rooms = match &draft.rooms[..] {
                [room] => format!(r#""room": "{room}""#),
                several => format!(r#""rooms": {}"#, serde_json::to_string(several).unwrap()),
            };
            format!("{{{rooms}, {}}}", draft.members())
        })
        .collect();
    if spoilt {
        events.insert(
            1,
            r#"{"room": "r:busy", "event": "welcome", "data": 1}"#.to_owned(),
        );
    }
    format!(r#"{{"events": [{}]}}"#, events.join(","))
}

/// What a client of Socket.IO joins the main namespace with: who it is, and who it was.
fn greeting(opening: &Opening) -> Option<String> {
    if opening.transport != Transport::SocketIo {
        return None;
    }
    let key = key_of(opening.principal);
    let mut auth = serde_json::json!({"apiKey": key});
    if let Some(pid) = &opening.pid {
        auth["pid"] = pid.as_str().into();
        if let Start::At(offset) = &opening.start {
            auth["offset"] = offset.as_str().into();
        }
    }
    Some(format!("40{auth}"))
}

/// The request that opens a stream, asks for a poll, or for a page.
fn opening(get: &Get) -> String {
    let opening = &get.opening;
    let mut headers = Vec::new();
    let mut query: Vec<(&str, String)> = Vec::new();
    if opening.transport == Transport::SocketIo {
        query.push(("EIO", "4".to_owned()));
        query.push(("transport", "websocket".to_owned()));
    } else {
        // A namespace is joined with a credential of its own.
        let bearer = format!("Bearer {}", key_of(opening.principal));
        headers.push(("Authorization", bearer));
    }
    let history = opening.transport == Transport::History;
    match opening.transport {
        Transport::WebSocket | Transport::SocketIo => {
            for (name, value) in [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                headers.push((name, value.to_owned()));
            }
        }
        Transport::Sse => headers.push(("Accept", "text/event-stream".to_owned())),
        Transport::LongPoll if get.wait > 0 => query.push(("wait", get.wait.to_string())),
        Transport::LongPoll => query.push(("wait", "0".to_owned())),
        Transport::History => query.push(("limit", "5".to_owned())),
    }
    if !history && opening.transport != Transport::SocketIo {
        query.extend(opening.rooms.iter().map(|room| ("room", room.clone())));
    }
    if opening.snapshot {
        query.push(("snapshot", "1".to_owned()));
    }
    query.extend(opening.origin.map(|name| ("origin", name.to_owned())));
    if opening.transport != Transport::SocketIo {
        begins_at(get, &mut headers, &mut query);
    }
    let path = match opening.transport {
        Transport::History => format!("/v1/rooms/{}/events", opening.rooms[0]),
        Transport::SocketIo => "/socket.io/".to_owned(),
        Transport::WebSocket | Transport::Sse | Transport::LongPoll => "/v1/stream".to_owned(),
    };
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    request("GET", &format!("{path}?{}", query.join("&")), &headers, "")
}

/// Where the client wants to begin; over Socket.IO that is said when the namespace is joined.
fn begins_at(get: &Get, headers: &mut Vec<(&str, String)>, query: &mut Vec<(&str, String)>) {
    let opening = &get.opening;
    let history = opening.transport == Transport::History;
    match &opening.start {
        Start::Now => {}
        Start::Earliest => query.push(("since", "earliest".to_owned())),
        Start::Rewind(count) => query.push(("rewind", count.to_string())),
        Start::At(cursor) if history => query.push(("since", cursor.clone())),
        Start::At(cursor) | Start::Unreadable(cursor) => {
            let decoy = get.decoy.clone();
            match get.source {
                Source::Header => {
                    headers.push(("Last-Event-ID", cursor.clone()));
                    query.extend(decoy.map(|decoy| ("since", decoy)));
                }
                Source::Since => {
                    query.push(("since", cursor.clone()));
                    query.extend(decoy.map(|decoy| ("last_event_id", decoy)));
                }
                Source::Underscored => {
                    query.extend(decoy.map(|decoy| ("lastEventId", decoy)));
                    query.push(("last_event_id", cursor.clone()));
                }
                Source::CamelCase => {
                    query.extend(decoy.map(|_| ("rewind", "3".to_owned())));
                    query.push(("lastEventId", cursor.clone()));
                }
            }
        }
    }
}
