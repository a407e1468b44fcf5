//! One connection, from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode};

use crate::lifecycle::random;
use crate::model::code::Refusal;
use crate::model::peer::Peer;
use crate::service::{Audience, Connection};
use crate::transport::link::Link;
use crate::transport::shard::Shard;

use super::GOODBYE;
use super::accept::{Acceptor, Place, Speech};
use super::ahead::Ahead;
use super::channel::{Channel, Version};
use super::guarded::Guarded;
use super::socket::Socket;

/// The largest request head, in bytes: hyper answers a larger one with 431.
pub(super) const HEAD: usize = 16 * 1024;

/// A connection as it was accepted.
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) peer: Peer,
    /// What is spoken before HTTP.
    pub(super) speech: Speech,
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
            shard: self.shard.clone(),
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
            speech,
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
        let secure = speech.tls.is_some();
        // In boxes: what lasts does not pay for the size of what does not, nor for the other kind of connection.
        let opening = Box::pin(self.open(socket, peer, speech, timeouts.handshake));
        let (channel, version, peer) = match opening.await {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(error) => return tracing::debug!(%peer, %error, "connection not opened"),
        };
        let remote = Arc::new(Remote {
            peer,
            surplus,
            secure,
            audience: self.audience,
            link,
            shard,
        });
        let served = match version {
            Version::Http1 => Box::pin(self.http1(channel, &remote)).await,
            Version::Http2 => Box::pin(self.http2(channel, &remote)).await,
        };
        if let Err(error) = served {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// One patience for the PROXY header, the TLS handshake and the first byte of HTTP: who says nothing is not waited
    /// for. Gives the client's address too.
    async fn open(
        &self,
        socket: Guarded,
        peer: Peer,
        speech: Speech,
        patience: Duration,
    ) -> io::Result<Option<(Channel, Version, Peer)>> {
        let mut draining = self.context.draining.clone();
        let opening = async {
            let mut socket = Ahead::new(socket);
            let peer = if speech.announced {
                self.announced(&mut socket, peer).await?
            } else {
                peer
            };
            let opened = Channel::open(socket, speech.tls.as_ref(), &self.context.metrics).await?;
            Ok(opened.map(|(channel, version)| (channel, version, peer)))
        };
        // Who was accepted in the moment before a drain has not been told of it, and is still answered.
        let hurried = async {
            draining.begun().await;
            self.context.clock.sleep(GOODBYE).await;
        };
        tokio::select! {
            biased;
            opened = self.context.clock.timeout(patience, opening) => opened.unwrap_or(Ok(None)),
            () = hurried => Ok(None),
        }
    }
}
