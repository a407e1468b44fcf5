//! Spans of requests that publish, for a collector of traces (OpenTelemetry, by OTLP over HTTP).
//!
//! What is exported is a value that is passed in, like the metrics: nothing here is global, and a program that embeds the
//! gateway keeps its own tracer. Built without the feature `otlp` there is nothing to export, and nothing is made.

#[cfg(feature = "otlp")]
mod otlp;

use std::sync::Arc;

use crate::model::trace::TraceParent;
use crate::telemetry::metrics::labels::{Label as _, Route};

#[cfg(feature = "otlp")]
pub use otlp::{Exports, Send};

/// Where spans go, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The collector's base URL, without a slash at its end: `/v1/traces` is added.
    pub endpoint: String,
    /// How many of a hundred traces that begin here are exported. One that began elsewhere is if it was sampled there.
    pub percent: u8,
}

/// What makes spans. Clones are cheap.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<dyn Tracer>>);

/// Begins spans.
trait Tracer: std::marker::Send + Sync {
    fn begin(&self, name: String, asked: Asked, parent: Option<TraceParent>) -> Box<dyn Operation>;
    /// Blocks until what has ended is exported, or cannot be.
    fn flush(&self);
}

/// A span under way.
trait Operation: std::marker::Send {
    fn context(&self) -> Option<TraceParent>;
    fn end(self: Box<Self>, status: u16);
}

/// What a span says from the start.
#[cfg_attr(
    not(feature = "otlp"),
    allow(dead_code, reason = "nobody reads it where nothing is exported")
)]
struct Asked {
    method: String,
    route: &'static str,
    request: u64,
}

/// A request under way, as a span.
pub struct Span(Box<dyn Operation>);

impl Spans {
    /// What makes none.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// A request begins, whose number `request` is its `X-Request-Id`, in the trace of `parent` if it is part of one.
    /// Nothing where none are made.
    #[must_use]
    pub fn begin(
        &self,
        method: &str,
        route: Route,
        request: u64,
        parent: Option<TraceParent>,
    ) -> Option<Span> {
        let tracer = self.0.as_ref()?;
        let (method, route) = (method.to_owned(), route.text());
        let asked = Asked {
            method,
            route,
            request,
        };
        let name = format!("{} {route}", asked.method);
        Some(Span(tracer.begin(name, asked, parent)))
    }

    /// Returns once what has ended is exported, or cannot be. It blocks.
    pub fn flush(&self) {
        if let Some(tracer) = &self.0 {
            tracer.flush();
        }
    }
}

impl Span {
    /// What is told to whoever is called for this request; nothing where the span is not valid.
    #[must_use]
    pub fn context(&self) -> Option<TraceParent> {
        self.0.context()
    }

    /// It was answered with this status.
    pub fn end(self, status: u16) {
        self.0.end(status);
    }
}

impl std::fmt::Debug for Spans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spans").field(&self.0.is_some()).finish()
    }
}
