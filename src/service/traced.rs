//! Which trace a request is part of.

use http::{HeaderMap, HeaderName, Method};

use crate::model::trace::TraceParent;
use crate::telemetry::metrics::labels::Route;
use crate::telemetry::spans::Span;

use super::Service;

impl Service {
    /// A request that publishes is a span, if any are made.
    pub(super) fn operation(
        &self,
        method: &Method,
        route: Route,
        request: u64,
        parent: Option<TraceParent>,
    ) -> Option<Span> {
        let publishes = matches!(route, Route::Events | Route::Publish) && method == Method::POST;
        let begin = || {
            let spans = &self.context.spans;
            spans.begin(method.as_str(), route, request, parent)
        };
        publishes.then(begin).flatten()
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What the request says of it; nothing where it says several things, or what is malformed (W3C Trace Context §3.2).
pub(super) fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut said = headers.get_all(TRACEPARENT).iter();
    let first = said.next()?.to_str().ok()?;
    TraceParent::parse(first).filter(|_| said.next().is_none())
}
