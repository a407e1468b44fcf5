//! `gatecast serve` while its configuration changes: on SIGHUP, by itself when a file has changed, and by request.

use std::io::{Read as _, Write as _};

use super::running::Running;
use super::{file, gatecast};
use crate::support::api_key;

fn toml(keys: &[&str], more: &str) -> String {
    let keys: String = keys.iter().map(|key| api_key(key, key, "a")).collect();
    format!("listen = \"127.0.0.1:0\"\n{keys}[roles.a]\nadmin = true\n{more}")
}

/// The status and the body of a request with this key.
fn ask(address: &str, method: &str, target: &str, key: &str, body: &str) -> (u16, String) {
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: gate\r\nX-API-Key: {key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

fn status(address: &str, key: &str) -> u16 {
    ask(address, "GET", "/v1/negotiate", key, "").0
}

#[test]
fn a_file_is_read_again_on_a_signal_and_when_it_has_changed_and_one_with_a_mistake_changes_nothing()
{
    let (_directory, path) = file(&toml(&["the-first-key"], ""));
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    assert_eq!(
        (
            status(&address, "the-first-key"),
            status(&address, "the-second-key")
        ),
        (200, 401)
    );

    std::fs::write(&path, toml(&["the-first-key", "the-second-key"], "")).unwrap();
    gateway.signal("HUP");
    gateway.says_that("configuration reloaded");
    assert_eq!(
        (
            status(&address, "the-first-key"),
            status(&address, "the-second-key")
        ),
        (200, 200)
    );

    std::fs::write(&path, toml(&["the-second-key"], "[rols.x]\n")).unwrap();
    let said = gateway.says_that("configuration not reloaded");
    assert!(said.contains("rols"), "{said}");
    assert_eq!(
        (
            status(&address, "the-first-key"),
            status(&address, "the-second-key")
        ),
        (200, 200)
    );

    // Nobody asks for it: the content has changed.
    std::fs::write(&path, toml(&["the-second-key"], "[server]\nshards = 9\n")).unwrap();
    let said = gateway.says_that("from the next start on");
    assert!(said.contains("server.shards"), "{said}");
    assert_eq!(
        (
            status(&address, "the-first-key"),
            status(&address, "the-second-key")
        ),
        (401, 200)
    );
    gateway.signal("TERM");
    assert_eq!(gateway.ended().0, Some(0));
}

#[test]
fn which_lines_are_logged_is_changed_by_a_request_and_by_a_reload() {
    let (_directory, path) = file(&toml(
        &["the-first-key"],
        "[telemetry]\nfilter = \"warn\"\n",
    ));
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    let log =
        |method: &str, body: &str| ask(&address, method, "/v1/admin/log", "the-first-key", body);
    assert_eq!(log("GET", ""), (200, r#"{"filter":"warn"}"#.to_owned()));
    assert_eq!(log("PUT", r#"{"filter":"gatecast=debug"}"#).0, 200);
    gateway.says_that("answered");
    let (status, body) = log("PUT", r#"{"filter":"gatecast=loud"}"#);
    assert!(status == 400 && body.contains("bad_request"), "{body}");
    assert_eq!(log("GET", "").1, r#"{"filter":"gatecast=debug"}"#);

    std::fs::write(
        &path,
        toml(&["the-first-key"], "[telemetry]\nfilter = \"info\"\n"),
    )
    .unwrap();
    gateway.signal("HUP");
    gateway.says_that("configuration reloaded");
    assert_eq!(log("GET", "").1, r#"{"filter":"info"}"#);
    gateway.signal("TERM");
    assert_eq!(gateway.ended().0, Some(0));
}

#[test]
fn an_operators_drain_of_the_node_ends_the_process_in_order() {
    let (_directory, path) = file(&toml(&["the-first-key"], ""));
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    let (status, _) = ask(
        &address,
        "POST",
        "/v1/admin/drain",
        "the-first-key",
        r#"{"node":true}"#,
    );
    assert_eq!(status, 202);
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("every stream has ended in its own way"),
        "{said}"
    );
}

#[test]
fn a_configuration_that_was_refused_for_a_file_that_it_names_holds_once_that_file_is_there() {
    let (directory, path) = file(&toml(&["the-first-key"], ""));
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    let named = "[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret_file = \"secret\"\n";
    let text = toml(&["the-second-key"], named);
    std::fs::write(&path, text).unwrap();
    let said = gateway.says_that("configuration not reloaded");
    assert!(said.contains("cannot be read"), "{said}");
    assert_eq!(status(&address, "the-first-key"), 200);

    let secret = "a secret of the tests, 32 bytes or more";
    std::fs::write(directory.path().join("secret"), secret).unwrap();
    gateway.says_that("configuration reloaded");
    assert_eq!(
        (
            status(&address, "the-first-key"),
            status(&address, "the-second-key")
        ),
        (401, 200)
    );
    gateway.signal("TERM");
    assert_eq!(gateway.ended().0, Some(0));
}
