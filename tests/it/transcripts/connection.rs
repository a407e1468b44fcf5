//! One connection of a story: what arrives on it, line by line (over WebSocket: message by message).

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;

use super::curl::Curl;
use super::pattern::Names;
use crate::support::http::{self, Body, Head, Next};
use crate::support::patiently;
use crate::support::socket::Socket;
use crate::support::websocket::{self, Message, WebSocket};

/// A connection under way.
pub(super) struct Connection {
    curl: Curl,
    wire: Wire,
    /// Whether curl would unpack the body.
    coded: bool,
    /// Where on the page this connection is.
    place: Place,
}

enum Wire {
    /// The head of the answer was not read yet.
    Waiting(Socket),
    Http(Body),
    WebSocket(WebSocket),
    /// Only while one state becomes the next.
    Moving,
}

/// Which part of the answer the next expected line belongs to.
#[derive(Clone, Debug)]
enum Place {
    Start,
    Head(Head),
    Body,
    /// After a line that is only `…`.
    Anywhere,
}

/// What comes next on a connection.
enum Arrival {
    Line(String),
    End(String),
}

impl Connection {
    /// Sends the request.
    pub(super) async fn open(mut socket: Socket, curl: Curl) -> Self {
        let mut headers: Vec<_> = curl
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if curl.websocket {
            headers.extend(websocket::UPGRADE);
        }
        socket
            .send(http::request(
                &curl.method,
                &curl.target,
                &headers,
                &curl.body,
            ))
            .await;
        Self {
            curl,
            wire: Wire::Waiting(socket),
            coded: false,
            place: Place::Start,
        }
    }

    /// Reads the whole answer, so that what comes next on the page happens after it.
    pub(super) async fn read_whole(&mut self) -> Result<(), String> {
        self.start().await?;
        if let Wire::Http(body) = &mut self.wire {
            while body.fill().await == Next::More {}
            if self.coded {
                let packed = std::mem::take(&mut body.ahead);
                let unpacked = GzDecoder::new(&*packed).read_to_end(&mut body.ahead);
                unpacked.map_err(|error| format!("no gzip: {error}"))?;
            }
        }
        Ok(())
    }

    /// Sends a message.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), String> {
        self.start().await?;
        match &mut self.wire {
            Wire::WebSocket(socket) => {
                socket.say(text).await;
                Ok(())
            }
            Wire::Waiting(_) | Wire::Http(_) | Wire::Moving => Err("no WebSocket".into()),
        }
    }

    /// Whether the next line is `pattern`; otherwise what it is.
    pub(super) async fn expect(&mut self, pattern: &str, names: &mut Names) -> Result<(), String> {
        self.start().await?;
        if let Place::Head(head) = &self.place {
            if pattern.is_empty() {
                self.place = Place::Body;
                return Ok(());
            }
            return in_head(head, pattern, names);
        }
        if pattern == "…" {
            self.place = Place::Anywhere;
            return Ok(());
        }
        let mut passed = Vec::new();
        loop {
            let (Arrival::Line(text) | Arrival::End(text)) = &self.arrival(pattern).await;
            if names.agree(pattern, text) {
                self.place = Place::Body;
                return Ok(());
            }
            passed.push(text.clone());
            if matches!(self.place, Place::Body) || text.starts_with("(the ") {
                return Err(passed.join(" | "));
            }
        }
    }

    /// Ends the connection; nothing may have come that the page does not show.
    pub(super) async fn leave(mut self) -> Result<(), String> {
        self.start().await?;
        if !matches!(self.place, Place::Body) {
            return Ok(());
        }
        let unread = match &mut self.wire {
            Wire::Http(body) if !self.curl.stream => {
                if body.end().await == Next::Cut {
                    return Err("the connection broke in the middle of the answer".into());
                }
                body.ahead.clone()
            }
            Wire::Http(body) => {
                patiently(Duration::from_millis(1), body.fill()).await;
                body.ahead.clone()
            }
            Wire::WebSocket(socket) => {
                patiently(Duration::from_millis(1), socket.socket.fill()).await;
                socket.socket.unread().to_vec()
            }
            Wire::Waiting(_) | Wire::Moving => Vec::new(),
        };
        match String::from_utf8_lossy(&unread).trim_end() {
            "" => Ok(()),
            more => Err(format!("there was more than the page shows: {more}")),
        }
    }

    /// Reads the head, once. A refusal must be shown, with `-i`.
    async fn start(&mut self) -> Result<(), String> {
        let Wire::Waiting(socket) = &mut self.wire else {
            return Ok(());
        };
        let head = socket
            .head()
            .await
            .ok_or("the connection ended without an answer")?;
        self.coded = self.curl.compressed && head.header("content-encoding") == Some("gzip");
        let Wire::Waiting(socket) = std::mem::replace(&mut self.wire, Wire::Moving) else {
            return Err("the head was read twice".into());
        };
        self.wire = match head.status {
            101 => Wire::WebSocket(WebSocket {
                socket,
                head: head.clone(),
            }),
            _ => Wire::Http(head.body(socket, &self.curl.method)),
        };
        if !self.curl.head && !matches!(head.status, 101 | 200..=299) {
            let mut body = Vec::new();
            if let Wire::Http(rest) = &mut self.wire {
                rest.end().await;
                body.clone_from(&rest.ahead);
            }
            return Err(format!(
                "status {} with {}",
                head.status,
                String::from_utf8_lossy(&body)
            ));
        }
        self.place = if self.curl.head {
            Place::Head(head)
        } else {
            Place::Body
        };
        Ok(())
    }

    async fn arrival(&mut self, pattern: &str) -> Arrival {
        match &mut self.wire {
            Wire::Http(body) => line(body).await,
            Wire::WebSocket(socket) => message(socket, pattern).await,
            Wire::Waiting(_) | Wire::Moving => Arrival::End("(the beginning)".into()),
        }
    }
}

/// The next line of a body.
async fn line(body: &mut Body) -> Arrival {
    loop {
        if let Some(end) = body.ahead.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = body.ahead.drain(..=end).collect();
            return Arrival::Line(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        let next = body.fill().await;
        if next != Next::More && !body.ahead.is_empty() {
            let line = std::mem::take(&mut body.ahead);
            return Arrival::Line(String::from_utf8_lossy(&line).into_owned());
        }
        match next {
            Next::More => {}
            Next::Clean => return Arrival::End("(the end)".into()),
            Next::Cut => return Arrival::End("(the connection breaks)".into()),
        }
    }
}

/// The next message. Pings are answered, and shown only to a page that expects one.
async fn message(socket: &mut WebSocket, pattern: &str) -> Arrival {
    loop {
        return match socket.next().await {
            Some(Message::Text(text)) => Arrival::Line(text),
            Some(Message::Ping(payload)) => {
                let pong = websocket::frame(0x80 | websocket::PONG, true, &payload);
                socket.socket.send(pong).await;
                if pattern != "(ping)" {
                    continue;
                }
                Arrival::Line("(ping)".into())
            }
            Some(Message::Pong(_)) => continue,
            Some(Message::Close(Some(code), reason)) => {
                Arrival::Line(format!("(close {code} {reason})"))
            }
            Some(Message::Close(None, _)) => Arrival::Line("(close without a code)".into()),
            None => Arrival::End("(the connection breaks)".into()),
        };
    }
}

/// A line of the head as `curl -i` shows it: the status line, or a header, whichever place it stands in.
fn in_head(head: &Head, pattern: &str, names: &mut Names) -> Result<(), String> {
    if pattern.starts_with("HTTP/") {
        let line = format!("HTTP/1.1 {} {}", head.status, head.reason);
        return if names.agree(pattern, &line) {
            Ok(())
        } else {
            Err(line)
        };
    }
    let (name, value) = pattern.split_once(": ").unwrap_or((pattern, ""));
    let same = head
        .headers
        .iter()
        .filter(|(have, _)| have.eq_ignore_ascii_case(name));
    let values: Vec<&str> = same.map(|(_, value)| value.as_str()).collect();
    if values.iter().any(|have| names.agree(value, have)) {
        return Ok(());
    }
    Err(match values.is_empty() {
        true => format!("no header {name}"),
        false => values.join(", "),
    })
}
