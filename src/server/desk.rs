//! Where the request of an HTTP/1.1 connection is answered: in hyper's sight, and out of its hands, so that hyper can
//! go where the answer takes long.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::header::CONNECTION;
use http::{Request, Version};
use hyper::body::{Body as _, Incoming};

use crate::service::{Answer, Response};
use crate::transport::granted::Granted;
use crate::transport::shard::Parked;
use crate::wire::negotiate::tokens;

/// An answer under way.
pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The request at hand, if there is one.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<Option<Work>>>);

/// A request, and what has come of it.
struct Work {
    asked: Asked,
    state: State,
}

enum State {
    Answering(Answering),
    Leaving(http::Response<()>, Lasting),
}

/// What lasts, and so leaves hyper, which hears nothing of it.
pub(super) enum Lasting {
    /// A stream.
    Stream(Box<Granted>),
    /// A poll that waits.
    Poll(Parked),
}

/// A request that leaves: what of it counts, the head of its response, and what is behind it.
pub(super) struct Leaving {
    pub(super) asked: Asked,
    pub(super) head: http::Response<()>,
    pub(super) lasting: Lasting,
}

impl Desk {
    /// A new request; the one before was answered.
    pub(super) fn put(&self, asked: Asked, answering: Answering) {
        let state = State::Answering(answering);
        *self.lock() = Some(Work { asked, state });
    }

    /// The response for hyper to write; never where there is none, or the request leaves.
    pub(super) async fn answered(&self) -> Response {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Response> {
        let mut desk = self.lock();
        let Some(Work { state, .. }) = &mut *desk else {
            return Poll::Pending;
        };
        let State::Answering(answering) = state else {
            return Poll::Pending;
        };
        let (head, lasting) = match answering.as_mut().poll(cx) {
            Poll::Ready(Answer::Whole(response)) => {
                *desk = None;
                return Poll::Ready(response);
            }
            Poll::Ready(Answer::Stream(head, granted)) => (head, Lasting::Stream(granted)),
            Poll::Ready(Answer::Poll(head, parked)) => (head, Lasting::Poll(parked)),
            Poll::Pending => return Poll::Pending,
        };
        *state = State::Leaving(head, lasting);
        Poll::Pending
    }

    /// The request, if it is to leave.
    pub(super) fn leave(&self) -> Option<Leaving> {
        let mut desk = self.lock();
        match desk.take()? {
            Work {
                asked,
                state: State::Leaving(head, lasting),
            } => Some(Leaving {
                asked,
                head,
                lasting,
            }),
            answering @ Work {
                state: State::Answering(_),
                ..
            } => {
                *desk = Some(answering);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a request the way of its answer depends on.
pub(super) struct Asked {
    pub(super) version: Version,
    /// Whether no request follows where this one leaves: `Connection` names `close`, the version keeps no connection
    /// unasked (RFC 9112 §9.3), or there is a body, which nobody has read.
    pub(super) closes: bool,
}

impl Asked {
    pub(super) fn of(request: &Request<Incoming>) -> Self {
        let mut options = tokens(request.headers(), &CONNECTION);
        let version = request.version();
        Self {
            closes: version == Version::HTTP_10
                || !request.body().is_end_stream()
                || options.any(|one| one.eq_ignore_ascii_case("close")),
            version,
        }
    }
}
