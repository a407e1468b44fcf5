//! A response of HTTP/1.1 (RFC 9112) that arrives in pieces.

/// Where the response is.
#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of the body are to come.
    Length(usize),
    /// The line with a chunk's size is next.
    ChunkSize,
    /// So many bytes of a chunk, its line end included, are to come.
    Chunk(usize),
    /// The last chunk's empty line is next.
    Trailer,
    /// The body ends with the connection, or another protocol has begun.
    Open,
    Whole,
}

/// A response so far.
#[derive(Debug)]
pub(in super::super) struct Response {
    state: State,
    ahead: Vec<u8>,
    pub(in super::super) status: u16,
    /// What of the body has arrived and was not taken.
    pub(in super::super) body: Vec<u8>,
}

impl Response {
    pub(in super::super) const fn new() -> Self {
        Self {
            state: State::Head,
            ahead: Vec::new(),
            status: 0,
            body: Vec::new(),
        }
    }

    /// Whether the body ended as its framing promised.
    pub(in super::super) const fn whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    /// Begins with this status, where the head comes by itself.
    pub(super) const fn begin(&mut self, status: u16) {
        self.status = status;
        self.state = State::Open;
    }

    /// The body has ended as its framing promised.
    pub(super) const fn end(&mut self) {
        self.state = State::Whole;
    }

    /// Takes more bytes.
    pub(in super::super) fn feed(&mut self, bytes: &[u8]) {
        self.ahead.extend(bytes);
        while self.step() {}
    }

    fn step(&mut self) -> bool {
        match self.state {
            State::Head => self.head(),
            State::Length(0) => {
                self.state = State::Whole;
                true
            }
            State::Length(left) => {
                let taken = self.take(left);
                self.state = State::Length(left - taken);
                taken > 0
            }
            State::ChunkSize => match self.line() {
                Some(line) => {
                    let size = usize::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
                    self.state = if size == 0 {
                        State::Trailer
                    } else {
                        State::Chunk(size + 2)
                    };
                    true
                }
                None => false,
            },
            State::Chunk(left) => self.chunk(left),
            State::Trailer => {
                let line = self.line();
                if line.as_deref() == Some("") {
                    self.state = State::Whole;
                }
                line.is_some()
            }
            State::Open => self.take(usize::MAX) > 0,
            State::Whole => false,
        }
    }

    fn head(&mut self) -> bool {
        let Some(end) = self.ahead.windows(4).position(|at| at == b"\r\n\r\n") else {
            return false;
        };
        let head: Vec<u8> = self.ahead.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        self.status = head[9..12].parse().unwrap();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(have, _)| *have == name)
                .map(|(_, value)| value.trim().to_owned())
        };
        self.state = match (
            self.status,
            header("transfer-encoding"),
            header("content-length"),
        ) {
            (100, ..) => State::Head,
            (101, ..) => State::Open,
            (_, Some(_), _) => State::ChunkSize,
            (_, None, Some(length)) => State::Length(length.parse().unwrap()),
            (_, None, None) => State::Open,
        };
        true
    }

    fn chunk(&mut self, left: usize) -> bool {
        let data = left.saturating_sub(2);
        if data > 0 {
            let taken = self.take(data);
            self.state = State::Chunk(left - taken);
            return taken > 0;
        }
        let end = left.min(self.ahead.len());
        self.ahead.drain(..end);
        self.state = if end == left {
            State::ChunkSize
        } else {
            State::Chunk(left - end)
        };
        end > 0
    }

    /// Moves up to `most` bytes to the body.
    fn take(&mut self, most: usize) -> usize {
        let count = most.min(self.ahead.len());
        self.body.extend(self.ahead.drain(..count));
        count
    }

    fn line(&mut self) -> Option<String> {
        let end = self.ahead.windows(2).position(|at| at == b"\r\n")?;
        let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
        Some(String::from_utf8(line[..end].to_vec()).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_the_same_whole_and_byte_by_byte() {
        for (bytes, status, body, whole) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                200,
                "hello",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
                200,
                "hello",
                false,
            ),
            (
                "HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
                403,
                "hello",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nl",
                200,
                "hell",
                false,
            ),
            (
                "HTTP/1.1 101 On\r\nUpgrade: websocket\r\n\r\n\u{1}a",
                101,
                "\u{1}a",
                false,
            ),
        ] {
            let mut one = Response::new();
            one.feed(bytes.as_bytes());
            let mut many = Response::new();
            bytes.as_bytes().iter().for_each(|byte| many.feed(&[*byte]));
            for response in [one, many] {
                assert_eq!(
                    (response.status, response.whole()),
                    (status, whole),
                    "{bytes:?}"
                );
                assert_eq!(response.body, body.as_bytes(), "{bytes:?}");
            }
        }
    }
}
