//! Bounds, as numbers that were checked once.

use std::time::Duration;

/// So many in so long, with as many at once (a token bucket of that size).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; not zero.
    pub per: Duration,
}

/// What one stream, or one request of its principal, may use. A role may override the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client messages of one stream.
    pub messages: Rate,
    /// The payload of one event, in bytes of minified JSON.
    pub event: usize,
    /// The rooms of one stream, and of one event.
    pub rooms_per_stream: usize,
}

impl Limits {
    /// The embedded default: 20 messages a second, 64 KiB an event, 100 rooms.
    pub const DEFAULT: Self = Self {
        messages: Rate {
            count: 20,
            per: Duration::from_secs(1),
        },
        event: 64 * 1024,
        rooms_per_stream: 100,
    };
}
