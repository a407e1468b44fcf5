//! What a gateway writes about those who come with a cookie or a signed URL: never the ticket.

use std::io::{Read as _, Write as _};

use super::running::Running;
use super::{file, gatecast};
use crate::support::api_key;

const KEY: &str = "a-key-that-nobody-shall-read";

fn ask(address: &str, head: &str, body: &str) -> String {
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: gate\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// What stands between `start` and one of `ends`.
fn between(text: &str, start: &str, ends: &[char]) -> String {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{text}"));
    rest.split(ends).next().unwrap().to_owned()
}

#[test]
fn no_line_shows_a_cookie_or_a_ticket_whether_it_is_taken_or_refused() {
    let toml = format!(
        "listen = \"127.0.0.1:0\"\n[telemetry]\nfilter = \"trace\"\n{}[roles.tv]\nsubscribe = [\"r\"]\n",
        api_key("tv", KEY, "tv")
    );
    let (_directory, path) = file(&toml);
    let mut gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let address = gateway.address();
    let swap = format!("POST /v1/session HTTP/1.1\r\nX-API-Key: {KEY}");
    let cookie = between(&ask(&address, &swap, ""), "gatecast_session=", &[';']);
    let url = ask(&address, &swap, r#"{"url":true,"rooms":["r"]}"#);
    let ticket = between(&url, "ticket=", &['"']);
    let mut secrets = vec![KEY.to_owned(), cookie.clone(), ticket.clone()];
    for (head, status) in [
        (
            format!("GET /v1/rooms/r/events HTTP/1.1\r\nCookie: gatecast_session={cookie}"),
            200,
        ),
        (
            format!("POST /v1/rooms/r/events HTTP/1.1\r\nCookie: gatecast_session={cookie}"),
            403,
        ),
        (
            format!("GET /v1/rooms/r/events HTTP/1.1\r\nCookie: gatecast_session=x{cookie}"),
            401,
        ),
        (
            format!("GET /v1/stream?room=r&ticket={ticket} HTTP/1.1"),
            200,
        ),
        (
            format!("GET /v1/stream?room=r&ticket=x{ticket} HTTP/1.1"),
            401,
        ),
        (
            format!("GET /v1/rooms/r/events?ticket={ticket} HTTP/1.1"),
            403,
        ),
        (format!("GET /v1/nowhere?ticket={ticket} HTTP/1.1"), 404),
    ] {
        let answer = ask(&address, &head, "");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answer}"
        );
        assert!(
            !answer.contains(&cookie) && !answer.contains(&ticket),
            "{answer}"
        );
    }
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    assert!(
        said.contains("sessions and signed URLs end with this process"),
        "{said}"
    );
    assert!(
        said.contains("origin_not_allowed") && said.contains("not_found"),
        "{said}"
    );
    // Nor a half of one: each is enough to find the other.
    let halves: Vec<_> = secrets
        .iter()
        .flat_map(|secret| secret.split('.'))
        .map(str::to_owned)
        .collect();
    secrets.extend(halves);
    for secret in &secrets {
        assert!(!said.contains(secret), "{said}");
    }
}
