//! `gatecast bench`, against a gateway and against servers that lose, repeat, refuse or end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::running::Running;
use super::site::Site;
use super::{ended, file, gatecast, run};
use crate::support::api_key;
use crate::support::tls::Certificate;

/// Runs a bench that prints JSON; its exit code and its report.
fn bench(command: &mut Command) -> (i32, Value) {
    let (code, out, err) = ended(command.arg("--json").output().unwrap());
    let report = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out:?} {err:?}"));
    (code, report)
}

/// The arguments of a short run.
const SHORT: [&str; 7] = [
    "bench",
    "--clients",
    "20",
    "--rate",
    "50",
    "--duration",
    "200ms",
];

fn short<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SHORT[..], more].concat()
}

#[test]
fn every_client_on_every_transport_has_every_event() {
    let site = Site::start();
    for transport in ["sse", "websocket", "long-poll"] {
        let (code, report) = bench(&mut site.command(&short(&["--transport", transport])));
        assert_eq!(code, 0, "{report}");
        assert_eq!(report["transport"], transport);
        assert_eq!(report["clients"]["connected"], 20);
        assert_eq!(report["published"]["events"], 10);
        let deliveries = &report["deliveries"];
        assert_eq!(deliveries["expected"], 200);
        assert_eq!(deliveries["delivered"], 200);
        for fault in ["missing", "duplicates", "out_of_order", "gaps"] {
            assert_eq!(deliveries[fault], 0, "{transport}: {fault}");
        }
        let latency = &deliveries["latency_us"];
        let of = |name: &str| latency[name].as_u64().unwrap();
        assert!(
            0 < of("p50") && of("p50") <= of("p99") && of("p99") <= of("max"),
            "{latency}"
        );
        assert!(report["published"]["answer_us"]["p50"].as_u64().unwrap() > 0);
    }
}

#[test]
fn people_get_a_table_and_are_told_how_to_see_what_the_server_costs() {
    let site = Site::start();
    let (code, out, err) = ended(site.command(&short(&[])).output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""));
    for says in [
        "20 of 20 connected",
        "200 of 200: 0 missing",
        "p99.9",
        "its costs are not known: --pid PID",
        "this tool",
    ] {
        assert!(out.contains(says), "{says}: {out}");
    }
}

#[test]
fn several_threads_share_the_clients() {
    let site = Site::start();
    let (code, report) = bench(&mut site.command(&short(&["--threads", "3"])));
    assert_eq!((code, &report["deliveries"]["delivered"]), (0, &200.into()));
}

#[test]
fn tls_is_spoken_with_who_is_trusted() {
    let certificate = Certificate::new();
    let site = Site::over_tls(&certificate);
    let url = format!("https://{}", site.address);
    let path = certificate.path("cert.pem");
    for transport in ["sse", "websocket", "long-poll"] {
        let more = ["--url", &url, "--cacert", &path, "--transport", transport];
        let (code, report) = bench(&mut site.command(&short(&more)));
        assert_eq!((code, &report["deliveries"]["delivered"]), (0, &200.into()));
    }
    let (code, _, err) = ended(site.command(&short(&["--url", &url])).output().unwrap());
    assert_eq!(code, 1);
    assert!(err.contains("--cacert FILE"), "{err}");
}

#[test]
fn a_herd_gets_what_was_published_before_it_came() {
    let site = Site::start();
    for transport in ["sse", "websocket", "long-poll"] {
        let arguments = [
            "bench",
            "--clients",
            "30",
            "--herd",
            "15",
            "--transport",
            transport,
        ];
        let (code, report) = bench(&mut site.command(&arguments));
        assert_eq!(code, 0, "{report}");
        assert_eq!(report["served"]["clients"], 30);
        assert_eq!(report["deliveries"]["delivered"], 450);
        assert!(report["served"]["us"]["max"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_herd_that_history_is_too_short_for_misses_what_the_gaps_say() {
    let site = Site::start();
    let arguments = ["bench", "--clients", "4", "--herd", "3", "--room", "short"];
    let (code, report) = bench(&mut site.command(&arguments));
    assert_eq!(code, 1);
    let deliveries = &report["deliveries"];
    assert_eq!(deliveries["missing"], 8, "{report}");
    assert_eq!(deliveries["gaps"], 4);
}

#[test]
fn idle_clients_show_the_memory_of_a_process_that_runs_here() {
    let site = Site::start();
    let pid = site.gateway.id().to_string();
    let arguments = ["bench", "--idle", "--clients", "50", "--pid", &pid];
    let (code, report) = bench(&mut site.command(&arguments));
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["clients"]["connected"], 50);
    assert!(report["published"].is_null() && report["deliveries"].is_null());
    let cost = &report["cost"];
    let of = |name: &str| cost[name].as_u64().unwrap();
    assert!(of("resident_bytes_before") > 1 << 20, "{cost}");
    assert!(
        cost["resident_bytes_per_client"].is_i64() || cost["resident_bytes_per_client"].is_u64()
    );
}

#[test]
fn the_gateways_own_metrics_tell_its_costs_to_an_administrator() {
    let key = api_key("operator", "key-of-the-operator", "operator");
    let (_directory, path) = file(&format!(
        "listen = \"127.0.0.1:0\"\nserver.drain = \"100ms\"\n{key}\
         [roles.operator]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nadmin = true\n"
    ));
    let gateway = Running::start(&mut gatecast(&["serve", "--config", &path]));
    let url = format!("http://{}", gateway.address());
    let more = ["--url", &url, "--key", "key-of-the-operator"];
    let (code, report) = bench(&mut gatecast(&short(&more)));
    assert_eq!(code, 0, "{report}");
    let cost = &report["cost"];
    assert!(cost["cpu_us_per_delivery"].is_number(), "{report}");
    assert!(cost["resident_bytes_connected"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn who_is_refused_is_counted_with_the_code_and_fails_the_run() {
    for transport in ["sse", "websocket", "long-poll"] {
        let site = Site::with("limits.connections = 12\n");
        let (code, report) = bench(&mut site.command(&short(&["--transport", transport])));
        assert_eq!(code, 1, "{report}");
        let clients = &report["clients"];
        let connected = clients["connected"].as_u64().unwrap();
        // One connection is the publisher's, and one that asked for metrics may not have ended yet.
        assert!((10..=11).contains(&connected), "{transport}: {report}");
        assert_eq!(clients["refused"]["overloaded"], 20 - connected);
        assert_eq!(report["deliveries"]["missing"], 0);
    }
}

#[test]
fn who_may_not_publish_or_is_not_there_is_told_before_anybody_connects() {
    let site = Site::start();
    let mut command = site.command(&short(&[]));
    let (code, out, err) = ended(command.env("GATECAST_KEY", "wrong").output().unwrap());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("does not take the API key"), "{err}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("http://{}", free.unwrap());
    let (code, out, err) = run(&short(&["--url", &url]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is the gateway running?"), "{err}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let url = "http://127.0.0.1:9/";
    for (more, says) in [
        (&["--clients", "0"][..], "from 1 on"),
        (&["--rate", "0"], "0.001"),
        (&["--duration", "10"], "has no unit"),
        (&["--transport", "pigeon"], "long-poll"),
        (&["--idle", "--rate", "5"], "--rate"),
        (&["--herd", "5", "--idle"], "--idle"),
        (&["--publish-to", url], "--against"),
        (&["--against", "gate.example"], "http://"),
        (&["--against", url], "--publish-to URL"),
        (
            &["--against", url, "--publish-to", url, "--publish-body", "x"],
            "{MARK}",
        ),
        (
            &[
                "--against",
                url,
                "--publish-to",
                url,
                "--transport",
                "long-poll",
            ],
            "sse or websocket",
        ),
        (&["--against", url, "--header", "x"], "NAME: VALUE"),
    ] {
        let (code, out, err) = run(&[&["bench"], more].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{more:?}: {err}");
        assert!(err.contains(says), "{more:?}: {err}");
    }
}

/// What a server of its own kind sends for the event of this number (from 0) and payload.
type Sends = fn(usize, &str) -> String;

/// A server that answers every GET with `head` and sends its streams what `sends` makes of each publish.
fn server(head: &'static str, sends: Sends) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let streams: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, streams) = (client.unwrap(), streams.clone());
            std::thread::spawn(move || {
                let mut number = 0;
                loop {
                    let request = request(&mut client);
                    if request.starts_with("GET") {
                        client.write_all(head.as_bytes()).unwrap();
                        streams.lock().unwrap().push(client.try_clone().unwrap());
                    } else if let Some((_, body)) = request.split_once("\r\n\r\n") {
                        // The first is no event of the run: it tries whether it may publish.
                        if number > 0 {
                            let message = sends(number - 1, body);
                            for stream in &mut *streams.lock().unwrap() {
                                stream.write_all(message.as_bytes()).unwrap();
                            }
                        }
                        number += 1;
                        let done = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        client.write_all(done.as_bytes()).unwrap();
                    } else {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// The next request, which comes in one piece; empty at the end.
fn request(client: &mut TcpStream) -> String {
    let mut bytes = vec![0; 16 << 10];
    let count = client.read(&mut bytes).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

const SSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

fn against(address: SocketAddr, more: &[&str]) -> (i32, Value) {
    let url = format!("http://{address}/");
    let to = ["--against", &url, "--publish-to", &url];
    bench(&mut gatecast(&short(&[&to, more].concat())))
}

#[test]
fn a_server_that_drops_every_third_event_is_found_out() {
    let drops: Sends = |number, body| match number % 3 {
        2 => String::new(),
        _ => format!("data: {body}\n\n"),
    };
    let (code, report) = against(server(SSE, drops), &[]);
    assert_eq!(code, 1);
    let deliveries = &report["deliveries"];
    assert_eq!(deliveries["expected"], 200);
    assert_eq!(deliveries["delivered"], 140);
    assert_eq!(deliveries["missing"], 60);
}

#[test]
fn a_server_that_repeats_events_is_found_out() {
    let twice: Sends = |_, body| format!("data: {body}\n\ndata: {body}\n\n");
    let (code, report) = against(server(SSE, twice), &[]);
    assert_eq!(code, 1);
    let deliveries = &report["deliveries"];
    assert_eq!(deliveries["delivered"], 200);
    assert_eq!(deliveries["duplicates"], 200);
    assert_eq!(deliveries["missing"], 0);
}

#[test]
fn a_server_that_ends_its_streams_is_found_out() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let ends: Sends = |number, body| match number {
        0 => format!("{:x}\r\ndata: {body}\n\n\r\n", body.len() + 8),
        1 => "0\r\n\r\n".into(),
        _ => String::new(),
    };
    let (code, report) = against(server(head, ends), &[]);
    assert_eq!(code, 1);
    assert_eq!(report["clients"]["ended"]["ended"], 20, "{report}");
    assert_eq!(report["deliveries"]["missing"], 180);
}

#[test]
fn a_status_that_is_no_stream_is_a_refusal() {
    let head = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
    let (code, report) = against(server(head, |_, _| String::new()), &[]);
    assert_eq!(code, 1);
    assert_eq!(report["clients"]["connected"], 0);
    assert_eq!(report["clients"]["refused"]["429"], 20, "{report}");
}

#[test]
fn a_websocket_of_another_kind_hears_what_it_wants_to_hear() {
    let head =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hears) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        assert!(request(&mut client).contains("x-room: bench\r\n"));
        client.write_all(head.as_bytes()).unwrap();
        let mut said = vec![0; 8];
        client.read_exact(&mut said).unwrap();
        client.write_all(b"\x81\x012").unwrap();
        let mut answer = vec![0; 7];
        client.read_exact(&mut answer).unwrap();
        said.extend(answer);
        heard.send(said).unwrap();
        client.write_all(b"\x88\x02\x0f\xa1").unwrap();
    });
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (code, report) = bench(&mut gatecast(&[
        "bench",
        "--idle",
        "--clients",
        "1",
        "--transport",
        "websocket",
        "--against",
        &url,
        "--header",
        "X-Room: bench",
        "--hello",
        "40",
        "--answer",
        "2=3",
        "--pid",
        &std::process::id().to_string(),
    ]));
    // Masked text frames of a client, under a key of zeros.
    assert_eq!(
        hears.recv().unwrap(),
        b"\x81\x82\x00\x00\x00\x0040\x81\x81\x00\x00\x00\x003"
    );
    assert_eq!(code, 1);
    assert_eq!(
        report["clients"]["ended"]["closed with 4001"], 1,
        "{report}"
    );
}
