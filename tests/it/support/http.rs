//! HTTP/1.1 (RFC 9112) as a client sees it, written from the standard and sharing nothing with the gateway.

use super::socket::Socket;

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The words after the status.
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its framing promised.
    pub(crate) whole: bool,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
    Over,
}

/// How a body went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    /// It ended as its framing promised.
    Clean,
    /// The connection ended in the middle.
    Cut,
}

/// A body that is read piece by piece.
pub(crate) struct Body {
    pub(crate) socket: Socket,
    framing: Framing,
    /// What has arrived and was not taken yet.
    pub(crate) ahead: Vec<u8>,
}

/// The bytes of a request.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost:8080\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

impl Head {
    /// The value of the first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |(have, _): &&(String, String)| have.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap();
        let (version, rest) = line.split_at(9);
        assert!(version.starts_with("HTTP/1."), "no status line: {line:?}");
        let headers = lines.filter(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().to_owned())
        });
        Self {
            status: rest[..3].parse().unwrap(),
            reason: rest[3..].trim().to_owned(),
            headers: headers.collect(),
        }
    }

    /// The body that follows this head on `socket`, in answer to `method`.
    pub(crate) fn body(&self, socket: Socket, method: &str) -> Body {
        Body {
            socket,
            framing: self.framing(method),
            ahead: Vec::new(),
        }
    }

    fn framing(&self, method: &str) -> Framing {
        let chunked = self.header("transfer-encoding") == Some("chunked");
        match (self.header("content-length"), chunked) {
            _ if method == "HEAD" || matches!(self.status, 101 | 204 | 304) => Framing::Over,
            (_, true) => Framing::Chunked,
            (Some(length), _) => Framing::Length(length.parse().unwrap()),
            (None, false) => Framing::Close,
        }
    }
}

impl Answer {
    pub(crate) const fn status(&self) -> u16 {
        self.head.status
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The `code` of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Socket {
    /// The head of the next answer (interim answers are passed over); `None` if there is none.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            let head = Head::parse(&self.until(b"\r\n\r\n").await?);
            if head.status != 100 {
                return Some(head);
            }
        }
    }

    /// The next answer, whole. It panics if the connection ends without one.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method)
            .await
            .unwrap_or_else(|| panic!("the connection ended without an answer"))
    }

    /// The next answer, whole; `None` if the connection ends without one.
    pub(crate) async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let head = self.head().await?;
        let mut framing = head.framing(method);
        let mut body = Vec::new();
        loop {
            match take(self, &mut framing, &mut body).await {
                Next::More => {}
                end @ (Next::Clean | Next::Cut) => {
                    let whole = end == Next::Clean;
                    return Some(Answer { head, body, whole });
                }
            }
        }
    }

    /// The head of the next answer, and its body to be read piece by piece.
    pub(crate) async fn open_body(mut self, method: &str) -> (Head, Body) {
        let head = self
            .head()
            .await
            .unwrap_or_else(|| panic!("the connection ended without an answer"));
        let body = head.body(self, method);
        (head, body)
    }
}

impl Body {
    /// Waits for the next bytes.
    pub(crate) async fn fill(&mut self) -> Next {
        take(&mut self.socket, &mut self.framing, &mut self.ahead).await
    }

    /// The next block of an event stream without its blank line; `None` when the stream has ended.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            let end = self.ahead.windows(2).position(|at| at == b"\n\n");
            if let Some(end) = end {
                let block: Vec<u8> = self.ahead.drain(..end + 2).collect();
                return Some(String::from_utf8(block[..end].to_vec()).unwrap());
            }
            if self.fill().await != Next::More {
                return None;
            }
        }
    }

    /// The next block whose lines hold `event: NAME`; what comes before is passed over.
    pub(crate) async fn event(&mut self, name: &str) -> String {
        let line = format!("event: {name}");
        loop {
            match self.block().await {
                Some(block) if block.lines().any(|have| have == line) => return block,
                Some(_) => {}
                None => panic!("the stream ended before an event {name:?}"),
            }
        }
    }

    /// Reads on until the body ends, and says how.
    pub(crate) async fn end(&mut self) -> Next {
        loop {
            match self.fill().await {
                Next::More => {}
                end @ (Next::Clean | Next::Cut) => return end,
            }
        }
    }
}

/// Moves the next piece of the body into `out`.
async fn take(socket: &mut Socket, framing: &mut Framing, out: &mut Vec<u8>) -> Next {
    match *framing {
        Framing::Over | Framing::Length(0) => Next::Clean,
        Framing::Length(count) => match socket.exactly(1).await {
            Some(byte) => {
                out.extend(byte);
                *framing = Framing::Length(count - 1);
                Next::More
            }
            None => Next::Cut,
        },
        Framing::Close => match socket.exactly(1).await {
            Some(byte) => {
                out.extend(byte);
                Next::More
            }
            None => Next::Clean,
        },
        Framing::Chunked => take_chunk(socket, framing, out).await.unwrap_or(Next::Cut),
    }
}

/// One chunk (RFC 9112 §7.1); `None` if the connection ends in the middle.
async fn take_chunk(socket: &mut Socket, framing: &mut Framing, out: &mut Vec<u8>) -> Option<Next> {
    let line = String::from_utf8(socket.until(b"\r\n").await?).unwrap();
    let size = usize::from_str_radix(line.trim(), 16).unwrap();
    let chunk = socket.exactly(size).await?;
    assert_eq!(socket.exactly(2).await?, b"\r\n", "a chunk without its end");
    out.extend(chunk);
    if size > 0 {
        return Some(Next::More);
    }
    *framing = Framing::Over;
    Some(Next::Clean)
}
