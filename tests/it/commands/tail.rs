//! `gatecast tail`, against a gateway that runs, is stopped, or lies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::running::Running;
use super::site::{BACKEND, Site, WALL, Way, way_to};
use super::{ended, gatecast};
use crate::support::tls::Certificate;

const TRANSPORTS: [&str; 3] = ["websocket", "sse", "long-poll"];

/// A tail of the room `units` that is connected.
fn tail(site: &Site, more: &[&str]) -> Running {
    let mut arguments = vec!["tail", "units"];
    arguments.extend(more);
    let tail = Running::start(&mut site.command(&arguments));
    tail.says_that("connected over");
    tail
}

#[test]
fn every_transport_prints_the_same_lines_and_ends_in_order_on_ctrl_c() {
    let site = Site::start();
    let first = site.publish("units", "{\"n\": 1.50}");
    let mut printed = Vec::new();
    for transport in TRANSPORTS {
        let mut tail = tail(
            &site,
            &["--json", "--since", "earliest", "--transport", transport],
        );
        printed.push(tail.prints());
        tail.signal("INT");
        let (code, said) = tail.ended();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("--since {first}")), "{said}");
    }
    assert!(printed[0].contains(r#""data":{"n":1.50}"#), "{printed:?}");
    printed.dedup();
    assert_eq!(printed.len(), 1, "{printed:?}");
}

#[test]
fn what_comes_is_printed_as_it_comes_for_people_or_programs() {
    let site = Site::start();
    let (people, programs) = (tail(&site, &[]), tail(&site, &["--json"]));
    let id = site.publish("units", "{\"n\": 1}");
    let line = people.prints();
    assert!(line.ends_with("Z units n {\"n\":1}\n"), "{line}");
    let line = programs.prints();
    assert!(line.starts_with(&format!("{{\"id\":\"{id}\",")), "{line}");
}

#[test]
fn a_cursor_and_a_rewind_say_where_to_begin() {
    let site = Site::start();
    let ids = ["1", "2", "3"].map(|data| site.publish("units", data));
    assert!(
        tail(&site, &["--json", "--since", &ids[0]])
            .prints()
            .contains(&ids[1])
    );
    assert!(
        tail(&site, &["--json", "--rewind", "1"])
            .prints()
            .contains(&ids[2])
    );
}

#[test]
fn the_next_transport_is_taken_where_the_role_or_a_proxy_forbids_one() {
    let site = Site::start();
    let mut command = site.command(&["tail", "--json"]);
    let tail = Running::start(command.env("GATECAST_KEY", WALL));
    assert!(tail.says().contains("trying sse"));
    assert!(
        tail.says_that("connected")
            .contains("over sse as wall (role wall); rooms: units")
    );
    let id = site.publish("units", "1");
    assert!(tail.prints().contains(&id));

    // No upgrade passes, and no request for an event stream: what is left is long-poll.
    let way = way_to(&site.address, |_, head| {
        if head.contains("upgrade: websocket") || head.contains("Upgrade: websocket") {
            Way::Answers("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        } else if head.contains("text/event-stream") {
            Way::Answers("HTTP/1.1 406 Not Acceptable\r\nContent-Length: 0\r\n\r\n")
        } else {
            Way::Open
        }
    });
    let mut command = site.command(&["tail", "units", "--json"]);
    let tail = Running::start(command.env("GATECAST_URL", format!("http://{way}")));
    assert!(tail.says_that("connected").contains("over long-poll"));
    let id = site.publish("units", "2");
    assert!(tail.prints().contains(&id));
}

#[test]
fn a_gateway_that_restarts_is_met_again_on_each_transport_with_nothing_lost_in_silence() {
    let mut site = Site::start();
    let tails = TRANSPORTS.map(|transport| tail(&site, &["--json", "--transport", transport]));
    let first = site.publish("units", "1");
    for tail in &tails {
        assert!(tail.prints().contains(&first));
    }
    site.restart();
    // Before they are back: what the new log holds comes after the gap that the old one left.
    let second = site.publish("units", "2");
    for (tail, transport) in tails.iter().zip(TRANSPORTS) {
        let gap = tail.prints();
        let says = format!(r#"{{"type":"gap","room":"units","from":"{first}","to":"#);
        assert!(
            gap.starts_with(&says) && gap.contains(r#""reason":"epoch""#),
            "{transport}: {gap}"
        );
        assert!(tail.prints().contains(&second), "{transport}");
    }
    let third = site.publish("units", "3");
    for tail in &tails {
        assert!(tail.prints().contains(&third));
    }
}

#[test]
fn a_gap_is_told_in_words_before_what_follows_it() {
    let site = Site::start();
    let first = site.publish("short", "1");
    let rest = ["2", "3"].map(|data| site.publish("short", data));
    let tail = Running::start(&mut site.command(&["tail", "short", "--since", &first, "--quiet"]));
    let gap = tail.says();
    let says = format!(
        "gap in short: events after {first} and up to {} are missing: history is bounded",
        rest[0]
    );
    assert!(
        gap.starts_with(&says) && gap.ends_with("(evicted)\n"),
        "{gap}"
    );
    assert!(tail.prints().ends_with("short n 3\n"));
}

#[test]
fn who_goes_on_from_the_cursor_that_it_names_at_its_end_misses_nothing() {
    let site = Site::start();
    let large = "x".repeat(4000);
    for n in 0..60 {
        site.publish("units", &format!("\"{n:02} {large}\""));
    }
    for transport in TRANSPORTS {
        let arguments = [
            "tail",
            "units",
            "--json",
            "--since",
            "earliest",
            "--transport",
            transport,
        ];
        let mut command = site.command(&arguments);
        let mut tail = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One line is read, and then no more: the pipe holds a quarter of what there is.
        let mut lines = BufReader::new(tail.stdout.take().unwrap());
        let mut printed = String::new();
        lines.read_line(&mut printed).unwrap();
        interrupt(&tail);
        let mut said = String::new();
        tail.stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        lines.read_to_string(&mut printed).unwrap();
        assert_eq!(tail.wait().unwrap().code(), Some(0), "{said}");
        let whole = printed.lines().filter(|line| line.ends_with('}')).count();
        assert!(whole < 60, "{transport}: it was not held up");

        let cursor = said.split("--since ").nth(1).map_or("", str::trim);
        if cursor.is_empty() {
            continue;
        }
        let next = self::tail(&site, &["--json", "--since", cursor]).prints();
        let next = next.split("\"data\":\"").nth(1).unwrap();
        let next: usize = next[..2].parse().unwrap();
        assert!(
            next <= whole,
            "{transport}: after {whole} lines it goes on with number {next}"
        );
    }
}

fn interrupt(process: &Child) {
    let id = process.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_reader_that_goes_ends_it_in_order_also_where_nothing_comes() {
    let site = Site::start();
    let mut command = site.command(&["tail", "units"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut tail = command
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop((command, reader));
    assert_eq!(tail.wait().unwrap().code(), Some(0));
}

#[test]
fn who_is_refused_is_told_why_at_once_on_each_transport() {
    let site = Site::start();
    for transport in TRANSPORTS {
        for (key, room, says) in [
            ("", "units", "wants a credential"),
            ("not-a-key-of-anybody", "units", "does not take the API key"),
            (WALL, "secret", "(forbidden)"),
        ] {
            if (key, transport) == (WALL, "websocket") {
                continue;
            }
            let mut command = site.command(&["tail", room, "--transport", transport]);
            let (code, out, err) = ended(command.env("GATECAST_KEY", key).output().unwrap());
            assert_eq!((code, out.as_str()), (1, ""), "{transport}: {err}");
            assert!(err.contains(says), "{transport}: {err}");
            assert!(key.is_empty() || !err.contains(key), "{err}");
        }
    }
}

#[test]
fn tls_makes_no_difference_on_any_transport() {
    let certificate = Certificate::new();
    let site = Site::over_tls(&certificate);
    let url = site.url().replace("http:", "https:");
    let authority = certificate.path("cert.pem");
    for transport in TRANSPORTS {
        let more = [
            "tail",
            "units",
            "--cacert",
            &authority,
            "--transport",
            transport,
            "--json",
        ];
        let mut command = site.command(&more);
        let tail = Running::start(command.env("GATECAST_URL", &url));
        tail.says_that("connected over");
        let mut command = site.command(&["publish", "units", "1", "--cacert", &authority]);
        let (code, id, err) = ended(command.env("GATECAST_URL", &url).output().unwrap());
        assert_eq!(code, 0, "{err}");
        assert!(tail.prints().contains(id.trim_end()), "{transport}");
    }
}

#[test]
fn a_credential_in_a_file_is_read_anew_for_each_connection_and_goes_before_the_environment() {
    let mut site = Site::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{BACKEND}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let mut command = gatecast(&["tail", "units", "--key-file", path, "--transport", "sse"]);
    command
        .env("GATECAST_URL", site.url())
        .env("GATECAST_TOKEN", "a.b.c");
    let tail = Running::start(&mut command);
    assert!(tail.says_that("connected").contains("as backend"));
    std::fs::write(file.path(), WALL).unwrap();
    site.restart();
    assert!(tail.says_that("connected").contains("as wall"));
}

/// The head of the next request to a server that is no gateway.
fn request(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = vec![0; 4096];
    let count = stream.read(&mut head).unwrap();
    head.truncate(count);
    (stream, String::from_utf8(head).unwrap())
}

#[test]
fn a_connection_without_heartbeats_is_given_up_and_its_cursor_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tail = Running::start(&mut gatecast(&[
        "tail",
        "units",
        "--transport",
        "sse",
        "--url",
        &url,
    ]));
    let (mut dead, first) = request(&listener);
    assert!(!first.contains("since="), "{first}");
    dead.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\
          event: welcome\ndata: {\"type\":\"welcome\",\"cursor\":\"c7\",\"heartbeat_ms\":50}\nid: c7\n\n",
    )
    .unwrap();
    tail.says_that("not even a heartbeat");
    let (_alive, second) = request(&listener);
    assert!(second.contains("since=c7"), "{second}");
}

#[test]
fn what_is_no_gateway_is_told_from_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = request(&listener);
            let page =
                "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            let _ = stream.write_all(page.as_bytes());
        }
    });
    let (code, _, err) = ended(
        gatecast(&["tail", "units", "--url", &url])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 1);
    assert!(err.contains("check --url"), "{err}");
}
