//! HTTP/2 (RFC 9113): streams share the connection, and stay in hyper.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use http::Request;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::service::{Answer, Response};
use crate::transport::granted::Granted;
use crate::transport::link::Hold;
use crate::transport::patience::Patience;
use crate::transport::sse::{self, BrokenOff};

use super::GOODBYE;
use super::accept::Acceptor;
use super::channel::Channel;
use super::connection::{HEAD, Remote};
use super::held::{held, held_stream};
use super::tunnel::Tunnel;

/// Requests under way at once on one HTTP/2 connection (RFC 9113 §5.1.2).
const STREAMS: u32 = 250;
/// What a client may send on one HTTP/2 stream before we have read it, in bytes (RFC 9113 §6.9).
const WINDOW: u32 = 64 * 1024;
/// What hyper keeps of one HTTP/2 response that its client does not take yet, in bytes.
const UNSENT: usize = 64 * 1024;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

impl Acceptor {
    /// Serves one connection to its end.
    pub(super) async fn http2(
        self: &Arc<Self>,
        channel: Channel,
        remote: &Arc<Remote>,
    ) -> hyper::Result<()> {
        let requests = Arc::new(AtomicU64::new(0));
        let service = service_fn(|request: Request<Incoming>| {
            requests.fetch_add(1, Ordering::Relaxed);
            let (acceptor, remote, hold) = (self.clone(), remote.clone(), remote.link.hold());
            // A task of its own polls it, which lasts as long as the response does: in a box, which is gone before.
            let answering = Box::pin(acceptor.answered(request, remote, hold));
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let mut http = http2::Builder::new(self.context.tasks.clone());
        http.timer(self.context.clock.clone())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .max_send_buf_size(UNSENT)
            .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
            .enable_connect_protocol()
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        let serving = pin!(http.serve_connection(TokioIo::new(channel), service));
        let shut = |serving: Pin<&mut _>| http2::Connection::graceful_shutdown(serving);
        let (clock, link) = (&self.context.clock, &remote.link);
        let superfluous = async {
            match remote.surplus.is_some() {
                true => clock.sleep(GOODBYE).await,
                false => self.idle(&requests, link).await,
            }
        };
        let running = self.until_drained(serving, shut, link, superfluous);
        tokio::select! {
            ended = running => ended.unwrap_or(Ok(())),
            () = self.stalled(link) => {
                link.on_give_up();
                Ok(())
            }
            // It was only to be told that it is one too many.
            () = clock.sleep(3 * GOODBYE), if remote.surplus.is_some() => Ok(()),
        }
    }

    /// The response to one request: whole, or a stream's.
    async fn answered(
        self: Arc<Self>,
        request: Request<Incoming>,
        remote: Arc<Remote>,
        hold: Hold,
    ) -> Response {
        let answer = self.service.respond(request, remote.connection());
        match answer.await {
            Answer::Whole(response) => held(response, hold, true),
            Answer::Stream(head, granted) => self.stream(&remote, head, *granted, hold),
            Answer::Poll(head, parked) => {
                let response = self.service.wait(head, parked).await;
                held(response, hold, true)
            }
        }
    }

    /// Gives the stream to the connection's shard: a WebSocket as what becomes of the HTTP/2 stream, an event stream as
    /// the body that hyper writes.
    fn stream(
        &self,
        remote: &Arc<Remote>,
        head: http::Response<()>,
        mut granted: Granted,
        hold: Hold,
    ) -> Response {
        let timeouts = self.context.rules().timeouts;
        let patience = Patience::new(self.context.clock.clone(), timeouts.write_stall);
        if let Some(tunnel) = granted.tunnel.take() {
            let (shard, hold) = (remote.shard.clone(), hold.into_stream());
            let opened = self.context.clock.clone();
            let span = timeouts.handshake;
            self.context.tasks.spawn("websocket", async move {
                if let Some(Ok(upgraded)) = opened.timeout(span, tunnel).await {
                    shard.adopt(
                        Box::new(Tunnel::new(upgraded, patience, hold)),
                        granted,
                        Vec::new(),
                    );
                }
            });
            return head.map(|()| Empty::new().map_err(BrokenOff::from).boxed_unsync());
        }
        let (inlet, outlet) = sse::pipe(patience);
        remote.shard.adopt(Box::new(inlet), granted, Vec::new());
        let body = sse::body(outlet, hold).map(|piece| piece.map(Frame::data));
        let response = head.map(|()| StreamBody::new(body).boxed_unsync());
        held_stream(response, remote.link.hold())
    }
}
