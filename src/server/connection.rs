//! One connection, from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode};
use tokio_rustls::TlsAcceptor;

use crate::lifecycle::random;
use crate::model::code::Refusal;
use crate::model::peer::Peer;
use crate::service::{Audience, Connection};
use crate::transport::link::Link;
use crate::transport::shard::Shard;

use super::accept::{Acceptor, Place};
use super::channel::{Channel, Version};
use super::guarded::Guarded;
use super::socket::Socket;

/// The largest request head, in bytes: hyper answers a larger one with 431.
pub(super) const HEAD: usize = 16 * 1024;

/// A connection as it was accepted.
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) peer: Peer,
    /// Where TLS is to be spoken.
    pub(super) tls: Option<TlsAcceptor>,
    /// Its place among those allowed.
    pub(super) place: Place,
    /// Why it is one too many, if it is.
    pub(super) surplus: Option<Arc<Refusal>>,
    /// Where it lives.
    pub(super) shard: Arc<Shard>,
}

/// What all requests of one connection have in common.
pub(super) struct Remote {
    pub(super) peer: Peer,
    pub(super) surplus: Option<Arc<Refusal>>,
    secure: bool,
    audience: Audience,
    pub(super) link: Link,
    pub(super) shard: Arc<Shard>,
}

impl Remote {
    /// The connection, as one request has it.
    pub(super) fn connection(&self) -> Connection {
        Connection {
            peer: self.peer,
            request: random::bits(),
            surplus: self.surplus.clone(),
            secure: self.secure,
            audience: self.audience,
            hold: self.link.hold(),
        }
    }
}

/// No request follows on this connection. An upgrade says `Upgrade` there and nothing else, because some clients refuse
/// a list.
pub(super) fn last<B>(response: &mut http::Response<B>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}

impl Acceptor {
    /// Serves one connection to its end, or until a stream takes it.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted {
            socket,
            peer,
            tls,
            place,
            surplus,
            shard,
        } = accepted;
        let link = Link::default();
        let (context, timeouts) = (&self.context, self.context.rules().timeouts);
        let stall = timeouts.write_stall;
        let (clock, draining) = (context.clock.clone(), context.draining.clone());
        if let Peer::Tcp(_) = peer {
            socket.set_up(stall);
        }
        let socket = Guarded::new(socket, place, link.clone(), clock, stall, draining);
        let secure = tls.is_some();
        let remote = Arc::new(Remote {
            peer,
            surplus,
            secure,
            audience: self.audience,
            link,
            shard,
        });
        // In boxes: what lasts does not pay for the size of what does not, nor for the other kind of connection.
        let served = match Box::pin(self.open(socket, tls, timeouts.handshake)).await {
            Ok(None) => return,
            Ok(Some((channel, Version::Http1))) => Box::pin(self.http1(channel, &remote)).await,
            Ok(Some((channel, Version::Http2))) => Box::pin(self.http2(channel, &remote)).await,
            Err(error) => return tracing::debug!(%peer, %error, "connection not opened"),
        };
        if let Err(error) = served {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// One patience for the TLS handshake and the first byte of HTTP: who says nothing is not waited for.
    async fn open(
        &self,
        socket: Guarded,
        tls: Option<TlsAcceptor>,
        patience: Duration,
    ) -> io::Result<Option<(Channel, Version)>> {
        let mut draining = self.context.draining.clone();
        let opening = Channel::open(socket, tls.as_ref());
        tokio::select! {
            biased;
            () = draining.begun() => Ok(None),
            opened = self.context.clock.timeout(patience, opening) => opened.unwrap_or(Ok(None)),
        }
    }
}
