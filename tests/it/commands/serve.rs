//! `gatecast serve`, from its first line to its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use super::running::Running;
use super::{SECRET, file, gatecast, site};
use crate::support::secrets::WATCH;

#[test]
fn serve_says_where_it_listens_and_ends_in_order_on_sigterm_and_on_ctrl_c() {
    for signal in ["TERM", "INT"] {
        let (_directory, path) = file(&site());
        let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
        let address = gateway.address();
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        socket
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        gateway.signal(signal);
        let (code, said) = gateway.ended();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("stopping"), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn serve_without_a_credential_says_how_to_make_one() {
    let mut command = gatecast(&["serve"]);
    command.env("GATECAST__LISTEN", "127.0.0.1:0");
    let mut gateway = Running::start(&mut command);
    gateway.address();
    gateway.signal("TERM");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(0));
    assert!(
        said.contains("hint: the embedded default has no credential"),
        "{said}"
    );
    assert!(said.contains("gatecast key NAME --role ROLE"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = gatecast(&["serve"]);
    command.env("GATECAST__LISTEN", &address);
    let mut gateway = Running::start(&mut command);
    assert_eq!(gateway.prints(), "", "it does not claim to listen");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&address) && said.contains("GATECAST__LISTEN"),
        "{said}"
    );
}

/// A gateway with `drain` as its deadline, and a publish that will not end: the gateway has asked for the body.
fn with_a_request_under_way(drain: &str) -> (tempfile::TempDir, Running, std::net::TcpStream) {
    let (key, sha256) = gatecast::auth::api_key::mint([7; 32]);
    WATCH.keep(&key);
    let (directory, path) = file(&format!(
        "listen = \"127.0.0.1:0\"\nserver.drain = \"{drain}\"\nserver.timeouts.body = \"10m\"\n\
         [roles.backend]\npublish = [\"*\"]\n\
         [[auth.api_key]]\nname = \"backend\"\nsha256 = \"{sha256}\"\nrole = \"backend\"\n"
    ));
    let gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let mut socket = std::net::TcpStream::connect(gateway.address()).unwrap();
    let head = format!(
        "POST /v1/rooms/a/events HTTP/1.1\r\nHost: gate\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(&socket).read_line(&mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n");
    (directory, gateway, socket)
}

#[test]
fn a_second_signal_ends_at_once_what_an_orderly_stop_still_waits_for() {
    let (_directory, mut gateway, _socket) = with_a_request_under_way("10m");
    gateway.signal("TERM");
    gateway.says_that("stopping");
    gateway.signal("TERM");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(1));
    assert!(said.contains("second signal"), "{said}");
}

#[test]
fn an_orderly_stop_ends_at_its_deadline_and_says_what_it_cut_off() {
    let (_directory, mut gateway, _socket) = with_a_request_under_way("50ms");
    gateway.signal("INT");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(0));
    assert!(said.contains("cut off at the deadline"), "{said}");
}

#[test]
fn log_lines_are_json_where_the_configuration_says_so() {
    let (_directory, path) = file(&format!("{}[telemetry]\nformat = \"json\"\n", site()));
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    gateway.address();
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    assert!(!said.is_empty());
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn the_audit_log_is_json_among_log_lines_for_people_whatever_their_filter() {
    let toml = format!(
        "{}[telemetry]\nfilter = \"off\"\naudit = \"stderr\"\n",
        site()
    );
    let (_directory, path) = file(&toml);
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let mut socket = std::net::TcpStream::connect(gateway.address()).unwrap();
    socket
        .write_all(b"GET /v1/negotiate HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    let line: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(line["event"], "request_refused");
    assert_eq!(line["route"], "/v1/negotiate");
}

#[test]
fn an_audit_log_that_cannot_be_opened_is_named_and_nothing_is_served_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/audit.jsonl");
    let path = path.to_str().unwrap();
    let mut command = gatecast(&["serve"]);
    command.env("GATECAST__LISTEN", "127.0.0.1:0");
    command.env("GATECAST__TELEMETRY__AUDIT", path);
    let mut gateway = Running::start(&mut command);
    assert_eq!(gateway.prints(), "");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(1));
    assert!(said.contains("audit log") && said.contains(path), "{said}");
}

#[test]
fn log_lines_of_a_request_name_the_trace_that_it_says_it_is_part_of() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let toml = format!(
        "{}[telemetry]\nfilter = \"gatecast=debug\"\nformat = \"json\"\n",
        site()
    );
    let (_directory, path) = file(&toml);
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let (twice, malformed) = (format!("{good}\r\ntraceparent: {good}"), &good[1..]);
    for (traceparent, room) in [(&*good, "one"), (&twice, "two"), (malformed, "three")] {
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        let request = format!(
            "POST /v1/rooms/{room}/events HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\
             Content-Length: 0\r\ntraceparent: {traceparent}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for message in ["refused", "answered"] {
        let of = |room: &str| {
            let path = format!("/v1/rooms/{room}/events");
            let mut lines = lines.iter();
            let line = lines.find(|line| line["message"] == message && line["path"] == path);
            line.unwrap()["trace_id"].clone()
        };
        assert_eq!(of("one"), TRACE, "{said}");
        assert_eq!((of("two"), of("three")), Default::default(), "{said}");
    }
}
