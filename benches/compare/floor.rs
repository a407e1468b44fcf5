//! The least that a fan-out can cost: one write of ready bytes for each delivery, and nothing else. No server that gives
//! each of its clients a connection of its own can do with less, unless it puts several events into one write.
//!
//! GET is an event stream; what is POSTed goes to all of them. `floor ADDRESS`
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measuring device for one's own machine: it stops at the first surprise"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

type Clients = Arc<Mutex<Vec<TcpStream>>>;

fn main() {
    let address = std::env::args().nth(1).unwrap();
    let clients = Clients::default();
    for stream in TcpListener::bind(address).unwrap().incoming().flatten() {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::with_capacity(1024, stream);
        let Some((post, length)) = head(&mut reader) else {
            continue;
        };
        if post {
            let clients = Arc::clone(&clients);
            thread::spawn(move || publisher(reader, length, &clients));
        } else {
            let mut stream = reader.into_inner();
            stream.write_all(OPEN).unwrap();
            clients.lock().unwrap().push(stream);
        }
    }
}

/// Whether it is a POST, and the length of its body; nothing at the end of the connection.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(bool, usize)> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok().filter(|&read| read > 0)?;
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    Some((first.starts_with("POST"), length))
}

fn publisher(mut reader: BufReader<TcpStream>, mut length: usize, clients: &Clients) {
    loop {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut block = b"data: ".to_vec();
        block.extend(body);
        block.extend(b"\n\n");
        reader.get_mut().write_all(TAKEN).unwrap();
        // Who is gone is forgotten.
        let mut clients = clients.lock().unwrap();
        clients.retain_mut(|client| client.write_all(&block).is_ok());
        drop(clients);
        let Some((_, next)) = head(&mut reader) else {
            return;
        };
        length = next;
    }
}

const OPEN: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n";
const TAKEN: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
