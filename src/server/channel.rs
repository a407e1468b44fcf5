//! What a connection turns out to be: clear or TLS, HTTP/1.1 or HTTP/2.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::telemetry::metrics::Metrics;

use super::ahead::Ahead;
use super::guarded::Guarded;
use super::tls::H2;

/// The bytes of one connection, as HTTP reads and writes them.
#[allow(
    clippy::large_enum_variant,
    reason = "most connections are clear, and need no box of their own"
)]
pub(super) enum Channel {
    Clear(Ahead<Guarded>),
    /// Boxed, because it is large and most connections behind a proxy are clear.
    Secure(Box<Ahead<TlsStream<Ahead<Guarded>>>>),
}

// One byte more, and the allocator takes 192 for each connection.
const _: () = assert!(size_of::<Channel>() <= 160);

/// The version that a connection begins with, and stays with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// What an HTTP/2 client sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first byte of a TLS connection: the content type of a handshake record (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// For who writes `http://` where `https://` is spoken. Raw, because no HTTP runs here.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\
cache-control: no-store\r\nconnection: close\r\n\r\n\
{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\
\"detail\":\"this port speaks HTTPS: write https:// (or wss://)\",\"code\":\"bad_request\"}";

impl Channel {
    /// Opens a connection that has just been accepted: TLS where `tls` is given, and its first bytes. Nothing where
    /// the client went away, or did not speak TLS and was told so.
    pub(super) async fn open(
        mut socket: Ahead<Guarded>,
        tls: Option<&TlsAcceptor>,
        metrics: &Metrics,
    ) -> io::Result<Option<(Self, Version)>> {
        let mut channel = match tls {
            None => Self::Clear(socket),
            Some(tls) => match socket.look(|seen| !seen.is_empty()).await?.first() {
                None => return Ok(None),
                Some(&HANDSHAKE) => {
                    let counted = metrics.shake_hands();
                    let stream = tls.accept(socket).await?;
                    counted.done();
                    Self::Secure(Box::new(Ahead::new(stream)))
                }
                Some(_) => {
                    socket.write_all(PLAIN_HTTP).await?;
                    socket.shutdown().await?;
                    return Ok(None);
                }
            },
        };
        let version = channel.version().await?;
        Ok(version.map(|version| (channel, version)))
    }

    /// Puts `bytes` before whatever is to be read.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        match self {
            Self::Clear(io) => io.put_back(bytes),
            Self::Secure(io) => io.put_back(bytes),
        }
    }

    /// From now on the bytes are not HTTP's any more.
    pub(super) fn leave_http(&mut self) {
        match self {
            Self::Clear(io) => io.get_mut().leave_http(),
            Self::Secure(io) => io.get_mut().get_mut().0.get_mut().leave_http(),
        }
    }

    /// The version, once the client has begun to speak it: by ALPN over TLS (without it, HTTP/1.1), by the preface in
    /// clear text. A client of HTTP/2 has sent the whole preface then, for which hyper would wait for ever.
    async fn version(&mut self) -> io::Result<Option<Version>> {
        match self {
            Self::Clear(io) => {
                let seen = io
                    .look(|seen| seen.len() >= PREFACE.len() || !is_preface(seen))
                    .await?;
                Ok(version(seen, is_preface(seen)))
            }
            Self::Secure(io) => {
                let agreed = io.get().get_ref().1.alpn_protocol() == Some(H2);
                let seen = io
                    .look(|seen| {
                        if agreed {
                            seen.len() >= PREFACE.len()
                        } else {
                            !seen.is_empty()
                        }
                    })
                    .await?;
                Ok(version(seen, agreed))
            }
        }
    }
}

/// Whether this is the preface, or its beginning.
fn is_preface(seen: &[u8]) -> bool {
    let length = seen.len().min(PREFACE.len());
    seen[..length] == PREFACE[..length]
}

fn version(seen: &[u8], is_http2: bool) -> Option<Version> {
    match (seen, is_http2) {
        ([], _) => None,
        (_, true) => Some(Version::Http2),
        (_, false) => Some(Version::Http1),
    }
}

/// Calls the same method of whichever layer it is.
macro_rules! either {
    ($channel:expr, $io:ident => $call:expr) => {
        match $channel {
            Channel::Clear($io) => $call,
            Channel::Secure($io) => $call,
        }
    };
}

impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.get_mut(), io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, io => io.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), io => Pin::new(io).poll_shutdown(cx))
    }
}
