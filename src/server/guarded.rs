//! A socket that does not wait for ever: the one rule for a client that stops reading.
//!
//! A stream never queues more than one batch for a client; when the client does not take that, everything for it
//! waits in its cursor. If it takes nothing at all for the time given, the connection is given up: a client that
//! lives comes back with its cursor.

use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::lifecycle::clock::{Clock, Sleep};
use crate::lifecycle::drain::Draining;
use crate::transport::link::Link;

use super::GOODBYE;
use super::accept::Place;
use super::socket::Socket;

/// What a client may still send behind our end, in bytes: a request body or a message that was too large.
const UNREAD: usize = 16 << 20;

/// A connection's socket.
pub(super) struct Guarded {
    socket: Socket,
    /// Gone once the connection has left HTTP.
    link: Option<Link>,
    clock: Clock,
    /// How long a write may make no progress.
    patience: Duration,
    /// Once the gateway drains, there is less patience.
    draining: Draining,
    hurried: bool,
    /// Running while a write makes none.
    stalled: Option<Sleep>,
    /// Running once the gateway's half is closed; and how many bytes may still come.
    lingering: Option<Box<(Sleep, usize)>>,
    /// The connection's place among those allowed: an upgrade takes the socket with it, and so its place.
    _place: Place,
}

impl Guarded {
    pub(super) fn new(
        socket: Socket,
        place: Place,
        link: Link,
        clock: Clock,
        patience: Duration,
        draining: Draining,
    ) -> Self {
        Self {
            socket,
            link: Some(link),
            clock,
            patience,
            draining,
            hurried: false,
            stalled: None,
            lingering: None,
            _place: place,
        }
    }

    /// From now on nothing asks how HTTP goes on.
    pub(super) fn leave_http(&mut self) {
        self.link = None;
    }

    /// Passes on what a write gave, unless it has given nothing for too long.
    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Some(link) = &self.link {
            link.on_write(written.is_pending());
        }
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
        self.link.iter().for_each(Link::on_give_up);
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }
}

impl Guarded {
    /// Takes what the client still sends, unread, until it has closed its half: who closes a connection with unread
    /// bytes resets it, and the reset overtakes the last answer or close code (RFC 9112 §9.6). Not for ever, and not
    /// from one who floods.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((patience, left)) = self.lingering.as_deref_mut() else {
            return Poll::Ready(());
        };
        let mut space = [MaybeUninit::uninit(); 4096];
        loop {
            let mut buf = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if (1..*left).contains(&buf.filled().len()) => {
                    *left -= buf.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Pin::new(patience).poll(cx),
            }
        }
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
            self.link.iter().for_each(Link::on_read);
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
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.lingering = Some(Box::new((self.clock.sleep(GOODBYE), UNREAD)));
        }
        self.linger(cx).map(Ok)
    }
}
