//! What a stream must know of the connection that carries it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// A handle on one connection: whether everything handed to it has reached the socket.
///
/// hyper tells a body neither when its bytes are written nor that an error would overtake them: a body that fails drops
/// what is still buffered (and an HTTP/2 stream that is reset, what is still queued). So a stream that must end abruptly
/// after its last whole frame asks here first. The connection's driver answers after a poll of hyper's connection which
/// began after the question and left no write blocked: such a poll writes and flushes all that was handed over before.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Questions asked so far.
    asked: AtomicU64,
    /// Those that were answered.
    answered: AtomicU64,
    blocked: AtomicBool,
    /// How often bytes were read or written.
    moved: AtomicU64,
    /// Event streams that hold the link.
    streams: AtomicUsize,
    flushed: Notify,
    driver: AtomicWaker,
}

impl Link {
    /// Returns when what was handed over before the call has been written to the socket.
    pub async fn flushed(&self) {
        let question = self.0.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.0.driver.wake();
        loop {
            let flushed = self.0.flushed.notified();
            if self.0.answered.load(Ordering::Acquire) >= question {
                return;
            }
            flushed.await;
        }
    }

    /// Whether nothing is under way: only the connection itself and its I/O hold the link (no request is being
    /// answered, no stream is open), and nothing written waits for the client to take it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) <= 2 && !self.0.blocked.load(Ordering::Acquire)
    }

    /// Whether all that is under way are event streams.
    #[must_use]
    pub fn has_only_streams(&self) -> bool {
        Arc::strong_count(&self.0) <= 2 + self.0.streams.load(Ordering::Acquire)
    }

    /// How often bytes were read or written so far.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Acquire)
    }

    /// The link, as an event stream holds it.
    #[must_use]
    pub fn of_stream(self) -> StreamLink {
        self.0.streams.fetch_add(1, Ordering::AcqRel);
        StreamLink(self)
    }

    /// To be called by the connection's I/O with each write: whether it waits for the client.
    pub fn on_write(&self, blocked: bool) {
        self.0.blocked.store(blocked, Ordering::Release);
        if !blocked {
            self.on_read();
        }
    }

    /// To be called by the connection's I/O when bytes were read.
    pub fn on_read(&self) {
        self.0.moved.fetch_add(1, Ordering::AcqRel);
    }

    /// Runs the connection, and answers its streams' questions.
    pub async fn drive<C: Future>(&self, mut connection: Pin<&mut C>) -> C::Output {
        poll_fn(|cx| {
            self.0.driver.register(cx.waker());
            let asked = self.0.asked.load(Ordering::Acquire);
            let polled = connection.as_mut().poll(cx);
            if !self.0.blocked.load(Ordering::Acquire)
                && self.0.answered.fetch_max(asked, Ordering::AcqRel) < asked
            {
                self.0.flushed.notify_waiters();
            }
            polled
        })
        .await
    }
}

/// The link, as an event stream holds it.
#[derive(Debug)]
pub struct StreamLink(Link);

impl StreamLink {
    /// See [`Link::flushed`].
    pub async fn flushed(&self) {
        self.0.flushed().await;
    }
}

impl Drop for StreamLink {
    fn drop(&mut self) {
        self.0.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[test]
    fn a_connection_is_idle_only_when_nothing_is_answered_and_nothing_waits_to_be_taken() {
        let link = Link::default();
        let io = link.clone();
        assert!(link.is_idle());
        let request = link.clone();
        assert!(!link.is_idle(), "a request is being answered");
        drop(request);
        io.on_write(true);
        assert!(
            !link.is_idle(),
            "a client takes its answer slowly, and is not cut"
        );
        io.on_write(false);
        assert!(link.is_idle());
    }

    #[tokio::test]
    async fn flushed_returns_after_the_first_unblocked_poll_that_began_after_the_question() {
        let link = Link::default();
        let mut connection = pin!(std::future::pending::<()>());
        let mut driven = pin!(link.drive(connection.as_mut()));
        assert!(poll!(driven.as_mut()).is_pending());
        let mut flushed = pin!(link.flushed());
        assert!(
            poll!(flushed.as_mut()).is_pending(),
            "polled before the question"
        );
        link.on_write(true);
        assert!(poll!(driven.as_mut()).is_pending());
        assert!(
            poll!(flushed.as_mut()).is_pending(),
            "its bytes are blocked"
        );
        link.on_write(false);
        assert!(poll!(driven.as_mut()).is_pending());
        assert!(poll!(flushed.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_question_wakes_a_connection_that_has_nothing_to_do() {
        let link = Link::default();
        let connection = pin!(std::future::pending::<()>());
        tokio::select! {
            () = link.drive(connection) => {}
            () = link.flushed() => {}
        }
    }
}
