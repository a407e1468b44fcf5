//! What carries a response: HTTP/1.1 or HTTP/2, in clear text or over TLS. Whichever it is, a client takes a counted
//! number of bytes at a time.

use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes};
use h2::client::{ResponseFuture, SendRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::http::Response;
use crate::support::socket::Io;
use crate::support::tls::Certificate;

/// How a client reaches the gateway.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Way {
    pub(in super::super) clear: SocketAddr,
    pub(in super::super) secure: SocketAddr,
    /// Whether over TLS.
    pub(in super::super) tls: bool,
    /// Whether HTTP/2.
    pub(in super::super) http2: bool,
    /// Whether with little room for what the gateway sends.
    pub(in super::super) narrow: bool,
}

/// An HTTP/2 connection, which streams may share.
pub(in super::super) type Shared = SendRequest<Bytes>;

/// What carries one response.
pub(in super::super) enum Carrier {
    Http1(Box<dyn Io>),
    Http2(Box<Http2>),
}

/// A stream of HTTP/2.
pub(in super::super) struct Http2 {
    head: Option<ResponseFuture>,
    body: Option<h2::RecvStream>,
    /// What has come and was not taken.
    held: Bytes,
    /// The way back, where it is a WebSocket.
    back: Option<h2::SendStream<Bytes>>,
}

/// What an upgrade names, and the `:protocol` of a CONNECT.
const WEBSOCKET: &str = "websocket";
/// The room that a narrow client leaves, in bytes.
const NARROW: u32 = 4096;

impl Way {
    async fn connect(&self, certificate: &Certificate) -> Box<dyn Io> {
        let address = if self.tls { self.secure } else { self.clear };
        let socket = TcpSocket::new_v4().unwrap();
        // Over HTTP/2 the stream's window is narrow. A TLS record needs more than a narrow socket holds, and comes piece by
        // piece, at the pace of the kernel's probes.
        if self.narrow && !self.tls && !self.http2 {
            socket.set_recv_buffer_size(NARROW).unwrap();
        }
        let stream: TcpStream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if !self.tls {
            return Box::new(stream);
        }
        let protocol = if self.http2 { "h2" } else { "http/1.1" };
        Box::new(certificate.over(stream, protocol).await)
    }

    /// A new HTTP/2 connection.
    pub(in super::super) async fn http2(&self, certificate: &Certificate) -> Shared {
        let io = self.connect(certificate).await;
        let mut settings = h2::client::Builder::new();
        // As browsers have it: what one stream does not read must not use up the room of the others.
        settings.initial_connection_window_size(1 << 30);
        if self.narrow {
            settings.initial_window_size(NARROW);
        }
        let (requests, connection) = settings.handshake(io).await.unwrap();
        #[allow(clippy::disallowed_methods, reason = "it ends with the run's runtime")]
        tokio::spawn(async move {
            let _ = connection.await;
        });
        requests
    }
}

impl Carrier {
    pub(in super::super) async fn http1(
        way: &Way,
        certificate: &Certificate,
        request: &str,
    ) -> Self {
        let mut stream = way.connect(certificate).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        Self::Http1(stream)
    }

    /// Sends a request on a connection that may be gone; nothing if it is.
    pub(in super::super) async fn http2(connection: &Shared, request: &str) -> Option<Self> {
        let mut ready = connection.clone().ready().await.ok()?;
        let request = parse(request);
        let is_tunnel = request.method() == http::Method::CONNECT;
        let (head, back) = ready.send_request(request, !is_tunnel).ok()?;
        Some(Self::Http2(Box::new(Http2 {
            head: Some(head),
            body: None,
            held: Bytes::new(),
            back: is_tunnel.then_some(back),
        })))
    }

    /// Takes at most `most` bytes into `response`, and says how many; an error at the end, however it came.
    /// Dropping the future loses nothing.
    pub(super) async fn read(&mut self, most: usize, response: &mut Response) -> io::Result<usize> {
        match self {
            Self::Http1(stream) => {
                let mut chunk = vec![0; most.min(16 * 1024)];
                let count = stream.read(&mut chunk).await?;
                response.feed(&chunk[..count]);
                (count > 0)
                    .then_some(count)
                    .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Self::Http2(stream) => stream.read(most, response).await,
        }
    }

    /// Sends bytes of a WebSocket. That the other side has hung up is seen by a read.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Http1(stream) => _ = stream.write_all(bytes).await,
            Self::Http2(stream) => {
                let back = stream.back.as_mut().unwrap();
                let _ = back.send_data(Bytes::copy_from_slice(bytes), false);
            }
        }
    }
}

impl Http2 {
    async fn read(&mut self, most: usize, response: &mut Response) -> io::Result<usize> {
        if let Some(head) = &mut self.head {
            let (head, body) = head.await.map_err(io::Error::other)?.into_parts();
            // A WebSocket is open with 200 (RFC 8441 §5), where HTTP/1.1 says 101.
            let is_open = self.back.is_some() && head.status == http::StatusCode::OK;
            response.begin(if is_open { 101 } else { head.status.as_u16() });
            (self.head, self.body) = (None, Some(body));
        }
        let body = self.body.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        if self.held.is_empty() {
            match body.data().await {
                Some(data) => self.held = data.map_err(io::Error::other)?,
                None => {
                    response.end();
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let count = most.min(self.held.len());
        response.body.extend(&self.held[..count]);
        self.held.advance(count);
        let _ = body.flow_control().release_capacity(count);
        Ok(count)
    }
}

/// The request that HTTP/1.1 would write; instead of an upgrade a CONNECT (RFC 8441 §4).
fn parse(text: &str) -> http::Request<()> {
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("https://gateway.test{target}"));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = match name {
            "Upgrade" => request
                .method(http::Method::CONNECT)
                .extension(h2::ext::Protocol::from_static(WEBSOCKET)),
            "Host" | "Connection" | "Sec-WebSocket-Key" => request,
            _ => request.header(name, value),
        };
    }
    request.body(()).unwrap()
}
