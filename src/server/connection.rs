//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsAcceptor;

use crate::model::peer::Peer;
use crate::service::{Audience, Connection, Response};
use crate::transport::link::Link;

use super::GOODBYE;
use super::accept::{Acceptor, Place};
use super::channel::{Channel, Version};
use super::guarded::Guarded;
use super::held::held;
use super::socket::Socket;

/// The largest request head, in bytes: hyper answers a larger one with 431.
const HEAD: usize = 16 * 1024;
/// Requests under way at once on one HTTP/2 connection (RFC 9113 §5.1.2).
const STREAMS: u32 = 250;
/// What a client may send on one HTTP/2 stream before we have read it, in bytes (RFC 9113 §6.9).
const WINDOW: u32 = 64 * 1024;
/// What hyper keeps of one HTTP/2 response that its client does not take yet, in bytes.
const UNSENT: usize = 64 * 1024;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// A connection as it was accepted.
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) peer: Peer,
    /// Where TLS is to be spoken.
    pub(super) tls: Option<TlsAcceptor>,
    /// Its place among those allowed.
    pub(super) place: Place,
    /// Whether it is one too many.
    pub(super) surplus: bool,
}

/// What all requests of one connection have in common.
struct Remote {
    peer: Peer,
    surplus: bool,
    secure: bool,
    audience: Audience,
    link: Link,
}

impl Remote {
    /// The connection, as one request has it.
    fn connection(&self) -> Connection {
        Connection {
            peer: self.peer,
            surplus: self.surplus,
            secure: self.secure,
            audience: self.audience,
            hold: self.link.hold(),
        }
    }
}

/// No request follows on this connection. An upgrade says `Upgrade` there and nothing else, because some clients refuse
/// a list.
fn last(response: &mut Response) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}

impl Acceptor {
    /// Serves one connection to its end.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted {
            socket,
            peer,
            tls,
            place,
            surplus,
        } = accepted;
        let link = Link::default();
        let (context, stall) = (&self.context, self.timeouts.write_stall);
        let (clock, draining) = (context.clock.clone(), context.draining.clone());
        let socket = Guarded::new(socket, place, link.clone(), clock, stall, draining);
        let secure = tls.is_some();
        let remote = Remote {
            peer,
            surplus,
            secure,
            audience: self.audience,
            link,
        };
        let served = match self.open(socket, tls).await {
            Ok(None) => return,
            Ok(Some((channel, Version::Http1))) => self.http1(channel, &remote).await,
            // In a box: an idle connection of the other kind does not pay for its size.
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
    ) -> io::Result<Option<(Channel, Version)>> {
        let mut draining = self.context.draining.clone();
        let opening = Channel::open(socket, tls.as_ref());
        tokio::select! {
            biased;
            () = draining.begun() => Ok(None),
            opened = self.context.clock.timeout(self.timeouts.handshake, opening) => opened.unwrap_or(Ok(None)),
        }
    }

    async fn http1(&self, channel: Channel, remote: &Remote) -> hyper::Result<()> {
        let service = service_fn(async |request| {
            let hold = remote.link.hold();
            let mut response = self.service.respond(request, remote.connection()).await;
            if remote.surplus || self.context.draining.has_begun() {
                last(&mut response);
            }
            Ok::<_, Infallible>(held(response, hold, false))
        });
        let mut http = http1::Builder::new();
        http.timer(self.context.clock.clone())
            .header_read_timeout(self.timeouts.header)
            .max_buf_size(HEAD);
        let serving = http.serve_connection(TokioIo::new(channel), service);
        let serving = pin!(serving.with_upgrades());
        let shut = |serving: Pin<&mut _>| http1::UpgradeableConnection::graceful_shutdown(serving);
        self.until_drained(serving, shut, &remote.link, pending())
            .await
    }

    async fn http2(self: &Arc<Self>, channel: Channel, remote: &Remote) -> hyper::Result<()> {
        let requests = Arc::new(AtomicU64::new(0));
        let service = service_fn(|request| {
            requests.fetch_add(1, Ordering::Relaxed);
            let (acceptor, connection, hold) =
                (self.clone(), remote.connection(), remote.link.hold());
            // A task of its own polls it.
            async move {
                let response = acceptor.service.respond(request, connection).await;
                Ok::<_, Infallible>(held(response, hold, true))
            }
        });
        let mut http = http2::Builder::new(self.context.tasks.clone());
        http.timer(self.context.clock.clone())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .max_send_buf_size(UNSENT)
            .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        let serving = pin!(http.serve_connection(TokioIo::new(channel), service));
        let shut = |serving: Pin<&mut _>| http2::Connection::graceful_shutdown(serving);
        let (clock, link) = (&self.context.clock, &remote.link);
        let superfluous = async {
            match remote.surplus {
                true => clock.sleep(GOODBYE).await,
                false => self.idle(&requests, link).await,
            }
        };
        let running = self.until_drained(serving, shut, link, superfluous);
        tokio::select! {
            ended = running => ended,
            () = self.stalled(link) => {
                link.on_give_up();
                Ok(())
            }
            // It was only to be told that it is one too many.
            () = clock.sleep(3 * GOODBYE), if remote.surplus => Ok(()),
        }
    }

    /// Returns once what waits for the client has waited for too long, and it took nothing else meanwhile: over HTTP/2
    /// the socket may be free while the windows of all streams are closed.
    async fn stalled(&self, link: &Link) {
        let mut seen = None;
        loop {
            let now = link.is_owed().then(|| link.given());
            if now.is_some() && now == seen {
                return;
            }
            seen = now;
            self.context.clock.sleep(self.timeouts.write_stall).await;
        }
    }

    /// Runs a connection to its end. Once the gateway drains, or the connection is `superfluous`, it ends as soon as
    /// nothing is under way on it: some clients of HTTP/2 take GOAWAY for the end of every stream.
    async fn until_drained<C: Future<Output = hyper::Result<()>>>(
        &self,
        mut serving: Pin<&mut C>,
        shut: fn(Pin<&mut C>),
        link: &Link,
        superfluous: impl Future<Output = ()>,
    ) -> hyper::Result<()> {
        let (clock, mut draining) = (&self.context.clock, self.context.draining.clone());
        tokio::select! {
            ended = link.drive(serving.as_mut()) => return ended,
            () = draining.begun() => {}
            () = superfluous => {}
        }
        let (mut is_shut, mut seen) = (false, None);
        loop {
            tokio::select! {
                ended = link.drive(serving.as_mut()) => return ended,
                () = link.freed(), if !is_shut => {
                    shut(serving.as_mut());
                    is_shut = true;
                }
                () = clock.sleep(GOODBYE) => {
                    // Half a request head is left, or a client that takes nothing of what it is given.
                    let now = Some(link.moved());
                    if (is_shut && link.is_idle()) || (link.is_owed() && seen == now) {
                        return Ok(());
                    }
                    seen = now;
                }
            }
        }
    }

    /// Returns once nothing has been under way for as long as a connection is kept without. HTTP/1.1 has its header
    /// timeout for it.
    async fn idle(&self, requests: &AtomicU64, link: &Link) {
        let mut seen = None;
        loop {
            let now = Some(requests.load(Ordering::Relaxed)).filter(|_| link.is_idle());
            if now.is_some() && now == seen {
                return;
            }
            seen = now;
            self.context.clock.sleep(self.timeouts.idle).await;
        }
    }
}
