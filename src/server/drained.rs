//! When a connection is over, though neither side has said so.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::Either;

use crate::transport::link::Link;

use super::GOODBYE;
use super::accept::Acceptor;

impl Acceptor {
    /// Runs a connection to its end, and gives what it gave; nothing where it was left. Once the gateway drains, or the
    /// connection is `superfluous`, it ends as soon as nothing is under way on it: some clients of HTTP/2 take GOAWAY
    /// for the end of every stream.
    pub(super) async fn until_drained<C: Future>(
        &self,
        mut serving: Pin<&mut C>,
        shut: fn(Pin<&mut C>),
        link: &Link,
        superfluous: impl Future<Output = ()>,
    ) -> Option<C::Output> {
        let (clock, mut draining) = (&self.context.clock, self.context.draining.clone());
        // One that has just come is not closed over the request that is on its way.
        let is_over = tokio::select! {
            ended = link.drive(serving.as_mut()) => return Some(ended),
            () = draining.begun() => Either::Left(link.spent()),
            () = superfluous => Either::Right(link.freed()),
        };
        let mut is_over = pin!(is_over);
        let (mut is_shut, mut seen) = (false, None);
        loop {
            tokio::select! {
                ended = link.drive(serving.as_mut()) => return Some(ended),
                () = &mut is_over, if !is_shut => {
                    shut(serving.as_mut());
                    is_shut = true;
                }
                () = clock.sleep(GOODBYE) => {
                    // One request after the other leaves no moment without. Those under way are finished all the same.
                    if !is_shut && !link.has_streams() {
                        shut(serving.as_mut());
                        is_shut = true;
                    }
                    // Half a request head is left, or a client that takes nothing of what it is given.
                    let now = Some(link.moved());
                    if (is_shut && link.is_idle()) || (link.is_owed() && seen == now) {
                        return None;
                    }
                    seen = now;
                }
            }
        }
    }

    /// Returns once what waits for the client has waited for too long, and it took nothing else meanwhile: over HTTP/2
    /// the socket may be free while the windows of all streams are closed. Also once a piece of one whole answer has,
    /// whatever else the client takes: hundreds of answers that nobody reads are hundreds of megabytes. (An event stream
    /// holds next to nothing, and has a patience of its own.)
    pub(super) async fn stalled(&self, link: &Link) {
        let (mut seen, mut oldest) = (None, None);
        loop {
            let now = link.is_owed().then(|| link.given());
            let piece = link.oldest_piece();
            if (now.is_some() && now == seen) || (piece.is_some() && piece == oldest) {
                return;
            }
            (seen, oldest) = (now, piece);
            let patience = self.context.rules().timeouts.write_stall;
            self.context.clock.sleep(patience).await;
        }
    }

    /// Returns once nothing has been under way for as long as a connection is kept without. HTTP/1.1 has its header
    /// timeout for it.
    pub(super) async fn idle(&self, requests: &AtomicU64, link: &Link) {
        let mut seen = None;
        loop {
            let now = Some(requests.load(Ordering::Relaxed)).filter(|_| link.is_idle());
            if now.is_some() && now == seen {
                return;
            }
            seen = now;
            let patience = self.context.rules().timeouts.idle;
            self.context.clock.sleep(patience).await;
        }
    }
}
