//! HTTP/1.1 (RFC 9112): requests one after another, until the connection ends, or a stream takes it.
//!
//! hyper parses and answers every request. What lasts does not stay in it, because its buffers cost more than all the
//! rest: a stream takes the connection for good, and a poll that waits takes it until its answer is there.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::TRANSFER_ENCODING;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;

use crate::service::{Answer, Body};
use crate::transport::format::Format;
use crate::transport::granted::Granted;
use crate::transport::link::{Hold, Link};
use crate::wire::http1::head;

use super::accept::Acceptor;
use super::channel::Channel;
use super::connection::{HEAD, Remote, last};
use super::desk::{Answering, Asked, Desk, State, Work};
use super::held::held;

impl Acceptor {
    /// Serves one connection to its end, or until a stream takes it.
    pub(super) async fn http1(
        self: &Arc<Self>,
        mut channel: Channel,
        remote: &Arc<Remote>,
    ) -> hyper::Result<()> {
        let mut due = None;
        loop {
            // In a box, which is gone before what lasts begins.
            let left = Box::pin(self.requests(channel, due.take(), remote)).await?;
            let Some((waiting, Work { asked, state })) = left else {
                return Ok(());
            };
            match state {
                State::Granted(response, granted) => {
                    self.hand_over(waiting, asked.version, response, *granted, remote);
                    return Ok(());
                }
                State::Answering(answering) => {
                    let Some((waited, answer)) = parked(waiting, answering).await else {
                        return Ok(());
                    };
                    channel = waited;
                    // hyper writes the answer as one to the request that it has forgotten.
                    channel.put_back(&asked.head());
                    due = Some((answer, remote.link.hold()));
                }
            }
        }
    }

    /// Requests, until the connection ends or one leaves. To the first is answered what is `due`.
    async fn requests(
        self: &Arc<Self>,
        channel: Channel,
        due: Option<(Answer, Hold)>,
        remote: &Arc<Remote>,
    ) -> hyper::Result<Option<(Channel, Work)>> {
        let (desk, link) = (Desk::new(due), &remote.link);
        let service = service_fn(|request: Request<Incoming>| {
            let asked = Asked::of(&request);
            let _ = link.has_parked(); // what an earlier request did is no matter of this one's
            let hold = link.hold();
            desk.put(asked, || {
                Box::pin(self.clone().answer(request, remote.clone()))
            });
            let desk = desk.clone();
            async move { Ok::<_, Infallible>(held(desk.answered().await, hold, false)) }
        });
        let mut http = http1::Builder::new();
        http.timer(self.context.clock.clone())
            .header_read_timeout(self.timeouts.header)
            // Who has said all that it has to say still wants its answer; whoever must be known to be gone while an
            // answer takes long is looked after outside hyper.
            .half_close(true)
            .max_buf_size(HEAD);
        let connection = http.serve_connection(TokioIo::new(channel), service);
        let serving = pin!(Serving {
            connection: Some(connection),
            desk: desk.clone(),
            link,
        });
        let left = self.until_drained(serving, Serving::shut, link, pending());
        left.await.unwrap_or(Ok(None))
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, remote: Arc<Remote>) -> Answer {
        let mut answer = self.service.respond(request, remote.connection()).await;
        if let Answer::Whole(response) = &mut answer
            && (remote.surplus || self.context.draining.has_begun())
        {
            last(response);
        }
        answer
    }

    /// Gives the connection to a stream.
    fn hand_over(
        &self,
        mut channel: Channel,
        version: Version,
        mut response: http::Response<()>,
        granted: Granted,
        remote: &Remote,
    ) {
        last(&mut response);
        if let Format::Sse(style) = granted.format
            && style.chunked
        {
            let chunked = HeaderValue::from_static("chunked");
            response.headers_mut().insert(TRANSFER_ENCODING, chunked);
        }
        let (status, headers) = (response.status(), response.headers());
        let head = head(version, status, headers, self.context.clock.unix());
        channel.leave_http();
        remote.shard.adopt(Box::new(channel), granted, head);
    }
}

/// hyper's connection, until one of its requests leaves.
struct Serving<'a, S: HttpService<Incoming>> {
    connection: Option<http1::Connection<TokioIo<Channel>, S>>,
    desk: Desk,
    link: &'a Link,
}

impl<S> Serving<'_, S>
where
    S: HttpService<Incoming, ResBody = Body> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn shut(mut self: Pin<&mut Self>) {
        if let Some(connection) = &mut self.connection {
            Pin::new(connection).graceful_shutdown();
        }
    }
}

impl<S> Future for Serving<'_, S>
where
    S: HttpService<Incoming, ResBody = Body> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = hyper::Result<Option<(Channel, Work)>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Ok(None));
        };
        if let Poll::Ready(ended) = Pin::new(connection).poll(cx) {
            return Poll::Ready(ended.map(|()| None));
        }
        // An earlier response that hyper could not write yet would be lost with it. It has written all that it has, if
        // no write is blocked: this poll has flushed.
        if self.link.is_blocked() {
            return Poll::Pending;
        }
        let Some(work) = self.desk.leave(|| self.link.has_parked()) else {
            return Poll::Pending;
        };
        let parts = self.connection.take().map(http1::Connection::into_parts);
        Poll::Ready(Ok(parts.map(|parts| {
            let mut channel = parts.io.into_inner();
            channel.put_back(&parts.read_buf);
            (channel, work)
        })))
    }
}

/// Waits for an answer without hyper; nothing where the client has gone.
async fn parked(mut channel: Channel, mut answering: Answering) -> Option<(Channel, Answer)> {
    let answer = tokio::select! {
        biased;
        answer = &mut answering => answer,
        // What it sends meanwhile is its next request.
        () = channel.gone(HEAD) => return None,
    };
    Some((channel, answer))
}
