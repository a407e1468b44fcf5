//! Where the request of an HTTP/1.1 connection is answered: in hyper's sight, and out of its hands, so that hyper can
//! go where the answer takes long.

use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::header::CONNECTION;
use http::{Method, Request, Version};

use crate::service::{Answer, Response};
use crate::transport::granted::Granted;
use crate::transport::link::Hold;
use crate::wire::negotiate::tokens;

/// An answer under way.
pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The request at hand, if there is one.
#[derive(Clone)]
pub(super) struct Desk(Arc<Mutex<Paper>>);

struct Paper {
    /// What is answered to the next request, whatever it is; until then it holds the connection.
    due: Option<(Answer, Hold)>,
    work: Option<Work>,
}

/// A request, and what has come of it.
pub(super) struct Work {
    pub(super) asked: Asked,
    pub(super) state: State,
}

pub(super) enum State {
    Answering(Answering),
    /// A stream, which hyper hears nothing of.
    Granted(http::Response<()>, Box<Granted>),
}

impl Desk {
    /// A desk without a request. To the first is answered what is `due`.
    pub(super) fn new(due: Option<(Answer, Hold)>) -> Self {
        Self(Arc::new(Mutex::new(Paper { due, work: None })))
    }

    /// A new request; the one before was answered.
    pub(super) fn put(&self, asked: Asked, answering: impl FnOnce() -> Answering) {
        let mut desk = self.lock();
        let state = State::Answering(match desk.due.take() {
            Some((answer, _)) => Box::pin(ready(answer)),
            None => answering(),
        });
        desk.work = Some(Work { asked, state });
    }

    /// The response for hyper to write; never where there is none, or the request leaves.
    pub(super) async fn answered(&self) -> Response {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Response> {
        let mut desk = self.lock();
        let Some(Work { state, .. }) = &mut desk.work else {
            return Poll::Pending;
        };
        let State::Answering(answering) = state else {
            return Poll::Pending;
        };
        match answering.as_mut().poll(cx) {
            Poll::Ready(Answer::Whole(response)) => {
                desk.work = None;
                Poll::Ready(response)
            }
            Poll::Ready(Answer::Stream(head, granted)) => {
                *state = State::Granted(head, granted);
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The request, if it is to leave: it was granted a stream, or `has_parked`.
    pub(super) fn leave(&self, has_parked: impl FnOnce() -> bool) -> Option<Work> {
        let mut desk = self.lock();
        let leaves = match &desk.work.as_ref()?.state {
            State::Granted(..) => true,
            State::Answering(_) => has_parked(),
        };
        if leaves { desk.work.take() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, Paper> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a request the way of its answer depends on.
pub(super) struct Asked {
    is_head: bool,
    pub(super) version: Version,
    /// Whether `Connection` names `close`, and whether it names `keep-alive`.
    close: bool,
    keep_alive: bool,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let names = |option: &str| {
            let mut options = tokens(request.headers(), &CONNECTION);
            options.any(|one| one.eq_ignore_ascii_case(option))
        };
        Self {
            is_head: request.method() == Method::HEAD,
            version: request.version(),
            close: names("close"),
            keep_alive: names("keep-alive"),
        }
    }

    /// The head of a request whose answer goes the same way.
    pub(super) fn head(&self) -> Vec<u8> {
        let method = if self.is_head { "HEAD" } else { "GET" };
        let version = match self.version {
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let connection = match (self.close, self.keep_alive) {
            (true, _) => "connection: close\r\n",
            (false, true) => "connection: keep-alive\r\n",
            (false, false) => "",
        };
        format!("{method} / {version}\r\nhost: _\r\n{connection}\r\n").into_bytes()
    }
}
