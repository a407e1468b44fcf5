//! Bounds, as numbers that were checked once.

use std::collections::BTreeMap;
use std::time::Duration;

/// So many in so long, with as many at once (a token bucket of that size).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; not zero.
    pub per: Duration,
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// So many in so long.
    Rate(Rate),
    /// So many at once.
    Count(u32),
}

/// What one stream, or one principal, may use. A role may override the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client messages of one stream.
    pub messages: Rate,
    /// The payload of one event, in bytes of minified JSON.
    pub event: usize,
    /// The rooms of one stream, and of one event.
    pub rooms_per_stream: usize,
    /// Requests of one principal, the openings of its streams among them.
    pub requests: Option<Rate>,
    /// Events that one principal publishes to one room.
    pub publishes: Option<Rate>,
    /// Open streams of one principal.
    pub per_principal: Option<u32>,
}

/// How often messages of these names may come: event names, and types of client messages. A role's own, and the
/// gateway's for the names that it leaves out.
pub type Events = BTreeMap<String, Rate>;

/// What one address may use, whoever is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Open connections, and open streams.
    pub per_ip: Option<u32>,
    /// New connections, and new streams.
    pub handshakes: Option<Rate>,
    /// Credentials that are not good.
    pub failures: Option<Rate>,
}

impl Limits {
    /// The embedded default: 20 messages a second, 64 KiB an event, 100 rooms; whatever else is unbounded.
    pub const DEFAULT: Self = Self {
        messages: Rate {
            count: 20,
            per: Duration::from_secs(1),
        },
        event: 64 * 1024,
        rooms_per_stream: 100,
        requests: None,
        publishes: None,
        per_principal: None,
    };
}
