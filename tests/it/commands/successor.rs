//! One process is replaced by another on the same listening socket, which whoever started them holds.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::file;
use super::running::Running;
use crate::support::http::{Body, Next, request};
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;
use crate::support::{api_key, within};

const KEY: (&str, &str) = ("X-API-Key", "the-key-of-an-a");
const EVENT_STREAM: (&str, &str) = ("Accept", "text/event-stream");
const STREAM: &str = "/v1/stream?room=r";

/// A gateway that was given `socket`, as systemd gives it: as the descriptor 3.
fn start(socket: impl Into<OwnedFd>, configuration: &str) -> Running {
    let given = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" serve --config \"$1\"";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", given, env!("CARGO_BIN_EXE_gatecast"), configuration])
        .stdin(Stdio::from(socket.into()));
    Running::start(&mut shell)
}

fn configuration(listen: &str) -> (tempfile::TempDir, String) {
    let key = api_key("a", KEY.1, "a");
    let role = "[roles.a]\nsubscribe = [\"*\"]\npublish = [\"*\"]\n";
    file(&format!("listen = \"{listen}\"\n{key}{role}"))
}

/// Connections without a pause, each with one request, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(address: SocketAddr) -> Self {
        let (stop, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let begin = |_| {
            let (stop, answered) = (stop.clone(), answered.clone());
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match once(address) {
                        Ok(()) => _ = answered.fetch_add(1, Ordering::Relaxed),
                        Err(why) => failed.push(why),
                    }
                    if failed.len() > 20 {
                        break;
                    }
                }
                failed
            })
        };
        let threads = (0..4).map(begin).collect();
        Self {
            stop,
            answered,
            threads,
        }
    }

    /// Returns when so many more connections were answered.
    fn goes_on(&self, count: usize) {
        let wanted = self.answered.load(Ordering::Relaxed) + count;
        while self.answered.load(Ordering::Relaxed) < wanted {
            let is_live = self.threads.iter().any(|one| !one.is_finished());
            assert!(is_live, "nobody asks any more");
            std::thread::yield_now();
        }
    }

    /// What was not answered.
    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    }
}

fn once(address: SocketAddr) -> Result<(), String> {
    let step = |name: &str| {
        let name = name.to_owned();
        move |why: std::io::Error| format!("{name}: {why}")
    };
    let mut socket = TcpStream::connect(address).map_err(step("connect"))?;
    let patience = Some(std::time::Duration::from_secs(10));
    socket
        .set_read_timeout(patience)
        .map_err(step("patience"))?;
    socket
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
        .map_err(step("send"))?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).map_err(step("read"))?;
    if answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n") {
        Ok(())
    } else {
        Err(format!("answered {answer:?}"))
    }
}

/// An event stream from `cursor` on, and its `welcome`.
async fn event_stream(address: SocketAddr, cursor: Option<&str>) -> (Body, serde_json::Value) {
    let mut socket = Socket::open(address).await;
    let mut headers = vec![KEY, EVENT_STREAM];
    headers.extend(cursor.map(|cursor| ("Last-Event-ID", cursor)));
    socket.send(request("GET", STREAM, &headers, "")).await;
    let (head, mut body) = socket.open_body("GET").await;
    assert_eq!(head.status, 200);
    let welcome = data(&body.event("welcome").await);
    (body, welcome)
}

fn data(block: &str) -> serde_json::Value {
    let line = block.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

async fn websocket(address: SocketAddr, target: &str) -> (WebSocket, serde_json::Value) {
    let upgraded = WebSocket::upgrade(Socket::open(address).await, target, &[KEY]).await;
    let mut socket = upgraded.unwrap_or_else(|head| panic!("{head:?}"));
    let welcome = socket.json().await;
    (socket, welcome)
}

async fn publish(address: SocketAddr) -> String {
    let mut socket = Socket::open(address).await;
    let event = request("POST", "/v1/rooms/r/events", &[KEY], r#"{"event":"e"}"#);
    socket.send(event).await;
    let answer = socket.answer("POST").await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

#[tokio::test]
async fn a_process_is_replaced_under_load_and_no_connection_is_refused_and_each_stream_is_told_one_gap()
 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (_directory, path) = configuration(&address.to_string());
    let mut old = start(listener.try_clone().unwrap(), &path);
    assert_eq!(old.address(), address.to_string());
    let (mut streams, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        streams.push(event_stream(address, None).await);
        sockets.push(websocket(address, STREAM).await);
    }
    let last = publish(address).await;
    for ((stream, _), (socket, _)) in streams.iter_mut().zip(&mut sockets) {
        assert_eq!(data(&stream.event("e").await)["id"], last.as_str());
        assert_eq!(socket.json().await["id"], last.as_str());
    }

    let load = Load::on(address);
    load.goes_on(200);
    let mut new = start(listener.try_clone().unwrap(), &path);
    assert_eq!(new.address(), address.to_string());
    load.goes_on(200);
    old.signal("TERM");
    for (stream, _) in &mut streams {
        assert_eq!(data(&stream.event("bye").await)["code"], "draining");
        assert_eq!(stream.end().await, Next::Cut);
    }
    for (socket, _) in &mut sockets {
        assert_eq!(socket.json().await["code"], "draining");
        assert_eq!(socket.closed().await.0, Some(3001));
    }
    let (code, said) = old.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("every stream has ended in its own way"),
        "{said}"
    );
    load.goes_on(200);

    let mut back = Vec::new();
    for _ in 0..20 {
        back.push((
            event_stream(address, Some(&last)).await,
            websocket(address, &format!("{STREAM}&since={last}")).await,
        ));
    }
    let next = publish(address).await;
    for ((mut stream, welcome), (mut socket, opened)) in back {
        for welcome in [welcome, opened] {
            assert_eq!(welcome["recovered"], false, "{welcome}");
        }
        let gap = data(&stream.block().await.unwrap());
        assert_eq!((text(&gap["type"]), text(&gap["reason"])), ("gap", "epoch"));
        assert_eq!(
            data(&stream.block().await.unwrap())["id"],
            next.as_str(),
            "one gap, and then what comes"
        );
        let gap = socket.json().await;
        assert_eq!((text(&gap["type"]), text(&gap["reason"])), ("gap", "epoch"));
        assert_eq!(socket.json().await["id"], next.as_str());
    }
    load.goes_on(200);
    let failed = load.end();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        &failed[..failed.len().min(5)]
    );
    new.signal("TERM");
    assert_eq!(new.ended().0, Some(0));
}

#[tokio::test]
async fn the_file_of_a_unix_socket_that_somebody_else_has_opened_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatecast.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (_directory, configuration) = configuration(&format!("unix:{}", path.display()));
    for _ in 0..2 {
        let mut gateway = start(listener.try_clone().unwrap(), &configuration);
        assert!(gateway.prints().starts_with("listening on unix:"));
        let mut socket = Socket::over(tokio::net::UnixStream::connect(&path).await.unwrap());
        socket.send(request("GET", "/healthz", &[], "")).await;
        assert_eq!(within("health", socket.answer("GET")).await.status(), 200);
        gateway.signal("TERM");
        assert_eq!(gateway.ended().0, Some(0));
        assert!(path.exists(), "another process may be listening there");
    }
}

#[test]
fn a_socket_that_no_entry_names_and_one_that_does_not_listen_are_errors_that_say_so() {
    let (_directory, path) = configuration("127.0.0.1:0");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = TcpStream::connect(&address).unwrap();
    let plain = std::fs::File::open(&path).unwrap();
    for (given, says) in [
        (
            OwnedFd::from(listener),
            &*format!("a socket for {address} came with the process"),
        ),
        (OwnedFd::from(client), "it does not listen"),
        (OwnedFd::from(plain), "LISTEN_FDS"),
    ] {
        let mut gateway = start(given, &path);
        let (code, said) = gateway.ended();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(says), "{said}, and not {says}");
    }
}

#[test]
fn a_service_manager_is_told_when_it_serves_and_when_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    let (_directory, configuration) = configuration("127.0.0.1:0");
    let mut command = super::gatecast(&["serve", "--config", &configuration]);
    let gateway = Running::start(command.env("NOTIFY_SOCKET", &path));
    let told = || {
        let mut space = [0; 256];
        let length = manager.recv(&mut space).unwrap();
        String::from_utf8(space[..length].to_vec()).unwrap()
    };
    assert_eq!(told().trim_end(), "READY=1");
    TcpStream::connect(gateway.address()).unwrap();
    gateway.signal("TERM");
    assert_eq!(told().trim_end(), "STOPPING=1");
}
