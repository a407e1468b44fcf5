//! L2: the log that is the bus, and those who wait for it.

use std::time::Duration;

/// How much history is kept: whatever bound is met first evicts the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Events; at least 1.
    pub events: usize,
    /// Bytes of memory, overhead included.
    pub bytes: usize,
    /// Age.
    pub age: Duration,
}

/// What the log keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of all rooms together.
    pub total: History,
    /// Of one room, by pattern (literal text, or a prefix and `*`); the longest literal prefix wins, an
    /// exact name wins over a prefix.
    pub rooms: Vec<(String, History)>,
}

impl History {
    /// A room that no pattern names: 1000 events, 4 MiB, 24 hours.
    pub const ROOM: Self = Self {
        events: 1000,
        bytes: 4 << 20,
        age: Duration::from_secs(24 * 3600),
    };

    /// All rooms together: 1,000,000 events, 256 MiB, 24 hours.
    pub const TOTAL: Self = Self {
        events: 1_000_000,
        bytes: 256 << 20,
        age: Duration::from_secs(24 * 3600),
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            total: History::TOTAL,
            rooms: Vec::new(),
        }
    }
}
