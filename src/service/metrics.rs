//! `GET /metrics`.

use http::Request;
use hyper::body::Incoming;

use crate::model::code::Refusal;
use crate::telemetry::metrics::Format;
use crate::wire::accept::prefers_openmetrics;
use crate::wire::encoding::Encoding;
use crate::wire::query::Query;

use super::{Audience, Connection, Response, Service};

impl Service {
    /// All metrics, in the format that the client prefers.
    pub(super) async fn metrics(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        if connection.audience != Audience::Probes {
            self.operator(request, query)?;
        }
        let format = if prefers_openmetrics(request.headers()) {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        };
        let log = self.context.bus.report().await;
        let text = self.context.metrics.expose(format, log, self.health());
        let encoding = Encoding::preferred(request.headers());
        Ok(self.long(encoding, format.content_type(), text).await)
    }
}
