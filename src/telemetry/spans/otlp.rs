//! The exporter. The SDK samples, batches and encodes; the requests to the collector are somebody else's to send.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, SpanId, TraceId};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use tokio::sync::{mpsc, oneshot};

use super::{Asked, Operation, Settings, Spans, Tracer};
use crate::model::trace::TraceParent;

/// A request to the collector, and where its answer goes.
pub struct Send {
    /// What is to be sent.
    pub request: Request<Bytes>,
    /// What came of it; an error is its text.
    pub reply: oneshot::Sender<Result<Response<Bytes>, String>>,
}

/// The requests that are to be sent, one after another.
pub type Exports = mpsc::Receiver<Send>;

impl Spans {
    /// What makes spans as `settings` say; and the requests to the collector, which somebody must send, on a thread that
    /// is not the one that waits for them.
    ///
    /// # Errors
    /// The collector's URL is none.
    pub fn export(settings: &Settings) -> io::Result<(Self, Exports)> {
        // The SDK exports one batch at a time.
        let (sends, exports) = mpsc::channel(1);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(sends))
            .with_endpoint(format!("{}/v1/traces", settings.endpoint))
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(io::Error::other)?;
        let ours = Sampler::TraceIdRatioBased(f64::from(settings.percent) / 100.0);
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty()
            .with_service_name("gatecast")
            .with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(ours)))
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("gatecast");
        let exporting = Arc::new(Exporting { provider, tracer });
        Ok((Self(Some(exporting)), exports))
    }
}

struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Tracer for Exporting {
    fn begin(&self, name: String, asked: Asked, parent: Option<TraceParent>) -> Box<dyn Operation> {
        let attributes = [
            KeyValue::new("http.request.method", asked.method),
            KeyValue::new("http.route", asked.route),
            KeyValue::new("gatecast.request_id", format!("{:016x}", asked.request)),
        ];
        let builder = self.tracer.span_builder(name).with_kind(SpanKind::Server);
        let builder = builder.with_attributes(attributes);
        let context = parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(remote(parent))
        });
        Box::new(self.tracer.build_with_context(builder, &context))
    }

    fn flush(&self) {
        // What fails is told by the SDK itself.
        let _ = self.provider.force_flush();
    }
}

fn remote(parent: TraceParent) -> SpanContext {
    let flags = if parent.is_sampled() {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    let (trace, span) = (parent.trace().bytes(), parent.parent());
    let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

impl Operation for Span {
    fn context(&self) -> Option<TraceParent> {
        let own = self.span_context();
        let flags = own.trace_flags().to_u8();
        let (trace, span) = (own.trace_id(), own.span_id());
        TraceParent::parse(&format!("00-{trace}-{span}-{flags:02x}"))
    }

    fn end(mut self: Box<Self>, status: u16) {
        self.set_attribute(KeyValue::new(
            "http.response.status_code",
            i64::from(status),
        ));
        if status >= 500 {
            self.set_status(Status::error(""));
        }
        opentelemetry::trace::Span::end(&mut *self);
    }
}

/// Hands each request to whoever sends them.
struct Client(mpsc::Sender<Send>);

type Sending<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + std::marker::Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'me, 'out>(&'me self, request: Request<Bytes>) -> Sending<'out>
    where
        'me: 'out,
        Self: 'out,
    {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.0.send(Send { request, reply }).await?;
            Ok(answer.await??)
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
