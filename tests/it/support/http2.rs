//! HTTP/2 as a client sees it: requests on one connection, and how each of their streams ends.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::secrets::{WATCH, keep_sent};
use super::socket::Socket;
use super::within;

/// One connection.
#[derive(Clone)]
pub(crate) struct Http2(SendRequest<Bytes>);

/// A response whose head has come.
pub(crate) struct Streamed {
    pub(crate) head: http::response::Parts,
    body: RecvStream,
    ahead: Vec<u8>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Clean,
    /// RST_STREAM.
    Reset(Reason),
    /// With its connection.
    Cut,
}

impl Http2 {
    /// Speaks it on `io`.
    pub(crate) async fn on(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::with_window(io, 65_535).await
    }

    /// The same, with this much room for what the gateway sends on one stream, in bytes.
    pub(crate) async fn with_window(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        window: u32,
    ) -> Self {
        let mut settings = h2::client::Builder::new();
        settings.initial_window_size(window);
        settings.initial_connection_window_size(1 << 30);
        let (requests, connection) = settings.handshake(io).await.unwrap();
        #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Self(requests)
    }

    /// Sends a request, whose `headers` may hold pseudo-headers only as part of `target`.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> ResponseFuture {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://localhost{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        keep(target, headers, body.unwrap_or_default());
        let mut ready = within("room for a request", self.0.clone().ready())
            .await
            .unwrap();
        let request = request.body(()).unwrap();
        let (response, mut stream) = ready.send_request(request, body.is_none()).unwrap();
        if let Some(body) = body {
            stream
                .send_data(Bytes::copy_from_slice(body.as_bytes()), true)
                .unwrap();
        }
        response
    }

    /// Sends a request, if the connection still takes one.
    pub(crate) async fn try_send(&mut self, method: &str, target: &str) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://localhost{target}"));
        if let Ok(mut ready) = self.0.clone().ready().await {
            let _ = ready.send_request(request.body(()).unwrap(), true);
        }
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) async fn open(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Streamed {
        let response = self.send(method, target, headers, body).await;
        let (head, body) = within("a response", response).await.unwrap().into_parts();
        WATCH.search_answer(format!("{:?}", head.headers).as_bytes());
        Streamed {
            head,
            body,
            ahead: Vec::new(),
        }
    }

    /// Opens a WebSocket on a stream of its own (RFC 8441): the head of the response, and the bytes behind it.
    pub(crate) async fn tunnel(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
    ) -> (http::response::Parts, Socket) {
        let (head, sender, body) = self.raw_tunnel(target, headers).await;
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        pump(theirs, sender, body);
        (head, Socket::over(ours))
    }

    /// The same, of which nothing is read.
    pub(crate) async fn raw_tunnel(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
    ) -> (http::response::Parts, h2::SendStream<Bytes>, RecvStream) {
        let mut request = http::Request::builder()
            .method("CONNECT")
            .uri(format!("https://localhost{target}"))
            .extension(h2::ext::Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        keep(target, headers, "");
        let mut ready = self.0.clone().ready().await.unwrap();
        let (response, sender) = ready
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        let (head, body) = within("a response", response).await.unwrap().into_parts();
        (head, sender, body)
    }

    /// Whether the gateway lets CONNECT open a WebSocket.
    pub(crate) fn takes_tunnels(&self) -> bool {
        self.0.is_extended_connect_protocol_enabled()
    }

    /// A whole response: its status and its body.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, String) {
        let mut streamed = self.open(method, target, headers, body).await;
        let (rest, end) = streamed.rest().await;
        assert_eq!(end, End::Clean, "{method} {target}");
        (streamed.head.status.as_u16(), rest)
    }
}

/// Keeps the credentials that a request carries.
fn keep(target: &str, headers: &[(&str, &str)], body: &str) {
    keep_sent(
        &WATCH,
        super::http::request("", target, headers, body).as_bytes(),
    );
}

/// Carries bytes both ways, until each ends.
#[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
fn pump(io: tokio::io::DuplexStream, mut sender: h2::SendStream<Bytes>, mut body: RecvStream) {
    let (mut read, mut write) = tokio::io::split(io);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = read.read(&mut buffer).await {
            if sender
                .send_data(Bytes::copy_from_slice(&buffer[..count]), false)
                .is_err()
            {
                return;
            }
        }
        let _ = sender.send_data(Bytes::new(), true);
    });
    tokio::spawn(async move {
        while let Some(Ok(data)) = body.data().await {
            let _ = body.flow_control().release_capacity(data.len());
            if write.write_all(&data).await.is_err() {
                return;
            }
        }
        let _ = write.shutdown().await;
    });
}

impl Streamed {
    /// The next block of an event stream, or how the stream ended.
    pub(crate) async fn block(&mut self) -> Result<String, End> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|at| at == b"\n\n") {
                let block: Vec<u8> = self.ahead.drain(..end + 2).collect();
                return Ok(String::from_utf8(block[..end].to_vec()).unwrap());
            }
            self.fill().await?;
        }
    }

    /// What has come and was not taken yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.ahead
    }

    /// All that is to come, and how it ended.
    pub(crate) async fn rest(&mut self) -> (String, End) {
        loop {
            if let Err(end) = self.fill().await {
                return (
                    String::from_utf8(std::mem::take(&mut self.ahead)).unwrap(),
                    end,
                );
            }
        }
    }

    /// Takes what comes next, and makes no room for more.
    pub(crate) async fn fill_only(&mut self) -> Result<(), End> {
        let data = within("data", self.body.data()).await;
        let data = data.unwrap_or_else(|| panic!("the end")).unwrap();
        WATCH.search_answer(&data);
        self.ahead.extend_from_slice(&data);
        Ok(())
    }

    /// Takes what comes next and makes room for more.
    pub(crate) async fn fill(&mut self) -> Result<(), End> {
        match within("data", self.body.data()).await {
            Some(Ok(data)) => {
                WATCH.search_answer(&data);
                self.ahead.extend_from_slice(&data);
                let _ = self.body.flow_control().release_capacity(data.len());
                Ok(())
            }
            None => Err(End::Clean),
            Some(Err(error)) => Err(match error.reason() {
                Some(reason) if error.is_reset() => End::Reset(reason),
                _ => End::Cut,
            }),
        }
    }
}
