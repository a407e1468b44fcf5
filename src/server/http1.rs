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
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;

use crate::service::{Answer, Body};
use crate::transport::link::Link;
use crate::transport::shard::{Io, Lent, Loan};
use crate::wire::http1::{beginning, head};

use super::accept::Acceptor;
use super::channel::Channel;
use super::connection::{HEAD, Remote, last};
use super::desk::{Asked, Desk, Lasting, Leaving};
use super::held::held;

impl Acceptor {
    /// Serves one connection to its end, or until a request on it lasts.
    pub(super) async fn http1(
        self: &Arc<Self>,
        channel: Channel,
        remote: &Arc<Remote>,
    ) -> hyper::Result<()> {
        // In a box, which is gone before what lasts begins.
        if let Some((channel, leaving)) = Box::pin(self.requests(channel, remote)).await? {
            self.hand_over(channel, leaving, remote);
        }
        Ok(())
    }

    /// Requests, until the connection ends or one leaves.
    async fn requests(
        self: &Arc<Self>,
        channel: Channel,
        remote: &Arc<Remote>,
    ) -> hyper::Result<Option<(Channel, Leaving)>> {
        let (desk, link) = (Desk::default(), &remote.link);
        let service = service_fn(|request: Request<Incoming>| {
            let (asked, hold) = (Asked::of(&request), link.hold());
            let answering = Box::pin(self.clone().answer(request, remote.clone()));
            desk.put(asked, answering);
            let desk = desk.clone();
            async move { Ok::<_, Infallible>(held(desk.answered().await, hold, false)) }
        });
        let mut http = http1::Builder::new();
        http.timer(self.context.clock.clone())
            .header_read_timeout(self.context.rules().timeouts.header)
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
            && (remote.surplus.is_some() || self.context.draining.has_begun())
        {
            last(response);
        }
        answer
    }

    /// Gives the connection to what lasts: for good to a stream, and to a poll until it has its answer.
    fn hand_over(self: &Arc<Self>, mut channel: Channel, leaving: Leaving, remote: &Arc<Remote>) {
        let Leaving {
            asked: Asked { version, closes },
            head: mut response,
            lasting,
        } = leaving;
        match lasting {
            Lasting::Stream(granted) => {
                last(&mut response);
                if granted.is_chunked() {
                    let chunked = HeaderValue::from_static("chunked");
                    response.headers_mut().insert(TRANSFER_ENCODING, chunked);
                }
                let (status, headers) = (response.status(), response.headers());
                let head = head(version, status, headers, self.context.clock.unix());
                channel.leave_http();
                remote.shard.adopt(Box::new(channel), *granted, head);
            }
            Lasting::Poll(parked) => {
                if closes {
                    last(&mut response);
                }
                let head = beginning(version, response.status(), response.headers());
                let lent = Box::new(OnLoan {
                    channel,
                    acceptor: self.clone(),
                    remote: remote.clone(),
                });
                let loan = Loan::new(lent, head, closes);
                remote.shard.borrow(loan, parked);
            }
        }
    }
}

/// A connection that a poll has until it is answered.
struct OnLoan {
    channel: Channel,
    acceptor: Arc<Acceptor>,
    remote: Arc<Remote>,
}

impl Lent for OnLoan {
    fn io(&mut self) -> &mut dyn Io {
        &mut self.channel
    }

    fn give_back(self: Box<Self>, ahead: &[u8]) {
        let Self {
            mut channel,
            acceptor,
            remote,
        } = *self;
        channel.put_back(ahead);
        let tasks = acceptor.context.tasks.clone();
        tasks.spawn("connection", async move {
            if let Err(error) = acceptor.http1(channel, &remote).await {
                tracing::debug!(peer = %remote.peer, %error, "connection ended");
            }
        });
    }

    fn keep(self: Box<Self>) -> Box<dyn Io> {
        Box::new(self.channel)
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
    type Output = hyper::Result<Option<(Channel, Leaving)>>;

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
        let Some(leaving) = self.desk.leave() else {
            return Poll::Pending;
        };
        let parts = self.connection.take().map(http1::Connection::into_parts);
        Poll::Ready(Ok(parts.map(|parts| {
            let mut channel = parts.io.into_inner();
            channel.put_back(&parts.read_buf);
            (channel, leaving)
        })))
    }
}
