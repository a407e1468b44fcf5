//! The way from a stream to its body, for streams that stay in hyper: one write at a time, so that nothing queues up
//! where the client does not read.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Cx, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::patience::Patience;

/// A pipe that is given up once its body has taken nothing for as long as `patience` has it.
#[must_use]
pub fn pipe(patience: Patience) -> (Inlet, Outlet) {
    let slot = Arc::new(Mutex::new(Slot::default()));
    let inlet = Inlet {
        slot: slot.clone(),
        patience,
    };
    (inlet, Outlet(slot))
}

#[derive(Default)]
struct Slot {
    piece: Option<Bytes>,
    /// How the inlet ended, if it has: cleanly or not.
    ended: Option<bool>,
    is_gone: bool,
    inlet: Option<Waker>,
    outlet: Option<Waker>,
}

/// Where the stream writes. What it drops without a shutdown breaks off.
pub struct Inlet {
    slot: Arc<Mutex<Slot>>,
    /// Over HTTP/1.1 a connection is given up whose client takes nothing; over HTTP/2 other streams share it, and this
    /// one alone is.
    patience: Patience,
}

/// Where the body takes it from.
pub struct Outlet(Arc<Mutex<Slot>>);

impl Inlet {
    /// Whether everything written was taken.
    fn poll_taken(&mut self, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        let taken = lock(&self.slot).poll_taken(cx);
        let judged = self.patience.judge(cx, taken);
        if let Poll::Ready(Err(_)) = judged {
            // hyper asks no more for a body whose window is closed: it would keep what nobody takes.
            lock(&self.slot).piece = None;
        }
        judged
    }
}

impl AsyncWrite for Inlet {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_taken(cx))?;
        let outlet = {
            let mut slot = lock(&self.slot);
            slot.piece = Some(Bytes::copy_from_slice(bytes));
            slot.outlet.take()
        };
        outlet.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Ready once the body has taken what was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        self.poll_taken(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_taken(cx))?;
        lock(&self.slot).end(true);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Inlet {
    /// Nothing ever comes back but the end.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut slot = lock(&self.slot);
        if slot.is_gone {
            return Poll::Ready(Ok(()));
        }
        slot.inlet = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Slot {
    fn poll_taken(&mut self, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        if self.is_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.piece.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.inlet = Some(cx.waker().clone());
        Poll::Pending
    }

    fn end(&mut self, cleanly: bool) {
        self.ended.get_or_insert(cleanly);
        self.outlet.take().into_iter().for_each(Waker::wake);
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        lock(&self.slot).end(false);
    }
}

impl Outlet {
    /// What was written next; nothing once the inlet has ended.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|cx| {
            let mut slot = lock(&self.0);
            let piece = slot.piece.take();
            if piece.is_none() && slot.ended.is_none() {
                slot.outlet = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let inlet = slot.inlet.take();
            drop(slot);
            inlet.into_iter().for_each(Waker::wake);
            Poll::Ready(piece)
        })
        .await
    }

    /// Whether the inlet ended by a shutdown.
    pub(super) fn ended_cleanly(&self) -> bool {
        lock(&self.0).ended == Some(true)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let inlet = {
            let mut slot = lock(&self.0);
            slot.is_gone = true;
            slot.inlet.take()
        };
        inlet.into_iter().for_each(Waker::wake);
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::lifecycle::clock::Clock;

    fn patience() -> Patience {
        Patience::new(Clock::manual().0, Duration::from_secs(30))
    }

    #[tokio::test]
    async fn one_write_waits_and_the_next_waits_for_it() {
        let (mut inlet, mut outlet) = pipe(patience());
        inlet.write_all(b"a").await.unwrap();
        assert!(inlet.write_all(b"b").now_or_never().is_none());
        assert_eq!(outlet.next().await.unwrap(), "a");
        inlet.write_all(b"b").await.unwrap();
        drop(inlet);
        assert_eq!(
            outlet.next().await.unwrap(),
            "b",
            "what was written comes before the end"
        );
        assert_eq!(outlet.next().await, None);
        assert!(!outlet.ended_cleanly());
    }

    #[tokio::test]
    async fn a_shutdown_is_a_clean_end_and_comes_when_all_was_taken() {
        let (mut inlet, mut outlet) = pipe(patience());
        inlet.write_all(b"a").await.unwrap();
        assert!(inlet.shutdown().now_or_never().is_none());
        assert_eq!(outlet.next().await.unwrap(), "a");
        inlet.shutdown().await.unwrap();
        drop(inlet);
        assert_eq!(outlet.next().await, None);
        assert!(outlet.ended_cleanly());
    }

    #[tokio::test]
    async fn a_body_that_is_gone_is_the_end() {
        let (mut inlet, outlet) = pipe(patience());
        drop(outlet);
        assert_eq!(inlet.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(inlet.write_all(b"a").await.is_err());
    }
}
