//! What a stream must know of the connection that carries it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A handle on one connection: whether everything handed to it has reached the socket.
///
/// hyper tells a body neither when its bytes are written nor that an error would overtake them: a body that
/// fails drops what is still buffered. So a stream that must end abruptly after its last whole frame asks here
/// first; the connection's I/O answers when hyper flushes it, which hyper does only with empty buffers.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: AtomicBool,
    blocked: AtomicBool,
    given_up: AtomicBool,
    flushed: Notify,
}

impl Link {
    /// Returns when what was handed over before the call has been written to the socket.
    pub async fn flushed(&self) {
        let flushed = self.0.flushed.notified();
        self.0.asked.store(true, Ordering::Release);
        flushed.await;
    }

    /// Whether nothing is under way: only the connection itself and its I/O hold the link (no request is being
    /// answered, no stream is open), and nothing written waits for the client to take it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) <= 2 && !self.0.blocked.load(Ordering::Acquire)
    }

    /// Whether the connection was ended because its client took nothing of what was written to it.
    #[must_use]
    pub fn was_given_up(&self) -> bool {
        self.0.given_up.load(Ordering::Acquire)
    }

    /// To be called by the connection's I/O when it gives the client up.
    pub fn on_give_up(&self) {
        self.0.given_up.store(true, Ordering::Release);
    }

    /// To be called by the connection's I/O with each write: whether it waits for the client.
    pub fn on_write(&self, blocked: bool) {
        self.0.blocked.store(blocked, Ordering::Release);
    }

    /// To be called by the connection's I/O when it is flushed.
    pub fn on_flush(&self) {
        if self.0.asked.swap(false, Ordering::AcqRel) {
            self.0.flushed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn flushed_returns_at_the_first_flush_after_the_question_and_not_before() {
        let link = Link::default();
        link.on_flush();
        let mut flushed = Box::pin(link.flushed());
        assert!(futures_util::poll!(flushed.as_mut()).is_pending());
        link.on_flush();
        flushed.await;
    }
}
