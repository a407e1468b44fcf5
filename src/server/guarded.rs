//! A socket that does not wait for ever: the one rule for a client that stops reading.
//!
//! A stream never queues more than one batch for a client; when the client does not take that, everything for it
//! waits in its cursor. If it takes nothing at all for the time given, the connection is given up: a client that
//! lives comes back with its cursor.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use crate::lifecycle::clock::{Clock, Sleep};
use crate::lifecycle::drain::Draining;
use crate::transport::link::Link;

use super::GOODBYE;
use super::socket::Socket;

/// A connection's socket.
pub(super) struct Guarded {
    socket: Socket,
    link: Link,
    clock: Clock,
    /// How long a write may make no progress.
    patience: Duration,
    /// Once the gateway drains, there is less patience.
    draining: Draining,
    hurried: bool,
    /// Running while a write makes none.
    stalled: Option<Sleep>,
    /// The connection's place among those allowed: an upgrade takes the socket with it, and so its place.
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    pub(super) fn new(
        socket: Socket,
        place: OwnedSemaphorePermit,
        link: Link,
        clock: Clock,
        patience: Duration,
        draining: Draining,
    ) -> Self {
        Self {
            socket,
            link,
            clock,
            patience,
            draining,
            hurried: false,
            stalled: None,
            _place: place,
        }
    }

    /// Passes on what a write gave, unless it has given nothing for too long.
    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.link.on_write(written.is_pending());
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        if !self.hurried && self.draining.has_begun() {
            self.hurried = true;
            self.patience = self.patience.min(GOODBYE);
            self.stalled = None;
        }
        let (clock, patience) = (&self.clock, self.patience);
        let stalled = self.stalled.get_or_insert_with(|| clock.sleep(patience));
        ready!(pin!(stalled).poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        if read.is_ready() {
            self.link.on_read();
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.guard(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.guard(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
