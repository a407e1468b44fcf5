//! Where a gateway listens: several endpoints at once, and Unix sockets.

use std::os::unix::net::UnixListener;
use std::path::Path;

use gatecast::lifecycle::clock::Clock;
use gatecast::server::Gateway;
use tokio::net::UnixStream;

use crate::support::api_key;
use crate::support::http::request;
use crate::support::secrets;
use crate::support::socket::Socket;
use crate::support::tls::Certificate;

async fn start(toml: &str) -> std::io::Result<Gateway> {
    secrets::watch(toml);
    let settings = gatecast::config::load(Some(toml), &[]).unwrap_or_else(|why| panic!("{why}"));
    Gateway::start(settings, Clock::system()).await
}

async fn answers(mut socket: Socket) -> bool {
    socket.send(request("GET", "/healthz", &[], "")).await;
    socket.answer("GET").await.text() == "ok\n"
}

async fn on_unix(path: &Path) -> Socket {
    Socket::over(UnixStream::connect(path).await.unwrap())
}

#[tokio::test]
async fn one_gateway_listens_in_clear_text_over_tls_and_on_a_unix_socket() {
    let (certificate, directory) = (Certificate::new(), tempfile::tempdir().unwrap());
    let path = directory.path().join("gatecast.sock");
    let listen = format!(
        "listen = [\"http://127.0.0.1:0\", \"127.0.0.1:0\", \"unix:{}\"]\n",
        path.display()
    );
    let gateway = start(&(listen + &certificate.toml())).await.unwrap();
    let shown: Vec<String> = gateway
        .endpoints()
        .iter()
        .map(ToString::to_string)
        .collect();
    let tcp: Vec<_> = gateway.addresses().collect();
    assert_eq!(shown[0], format!("http://{}", tcp[0]));
    assert_eq!(shown[1], format!("https://{}", tcp[1]));
    assert_eq!(shown[2], format!("unix:{}", path.display()));
    assert!(answers(Socket::open(tcp[0]).await).await);
    assert!(answers(Socket::over(certificate.speak(tcp[1], "http/1.1").await)).await);
    assert!(answers(on_unix(&path).await).await);
    gateway.drain().await;
    assert!(!path.exists(), "the socket's file goes with the gateway");
}

#[tokio::test]
async fn the_socket_that_a_killed_process_left_behind_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatecast.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let gateway = start(&format!("listen = \"unix:{}\"\n", path.display()))
        .await
        .unwrap();
    assert!(answers(on_unix(&path).await).await);
    gateway.drain().await;
}

#[tokio::test]
async fn a_socket_at_which_somebody_answers_and_a_file_that_is_none_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (taken, file) = (
        directory.path().join("taken"),
        directory.path().join("file"),
    );
    let _other = UnixListener::bind(&taken).unwrap();
    std::fs::write(&file, "a file").unwrap();
    for path in [&taken, &file] {
        let failed = start(&format!("listen = \"unix:{}\"\n", path.display())).await;
        assert_eq!(failed.err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a file");
}

#[tokio::test]
async fn probes_read_metrics_and_health_without_a_credential_where_nothing_else_is_served() {
    let listen = "listen = \"127.0.0.1:0\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n[limits]\nconnections = 1\n";
    let gateway = start(listen).await.unwrap();
    let address = gateway.probes()[0].to_string();
    let address = address.strip_prefix("http://").unwrap().parse().unwrap();
    let _full = Socket::open(gateway.addresses().next().unwrap()).await;
    for (target, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/v1/stream?room=r", 404),
        ("/v1/negotiate", 404),
        ("/", 404),
    ] {
        let mut socket = Socket::open(address).await;
        socket.send(request("GET", target, &[], "")).await;
        assert_eq!(socket.answer("GET").await.status(), status, "{target}");
    }
    gateway.drain().await;
}

#[tokio::test]
async fn operators_with_a_listener_of_their_own_are_found_there_and_nowhere_else() {
    let role = "[roles.a]\nadmin = true\n[roles.b]\nsubscribe = [\"r\"]\n";
    let keys = api_key("a", "the-operators-key", "a") + &api_key("b", "the-viewers-key", "b");
    let listen = "listen = \"127.0.0.1:0\"\n";
    let own = "[admin]\nlisten = \"127.0.0.1:0\"\n";
    let gateway = start(&format!("{listen}{keys}{role}{own}")).await.unwrap();
    let clients = gateway.addresses().next().unwrap();
    let own = gateway.operators()[0].to_string();
    let own = own.strip_prefix("http://").unwrap().parse().unwrap();
    for (target, key, there, elsewhere) in [
        ("/v1/admin/streams", "the-operators-key", 200, 404),
        ("/v1/admin/streams", "the-viewers-key", 403, 404),
        ("/metrics", "the-operators-key", 200, 200),
        ("/metrics", "the-viewers-key", 403, 403),
        ("/healthz", "the-viewers-key", 200, 200),
        ("/v1/negotiate", "the-viewers-key", 404, 200),
        ("/v1/stream?room=r", "the-viewers-key", 404, 200),
    ] {
        for (address, status) in [(own, there), (clients, elsewhere)] {
            let mut socket = Socket::open(address).await;
            let headers = [("x-api-key", key)];
            socket.send(request("GET", target, &headers, "")).await;
            let answer = socket.answer("GET").await;
            assert_eq!(answer.status(), status, "{target} with {key} on {address}");
        }
    }
    let mut socket = Socket::open(own).await;
    socket
        .send(request("GET", "/v1/admin/streams", &[], ""))
        .await;
    assert_eq!(socket.answer("GET").await.status(), 401);
    gateway.drain().await;
}
