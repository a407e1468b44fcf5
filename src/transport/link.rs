//! What a stream must know of the connection that carries it.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// A handle on one connection: what is under way on it, and whether everything handed to it has reached the socket.
///
/// hyper tells a body neither when its bytes are written nor that an error would overtake them: a body that fails drops
/// what is still buffered (and an HTTP/2 stream that is reset, what is still queued). So a stream that must end abruptly
/// after its last whole frame asks here first. The connection's driver answers after a poll of hyper's connection which
/// began after the question and left no write blocked: such a poll writes and flushes all that was handed over before.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests that are being answered.
    requests: AtomicUsize,
    /// Whether there was ever one.
    used: AtomicBool,
    /// Event streams that are open.
    streams: AtomicUsize,
    /// Bodies that are being sent.
    answers: AtomicUsize,
    /// Those of them that have given a piece which was not taken yet.
    owed: AtomicUsize,
    /// How many pieces were given.
    given: AtomicU64,
    /// Which of them wait to be taken, of answers that are whole.
    waiting: Mutex<BTreeSet<u64>>,
    released: Notify,
    /// Questions asked so far.
    asked: AtomicU64,
    /// Those that were answered.
    answered: AtomicU64,
    flushed: Notify,
    blocked: AtomicBool,
    given_up: GivenUp,
    /// How often bytes were read or written.
    moved: AtomicU64,
    driver: AtomicWaker,
}

impl State {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Request => &self.requests,
            Kind::Stream => &self.streams,
            Kind::Answer => &self.answers,
        }
    }
}

/// Whether a connection was ended because its client took nothing of what was written to it.
#[derive(Clone, Debug, Default)]
pub struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// Whether it was.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Link {
    /// For a request that has begun.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.0.requests.fetch_add(1, Ordering::AcqRel);
        self.0.used.store(true, Ordering::Release);
        Hold {
            state: self.0.clone(),
            kind: Kind::Request,
            owed: None,
        }
    }

    /// Whether nothing is under way: no request is being answered, no stream is open, and nothing written waits for
    /// the client to take it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_free() && !self.0.blocked.load(Ordering::Acquire)
    }

    /// Whether something written waits for the client to take it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.0.blocked.load(Ordering::Acquire)
    }

    /// To be called by the connection's I/O when it gives the client up.
    pub fn on_give_up(&self) {
        self.0.given_up.0.store(true, Ordering::Release);
    }

    /// Returns when no request is being answered and no stream is open.
    pub async fn freed(&self) {
        self.until(Self::is_free).await;
    }

    /// The same once there was a request: one that has just come may have its first still on the way.
    pub async fn spent(&self) {
        let was_used = || self.0.used.load(Ordering::Acquire);
        self.until(|link| link.is_free() && was_used()).await;
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let released = self.0.released.notified();
            if is_so(self) {
                return;
            }
            released.await;
        }
    }

    fn is_free(&self) -> bool {
        !self.is_answering()
            && self.0.streams.load(Ordering::Acquire) == 0
            && self.0.answers.load(Ordering::Acquire) == 0
    }

    /// Whether an event stream is open.
    #[must_use]
    pub fn has_streams(&self) -> bool {
        self.0.streams.load(Ordering::Acquire) > 0
    }

    /// Whether something waits for the client to take it.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.0.owed.load(Ordering::Acquire) > 0 || self.0.blocked.load(Ordering::Acquire)
    }

    /// How many pieces its bodies have given so far: over HTTP/2, what tells a client that reads from one that only
    /// keeps the connection busy.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.0.given.load(Ordering::Acquire)
    }

    /// The piece of a whole answer that has waited longest to be taken, if any waits.
    #[must_use]
    pub fn oldest_piece(&self) -> Option<u64> {
        self.0.waiting().first().copied()
    }

    /// Whether a request is being answered; a stream is no such request.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.0.requests.load(Ordering::Acquire) > 0
    }

    /// How often bytes were read or written so far.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Acquire)
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
            if polled.is_ready() {
                // The link may outlive its driver, and a waker keeps the memory of its task.
                self.0.driver.take();
            }
            polled
        })
        .await
    }
}

/// What a request, and the stream that it may become, has of its connection: while it is held, the connection is in
/// use.
#[derive(Debug)]
pub struct Hold {
    state: Arc<State>,
    kind: Kind,
    owed: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Request,
    Stream,
    Answer,
}

impl Hold {
    /// Whether its client is given up; to hold this is not to hold the connection.
    #[must_use]
    pub fn given_up(&self) -> GivenUp {
        self.state.given_up.clone()
    }

    /// The request has become a stream.
    #[must_use]
    pub fn into_stream(self) -> Self {
        self.into(Kind::Stream)
    }

    /// The request is answered, and its body is being sent.
    #[must_use]
    pub fn into_answer(self) -> Self {
        self.into(Kind::Answer)
    }

    fn into(mut self, kind: Kind) -> Self {
        self.state.count(kind).fetch_add(1, Ordering::AcqRel);
        self.state.count(self.kind).fetch_sub(1, Ordering::AcqRel);
        self.kind = kind;
        self
    }

    /// The body, that of a whole answer or of a stream, has given a piece.
    pub fn gave(&mut self, is_whole: bool) {
        let piece = self.state.given.fetch_add(1, Ordering::AcqRel);
        self.state.owed.fetch_add(1, Ordering::AcqRel);
        if is_whole {
            self.state.waiting().insert(piece);
        }
        self.owed = Some(piece);
    }

    /// The piece that it gave, if it gave one, was taken.
    pub fn taken(&mut self) {
        if let Some(piece) = self.owed.take() {
            self.state.owed.fetch_sub(1, Ordering::AcqRel);
            self.state.waiting().remove(&piece);
        }
    }

    /// Returns when what was handed over before the call has been written to the socket.
    pub async fn flushed(&self) {
        let question = self.state.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.state.driver.wake();
        loop {
            let flushed = self.state.flushed.notified();
            if self.state.answered.load(Ordering::Acquire) >= question {
                return;
            }
            flushed.await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.taken();
        self.state.count(self.kind).fetch_sub(1, Ordering::AcqRel);
        self.state.released.notify_waiters();
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
        assert!(link.is_idle());
        let request = link.hold();
        assert!(!link.is_idle() && link.is_answering());
        let stream = request.into_stream();
        assert!(!link.is_idle() && !link.is_answering());
        drop(stream);
        assert!(link.is_idle());
        link.on_write(true);
        assert!(
            !link.is_idle(),
            "a client takes its answer slowly, and is not cut"
        );
        link.on_write(false);
        assert!(link.is_idle());
    }

    #[tokio::test]
    async fn flushed_returns_after_the_first_unblocked_poll_that_began_after_the_question() {
        let link = Link::default();
        let mut connection = pin!(std::future::pending::<()>());
        let mut driven = pin!(link.drive(connection.as_mut()));
        assert!(poll!(driven.as_mut()).is_pending());
        let hold = link.hold();
        let mut flushed = pin!(hold.flushed());
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
    async fn a_connection_is_freed_when_the_last_that_holds_it_lets_go() {
        let link = Link::default();
        let (request, stream) = (link.hold(), link.hold().into_stream());
        let mut freed = pin!(link.freed());
        assert!(poll!(freed.as_mut()).is_pending());
        drop(request);
        assert!(poll!(freed.as_mut()).is_pending());
        drop(stream);
        assert!(poll!(freed.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_connection_is_spent_when_it_is_free_again_and_not_before_its_first_request() {
        let link = Link::default();
        let mut spent = pin!(link.spent());
        assert!(poll!(spent.as_mut()).is_pending());
        let request = link.hold();
        assert!(poll!(spent.as_mut()).is_pending());
        drop(request);
        assert!(poll!(spent.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_link_that_outlives_its_driver_keeps_nothing_of_it() {
        struct Task;
        impl std::task::Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let (link, task) = (Link::default(), Arc::new(Task));
        let waker = task.clone().into();
        let mut cx = std::task::Context::from_waker(&waker);
        let mut turns = [std::task::Poll::Pending, std::task::Poll::Ready(())].into_iter();
        let mut connection = pin!(poll_fn(|_| turns.next().unwrap()));
        let mut driven = pin!(link.drive(connection.as_mut()));
        assert!(driven.as_mut().poll(&mut cx).is_pending());
        assert_eq!(Arc::strong_count(&task), 3, "it can be woken");
        assert!(driven.as_mut().poll(&mut cx).is_ready());
        assert_eq!(Arc::strong_count(&task), 2);
    }

    #[tokio::test]
    async fn a_question_wakes_a_connection_that_has_nothing_to_do() {
        let link = Link::default();
        let connection = pin!(std::future::pending::<()>());
        let hold = link.hold();
        tokio::select! {
            () = link.drive(connection) => {}
            () = hold.flushed() => {}
        }
    }
}
