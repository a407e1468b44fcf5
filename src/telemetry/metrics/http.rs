//! Connections, requests, and who was refused.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::family::Family;
use super::labels::{self, Door, Listener, Route, StatusClass};
use crate::model::code::Code;

#[derive(Debug)]
pub(super) struct Http {
    connections: Family<Listener, Gauge>,
    accepted: Family<Listener, Counter>,
    handshakes: Family<labels::Handshake, Counter>,
    pub(super) requests: Family<(Route, StatusClass), Counter>,
    pub(super) refusals: Family<(Code, Door), Counter>,
}

/// An open connection; dropping it closes the count.
#[derive(Debug)]
pub struct Open(Gauge);

impl Http {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            connections: Family::default(),
            accepted: Family::default(),
            handshakes: Family::default(),
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
            "tls_handshakes",
            "TLS handshakes that clients began, by how they came out",
            new.handshakes.clone(),
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

    pub(super) fn connect(&self, listener: Listener) -> Open {
        self.accepted.with(listener).inc();
        let open = self.connections.with(listener).clone();
        open.inc();
        Open(open)
    }

    pub(super) fn shake_hands(&self) -> Handshake {
        Handshake {
            outcomes: self.handshakes.clone(),
            outcome: labels::Handshake::Failed,
        }
    }
}

/// A TLS handshake under way; one that is dropped before it is done has failed.
#[derive(Debug)]
pub struct Handshake {
    outcomes: Family<labels::Handshake, Counter>,
    outcome: labels::Handshake,
}

impl Handshake {
    /// Both sides have agreed.
    pub fn done(mut self) {
        self.outcome = labels::Handshake::Done;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.outcomes.with(self.outcome).inc();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
