//! A shard whose thread hangs: its clients see the end of what it cannot serve, and the others notice nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gatecast::lifecycle::clock::Clock;
use gatecast::server::endpoint::{Address, Endpoint, Scheme};
use gatecast::server::{Gateway, Settings, Watch};
use gatecast::service::Fallback;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::support::http::{Answer, request};
use crate::support::secrets;
use crate::support::socket::Socket;
use crate::support::websocket::UPGRADE;
use crate::support::within;

const CONFIGURATION: &str = r#"
    [auth]
    anonymous = "viewer"
    [roles.viewer]
    subscribe = ["r"]
"#;
/// Short for a test, and long for a thread that works: on a busy machine it may have to wait for its turn. It must miss
/// ten looks in a row, and who looks has to wait for its turn too.
const WATCH: Watch = Watch {
    beat: Duration::from_millis(200),
    missed: 10,
};

/// A gateway one of whose threads can be made to hang.
struct Gate {
    gateway: Gateway,
    hangs: Arc<Notify>,
    /// Lets the thread that hangs go on; so does the end of a test that fails.
    release: SyncSender<()>,
}

/// Of a program that blocks the thread which it is called on.
struct Door {
    hangs: Arc<Notify>,
    released: Mutex<Receiver<()>>,
}

impl Door {
    /// Answers with the name of the thread.
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() == "/hang" {
            self.hangs.notify_one();
            let _ = self.released.lock().unwrap().recv();
        }
        let thread = std::thread::current().name().unwrap().to_owned();
        Response::new(Full::new(Bytes::from(thread)))
    }
}

impl Gate {
    async fn start(shards: usize, path: &Path) -> Self {
        let (hangs, (release, released)) = (Arc::new(Notify::new()), sync_channel(1));
        let door = Arc::new(Door {
            hangs: hangs.clone(),
            released: Mutex::new(released),
        });
        let routes = service_fn(move |request: Request<Incoming>| {
            let door = door.clone();
            async move { Ok::<_, Infallible>(door.answer(&request)) }
        });
        secrets::watch(CONFIGURATION);
        let mut settings: Settings = gatecast::config::load(Some(CONFIGURATION), &[]).unwrap();
        settings.listen = vec![
            SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            Endpoint {
                address: Address::Unix(path.to_owned()),
                scheme: Scheme::Http,
            },
        ];
        settings.shards = Some(shards);
        settings.watch = WATCH;
        settings.drain_window = Duration::ZERO;
        settings.service.fallback = Some(Fallback::new(routes));
        let gateway = Gateway::start(settings, Clock::system()).await.unwrap();
        Self {
            gateway,
            hangs,
            release,
        }
    }

    async fn connect(&self) -> Socket {
        Socket::open(self.gateway.addresses().next().unwrap()).await
    }

    /// What is answered on a connection of its own, if anything is.
    async fn get(&self, target: &str) -> Option<Answer> {
        let mut socket = self.connect().await;
        socket.send(request("GET", target, &[], "")).await;
        socket.try_answer("GET").await
    }

    /// Returns once `target` is answered with `status` and, where one is given, `text`.
    async fn answers(&self, target: &str, status: u16, text: Option<&str>) {
        let is_so = |answer: &Answer| {
            answer.status() == status && text.is_none_or(|text| answer.text() == text)
        };
        within("an answer", async {
            while !self.get(target).await.as_ref().is_some_and(is_so) {}
        })
        .await;
    }

    /// Makes the thread hang on which a new connection lives; gives its name.
    async fn hang(&self) -> (String, Socket) {
        let (shard, mut socket) = live(self.connect().await).await;
        socket.send(request("GET", "/hang", &[], "")).await;
        within("the thread", self.hangs.notified()).await;
        (shard, socket)
    }
}

/// The name of the thread on which a connection lives.
async fn live(mut socket: Socket) -> (String, Socket) {
    socket.send(request("GET", "/where", &[], "")).await;
    (socket.answer("GET").await.text().to_owned(), socket)
}

async fn event_source(mut socket: Socket) -> Socket {
    let event_stream = [("Accept", "text/event-stream")];
    socket
        .send(request("GET", "/v1/stream?room=r", &event_stream, ""))
        .await;
    socket.until(b"event: welcome").await.unwrap();
    socket.until(b"\n\n\r\n").await.unwrap();
    socket
}

async fn websocket(mut socket: Socket) -> Socket {
    socket
        .send(request("GET", "/v1/stream?room=r", &UPGRADE, ""))
        .await;
    socket.until(b"\"type\":\"welcome\"").await.unwrap();
    socket.until(b"}").await.unwrap();
    socket
}

async fn poll(mut socket: Socket) -> Socket {
    let target = "/v1/stream?room=r&since=earliest&wait=55";
    socket.send(request("GET", target, &[], "")).await;
    socket
}

#[tokio::test]
async fn the_clients_of_a_shard_that_hangs_see_their_streams_end_and_the_others_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let gate = Gate::start(2, &path).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let (shard, socket) = live(gate.connect().await).await;
        streams.push((shard, event_source(socket).await));
    }
    for _ in 0..2 {
        let socket = Socket::over(UnixStream::connect(&path).await.unwrap());
        let (shard, socket) = live(socket).await;
        streams.push((shard, websocket(socket).await));
    }
    for _ in 0..2 {
        let (shard, socket) = live(gate.connect().await).await;
        streams.push((shard, poll(socket).await));
    }

    let (hung, mut cause) = gate.hang().await;
    // The gateway does not know yet, and gives one of these to the thread that hangs.
    let mut newcomers = [gate.connect().await, gate.connect().await];
    for socket in &mut newcomers {
        socket.send(request("GET", "/where", &[], "")).await;
    }
    let (mut its, mut others): (Vec<_>, Vec<_>) =
        streams.into_iter().partition(|(shard, _)| *shard == hung);
    assert_eq!((its.len(), others.len()), (3, 3), "each has its turn");
    for (_, socket) in &mut its {
        assert_eq!(socket.rest().await, b"", "it ends without another word");
    }
    assert_eq!(cause.rest().await, b"");
    for socket in &mut newcomers {
        let answer = socket.try_answer("GET").await;
        assert!(
            answer.is_none_or(|answer| answer.text() == others[0].0),
            "it ends, or another serves it"
        );
    }

    let publisher = gate.gateway.publisher();
    publisher.publish(&["r"], "e", &"news").await.unwrap();
    for (_, socket) in &mut others {
        assert!(socket.until(b"\"news\"").await.is_some());
    }
    for _ in 0..4 {
        let answer = gate.get("/where").await.unwrap();
        assert_eq!(answer.text(), others[0].0, "new clients are served");
    }
    let number = hung.strip_prefix("shard-").unwrap();
    for probe in ["/healthz", "/readyz"] {
        let red = gate.get(probe).await.unwrap();
        assert_eq!((red.status(), red.code()), (503, "unavailable".into()));
        assert_eq!(red.json()["detail"], format!("shard {number} hangs"));
    }

    gate.release.send(()).unwrap();
    gate.answers("/readyz", 200, None).await;
    gate.answers("/healthz", 200, None).await;
    gate.answers("/where", 200, Some(&hung)).await;
    drop(others);
    assert_eq!(gate.gateway.drain().await, [], "nothing is left of them");
}

#[tokio::test]
async fn where_every_shard_hangs_a_client_is_sent_elsewhere_and_not_left_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let gate = Gate::start(1, &directory.path().join("socket")).await;
    let (_, mut cause) = gate.hang().await;
    assert_eq!(cause.rest().await, b"");
    for target in ["/where", "/healthz", "/readyz"] {
        assert!(gate.get(target).await.is_none(), "{target}");
    }
    gate.release.send(()).unwrap();
    gate.answers("/readyz", 200, None).await;
}
