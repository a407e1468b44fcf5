//! Connections, requests, and who was refused.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::family::Family;
use super::labels::{Door, Route, StatusClass};
use crate::model::code::Code;

#[derive(Debug)]
pub(super) struct Http {
    connections: Gauge,
    accepted: Counter,
    pub(super) requests: Family<(Route, StatusClass), Counter>,
    pub(super) refusals: Family<(Code, Door), Counter>,
}

/// An open connection; dropping it closes the count.
#[derive(Debug)]
pub struct Open(Gauge);

impl Http {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            connections: Gauge::default(),
            accepted: Counter::default(),
            requests: Family::default(),
            refusals: Family::default(),
        };
        registry.register(
            "connections",
            "Connections that are open",
            new.connections.clone(),
        );
        registry.register(
            "connections_accepted",
            "Connections that were accepted",
            new.accepted.clone(),
        );
        registry.register(
            "http_requests",
            "Requests that were answered, a stream's when its head was",
            new.requests.clone(),
        );
        registry.register(
            "refusals",
            "Refusals that clients were told, on plain requests and on streams",
            new.refusals.clone(),
        );
        new
    }

    pub(super) fn connect(&self) -> Open {
        self.accepted.inc();
        self.connections.inc();
        Open(self.connections.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
