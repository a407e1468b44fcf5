//! Routes of the program that the gateway runs in, beside the gateway's own.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::Service as HyperService;

use crate::transport::sse::BrokenOff;

use super::reply::{Body, Response};

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Answers the requests to paths that are not the gateway's: everything outside `/v1`, the health routes, and `/` where
/// the gateway has a page.
///
/// The request's extensions hold a [`Publisher`](crate::ingress::Publisher) and the client's
/// [`Peer`](crate::model::peer::Peer). The gateway adds its `X-Request-Id` and its CORS headers to the answer, and
/// `Cache-Control: no-store` to one that says nothing about caching.
///
/// It is asked on the thread that the connection lives on, with others: what blocks belongs on a thread of its own.
/// One that is blocked for 5 s counts as a thread that hangs, and its connections are ended.
#[derive(Clone)]
pub struct Fallback(Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>);

impl Fallback {
    /// Any service of hyper's: [`service_fn`](hyper::service::service_fn), or a tower service, such as axum's router, in
    /// hyper-util's `TowerToHyperService`.
    #[must_use]
    pub fn new<S, B>(service: S) -> Self
    where
        S: HyperService<Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
        S: Send + Sync + 'static,
        S::Future: Send + 'static,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        Self(Arc::new(move |request| {
            let answer = service.call(request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => response.map(boxed),
                    Err(never) => match never {},
                }
            })
        }))
    }

    pub(super) fn answer(&self, request: Request<Incoming>) -> Answer {
        (self.0)(request)
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}

fn boxed<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display,
{
    let failed = |error: B::Error| {
        tracing::debug!(%error, "a body of the program's own broke off");
        BrokenOff
    };
    body.map_err(failed).boxed_unsync()
}
