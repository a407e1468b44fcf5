//! Against servers of another kind, that lose, repeat, refuse or end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{bench, gatecast, short};

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
