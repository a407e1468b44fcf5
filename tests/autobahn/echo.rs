//! An echo server over the gateway's WebSocket codec, for Autobahn's fuzzing client: what is measured is the codec, and
//! nothing around it. It prints where it listens.
//!
//! ```sh
//! cargo run --example echo
//! ```
#![allow(missing_docs, reason = "a tool of the tests, not a library")]
#![allow(
    clippy::print_stdout,
    reason = "the address is what whoever started it waits for"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "blocking threads: this is no part of the gateway"
)]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use gatecast::wire::websocket::decoder::{Decoder, Incoming, Terms};
use gatecast::wire::websocket::deflate::{self, Agreed};
use gatecast::wire::websocket::encoder::{self, Head};
use gatecast::wire::websocket::fault::Fault;
use gatecast::wire::websocket::handshake;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

/// Autobahn's longest message has 16 MiB.
const LONGEST: usize = 16 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on ws://{}", listener.local_addr()?);
    for connection in listener.incoming() {
        let connection = connection?;
        thread::spawn(move || serve(connection).map_err(|error| error.to_string()));
    }
    Ok(())
}

fn serve(mut socket: TcpStream) -> Result<(), Box<dyn Error>> {
    socket.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, socket.try_clone()?);
    let headers = head(&mut reader)?;
    let handshake =
        handshake(&Method::GET, Version::HTTP_11, &headers).map_err(|it| it.to_string())?;
    let extensions = handshake
        .deflate
        .map(|agreed| format!("Sec-WebSocket-Extensions: {agreed}\r\n"));
    write!(
        socket,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n{}\r\n",
        handshake.accept.unwrap_or_default(),
        extensions.unwrap_or_default(),
    )?;
    let terms = Terms {
        message: LONGEST,
        deflate: handshake.deflate.is_some(),
    };
    echo(socket, reader, terms, handshake.deflate)
}

/// Gives everything back, until the client closes or breaks the protocol.
fn echo(
    mut socket: TcpStream,
    mut reader: impl BufRead,
    terms: Terms,
    agreed: Option<Agreed>,
) -> Result<(), Box<dyn Error>> {
    let mut decoder = Decoder::new(terms);
    loop {
        let mut input = reader.fill_buf()?;
        let read = input.len();
        if read == 0 {
            return Ok(());
        }
        let mut out = Vec::new();
        let mut open = true;
        while open {
            match decoder.next(&mut input) {
                Ok(Some(incoming)) => open = answer(&mut out, incoming, agreed),
                Ok(None) => break,
                Err(fault) => {
                    encoder::close(&mut out, Some((code(fault), "")));
                    open = false;
                }
            }
        }
        socket.write_all(&out)?;
        if !open {
            return goodbye(&socket);
        }
        reader.consume(read);
    }
}

/// Adds the answer to `incoming`; whether the connection goes on.
fn answer(out: &mut Vec<u8>, incoming: Incoming, agreed: Option<Agreed>) -> bool {
    match incoming {
        Incoming::Text(text) => message(out, Head::text, text.as_bytes(), agreed),
        Incoming::Binary(bytes) => message(out, Head::binary, &bytes, agreed),
        Incoming::Ping(payload) => encoder::pong(out, &payload),
        Incoming::Pong(_) => {}
        Incoming::Close(why) => {
            let why = why.as_ref().map(|(code, reason)| (*code, reason.as_str()));
            encoder::close(out, why);
            return false;
        }
    }
    true
}

fn message(out: &mut Vec<u8>, head: fn(usize) -> Head, payload: &[u8], agreed: Option<Agreed>) {
    let covered = agreed.filter(|agreed| agreed.covers(payload.len()));
    match covered.and_then(|_| deflate::deflate(payload)) {
        Some(compressed) => {
            out.extend_from_slice(&head(compressed.len()).compressed());
            out.extend(compressed);
        }
        None => {
            out.extend_from_slice(&head(payload.len()));
            out.extend_from_slice(payload);
        }
    }
}

/// RFC 6455 §7.4.1.
const fn code(fault: Fault) -> u16 {
    match fault {
        Fault::Protocol(_) => 1002,
        Fault::Utf8 | Fault::Deflate => 1007,
        Fault::EmptyFrames => 1008,
        Fault::TooLarge => 1009,
    }
}

/// What the client still sends is read, so that the kernel does not answer it with a reset, which overtakes our Close.
fn goodbye(mut socket: &TcpStream) -> Result<(), Box<dyn Error>> {
    socket.shutdown(std::net::Shutdown::Write)?;
    let mut rest = [0; 1 << 16];
    while socket.read(&mut rest)? > 0 {}
    Ok(())
}

/// The headers of the request.
fn head(reader: &mut impl BufRead) -> Result<HeaderMap, Box<dyn Error>> {
    let mut headers = HeaderMap::new();
    let mut lines = reader.lines();
    lines.next().ok_or("no request")??;
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.append(
            HeaderName::try_from(name)?,
            HeaderValue::try_from(value.trim())?,
        );
    }
    Ok(headers)
}
