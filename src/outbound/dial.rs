//! Bare connections to one server, in clear or over TLS, for who speaks the protocol on them by hand.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{Error, Fault};
use super::trust::Trust;

/// Where a server is, looked up once, and how to know it.
#[derive(Clone)]
pub struct Dialer {
    addresses: Vec<SocketAddr>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection. Over TLS no protocol is agreed on (ALPN), which is HTTP/1.1.
#[derive(Debug)]
pub enum Stream {
    /// In clear.
    Clear(TcpStream),
    /// Over TLS 1.3 or 1.2.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    /// For the server of `uri`: over TLS if its scheme is `https` or `wss`, at 443 or 80 if it names no port.
    ///
    /// # Errors
    /// Its name is not known.
    pub async fn new(trust: &Trust, uri: &Uri) -> Result<Self, Error> {
        let unknown = |why: &str| Error::new(Fault::Unreachable, why);
        let host = uri.host().ok_or_else(|| unknown("the URL names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let secure = matches!(uri.scheme_str(), Some("https" | "wss"));
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let found = lookup_host((host, port)).await;
        let addresses: Vec<SocketAddr> = found.map_err(|why| unknown(&why.to_string()))?.collect();
        let tls = if secure {
            let name = ServerName::try_from(host.to_owned());
            let connector = TlsConnector::from(Arc::new(trust.config().clone()));
            Some((connector, name.map_err(|why| unknown(&why.to_string()))?))
        } else {
            None
        };
        Ok(Self { addresses, tls })
    }

    /// A new connection, to the first of the server's addresses that takes one.
    ///
    /// # Errors
    /// None does, or the server is not the one.
    pub async fn connect(&self) -> Result<Stream, Error> {
        let stream = TcpStream::connect(&*self.addresses).await?;
        // Without it a request of two writes waits for the server's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Stream::Clear(stream),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Stream::Tls(Box::new(stream))
            }
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
