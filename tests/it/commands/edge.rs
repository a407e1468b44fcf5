//! What `gatecast serve` tells its operator of clients that are not let in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::running::Running;
use super::{file, gatecast};

/// Two listeners, of which the second is for the PROXY protocol.
fn serve(more: &str) -> (tempfile::TempDir, Running, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = free.local_addr().unwrap();
    drop(free);
    let (directory, path) = file(&format!(
        "listen = [\"127.0.0.1:0\", \"{other}\"]\n[server]\nproxy_protocol = \"{other}\"\n{more}"
    ));
    let gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    (directory, gateway, other.to_string())
}

/// All that is answered to these bytes.
fn exchange(address: &str, bytes: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    // A connection that is reset has said nothing more either.
    let _ = socket.read_to_string(&mut answer);
    answer
}

fn get(more: &str) -> String {
    format!("GET /v1/negotiate HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n{more}\r\n")
}

#[test]
fn who_is_refused_is_named_by_the_address_that_a_trusted_proxy_gives() {
    let (_directory, gateway, announced) = serve("trusted_proxies = [\"127.0.0.1\"]\n");
    let address = gateway.address();
    exchange(&address, &get("X-Forwarded-For: 203.0.113.7\r\n"));
    gateway.says_that("peer=203.0.113.7 ");
    let line = "PROXY TCP4 203.0.113.8 192.0.2.2 4711 443\r\n";
    exchange(&announced, &format!("{line}{}", get("")));
    gateway.says_that("peer=203.0.113.8:4711 ");
}

#[test]
fn a_proxy_that_is_turned_away_is_named_once_with_the_reason() {
    let (_directory, mut gateway, announced) = serve("trusted_proxies = [\"10.0.0.0/8\"]\n");
    gateway.address();
    for _ in 0..3 {
        assert_eq!(exchange(&announced, &get("")), "");
    }
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    assert_eq!(
        said.matches("server.trusted_proxies may connect").count(),
        1,
        "{said}"
    );
}

#[test]
fn an_origin_that_is_refused_is_named_once_with_the_line_that_would_let_it_in() {
    let (_directory, mut gateway, _) =
        serve("trusted_proxies = [\"127.0.0.1\"]\n[cors]\norigins = [\"https://app.example\"]\n");
    let address = gateway.address();
    for origin in [
        "https://other.example",
        "https://other.example",
        "https://app.example",
        "http://gate",
        "null",
        "https://a\"b]",
    ] {
        exchange(&address, &get(&format!("Origin: {origin}\r\n")));
    }
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    let line = "if they are yours, write [cors] origins = [\"https://app.example\", \"https://other.example\"]";
    assert_eq!(said.matches(line).count(), 1, "{said}");
    assert_eq!(
        said.matches("may not use the gateway").count(),
        2,
        "and of `null`: {said}"
    );
}

#[test]
fn a_limit_of_open_files_that_is_low_lowers_the_limit_of_connections_and_says_so() {
    let (_directory, path) = file("listen = \"127.0.0.1:0\"\n");
    let binary = env!("CARGO_BIN_EXE_gatecast");
    let limited = format!("ulimit -n 400; exec {binary} serve --config {path}");
    let mut shell = std::process::Command::new("sh");
    let gateway = Running::start(shell.args(["-c", &limited]));
    let address = gateway.address();
    let line = gateway.says_that("limits.connections is lowered");
    assert!(line.contains("400"), "{line}");
    // More connections than that, and it still serves those that are there.
    let mut held: Vec<_> = (0..300)
        .filter_map(|_| TcpStream::connect(&address).ok())
        .collect();
    let first = held.first_mut().unwrap();
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    gateway.signal("TERM");
}
