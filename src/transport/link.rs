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
    flushed: Notify,
}

impl Link {
    /// Returns when what was handed over before the call has been written to the socket.
    pub async fn flushed(&self) {
        let flushed = self.0.flushed.notified();
        self.0.asked.store(true, Ordering::Release);
        flushed.await;
    }

    /// Whether only the connection itself and its I/O hold the link: no request is being answered, no stream is open.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }

    /// To be called by the connection's I/O when it is flushed.
    pub fn on_flush(&self) {
        if self.0.asked.swap(false, Ordering::AcqRel) {
            self.0.flushed.notify_waiters();
        }
    }
}
