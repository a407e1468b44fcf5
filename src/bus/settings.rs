//! What holds for a room, and what the log keeps.

use std::sync::Arc;
use std::time::Duration;

use crate::model::room::Room;

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

/// What holds for the rooms of one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How much of a room is kept.
    pub history: History,
    /// What its readers are given.
    pub deliver: Deliver,
    /// What becomes of a reader that falls out of what is kept.
    pub overflow: Overflow,
    /// How much its retained values may take.
    pub state: StateBounds,
    /// For rooms where it is looked at who is there: how long somebody may be away before that is a leave.
    pub presence: Option<Duration>,
}

/// What the readers of a room are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deliver {
    /// Each event.
    #[default]
    All,
    /// The newest that there is when they read.
    Latest,
    /// The newest of each key, once in so long.
    Conflate {
        /// How long a window is.
        every: Duration,
        /// The field of the payload that is the key of an event which says none.
        key: Option<Box<str>>,
    },
    /// All of a window, as one event of each name.
    Batch {
        /// How long a window is.
        every: Duration,
    },
}

/// What becomes of a live reader that falls out of what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is told what it has missed, and goes on.
    #[default]
    Gap,
    /// It is ended, to come back.
    Disconnect,
}

/// How much the retained values of one room may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateBounds {
    /// Keys.
    pub keys: usize,
    /// Bytes of memory, overhead included.
    pub bytes: usize,
}

impl Deliver {
    /// How long its windows are, if it has any.
    #[must_use]
    pub const fn window(&self) -> Option<Duration> {
        match self {
            Self::Conflate { every, .. } | Self::Batch { every } => Some(*every),
            Self::All | Self::Latest => None,
        }
    }
}

impl StateBounds {
    /// 1000 keys, 1 MiB.
    pub const ROOM: Self = Self {
        keys: 1000,
        bytes: 1 << 20,
    };
}

impl Policy {
    /// Of a room that no pattern names.
    pub const ROOM: Self = Self::of_history(History::ROOM);

    /// Of a room of the gateway's own.
    pub const INTERNAL: Self = Self::of_history(History::INTERNAL);

    /// Of a companion, which tells who comes and goes in another room.
    pub const COMPANION: Self = Self::of_history(History::COMPANION);

    /// One that says nothing but how much is kept.
    #[must_use]
    pub const fn of_history(history: History) -> Self {
        Self {
            history,
            deliver: Deliver::All,
            overflow: Overflow::Gap,
            state: StateBounds::ROOM,
            presence: None,
        }
    }
}

impl From<History> for Arc<Policy> {
    fn from(history: History) -> Self {
        Self::new(Policy::of_history(history))
    }
}

/// What the log keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of all rooms together.
    pub total: History,
    /// Bytes of memory that the retained values of all rooms may take together.
    pub state_bytes: usize,
    /// Of one room, by pattern (literal text, or a prefix and `*`); the longest literal prefix wins, an
    /// exact name wins over a prefix. A room of the gateway's own is meant by no `*` alone.
    pub rooms: Vec<(String, Arc<Policy>)>,
}

impl History {
    /// A room that no pattern names: 1000 events, 4 MiB, 24 hours.
    pub const ROOM: Self = Self {
        events: 1000,
        bytes: 4 << 20,
        age: Duration::from_secs(24 * 3600),
    };

    /// A room of the gateway's own: the last event, which is no client's history.
    pub const INTERNAL: Self = Self {
        events: 1,
        bytes: 64 << 10,
        age: Duration::from_secs(3600),
    };

    /// A companion: 1000 events, 1 MiB, 1 hour.
    pub const COMPANION: Self = Self {
        events: 1000,
        bytes: 1 << 20,
        age: Duration::from_secs(3600),
    };

    /// The room of one stream: 100 events, 256 KiB, 5 minutes. It reads them at once, or is behind.
    pub const STREAM: Self = Self {
        events: 100,
        bytes: 256 << 10,
        age: Duration::from_secs(5 * 60),
    };

    /// All rooms together: 1,000,000 events, 256 MiB, 24 hours.
    pub const TOTAL: Self = Self {
        events: 1_000_000,
        bytes: 256 << 20,
        age: Duration::from_secs(24 * 3600),
    };
}

impl Settings {
    /// Bytes that retained values may take, where nothing is said: 64 MiB.
    pub const STATE_BYTES: usize = 64 << 20;

    /// What holds for `room`: an exact name first, then the longest literal prefix.
    #[must_use]
    pub fn policy(&self, room: &Room) -> Arc<Policy> {
        let name = room.as_str();
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some("") if room.is_internal() => None,
            Some(prefix) => name.starts_with(prefix).then_some(prefix.len()),
            None => (name == pattern).then_some(usize::MAX),
        };
        let named = self
            .rooms
            .iter()
            .filter_map(|(pattern, policy)| Some((fits(pattern)?, policy)));
        let unnamed = || {
            Arc::new(match room.tells_of() {
                Some(_) => Policy::COMPANION,
                None if room.is_of_a_stream() => Policy::of_history(History::STREAM),
                None if room.is_internal() => Policy::INTERNAL,
                None => Policy::ROOM,
            })
        };
        named
            .max_by_key(|(literal, _)| *literal)
            .map_or_else(unnamed, |(_, policy)| policy.clone())
    }

    /// The bounds of what a room of this `policy` keeps.
    #[must_use]
    pub fn history(&self, policy: &Policy) -> History {
        History {
            age: policy.history.age.min(self.total.age),
            ..policy.history
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            total: History::TOTAL,
            state_bytes: Self::STATE_BYTES,
            rooms: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_name_wins_and_then_the_longest_literal_prefix() {
        let events = |events| {
            Arc::from(History {
                events,
                ..History::ROOM
            })
        };
        let settings = Settings {
            rooms: vec![
                ("*".into(), events(1)),
                ("sensor:*".into(), events(2)),
                ("sensor:cold:*".into(), events(3)),
                ("sensor:cold:1".into(), events(4)),
            ],
            ..Settings::default()
        };
        for (room, expected) in [
            ("lobby", 1),
            ("sensor:x", 2),
            ("sensor:cold:2", 3),
            ("sensor:cold:1", 4),
            ("sensor", 1),
            ("_canary", History::INTERNAL.events),
            ("_presence:sensor:x", History::COMPANION.events),
            ("_stream:x", History::STREAM.events),
        ] {
            let policy = settings.policy(&Room::parse(room).unwrap());
            assert_eq!(policy.history.events, expected, "{room}");
        }
        let unnamed = Settings::default().policy(&Room::parse("x").unwrap());
        assert_eq!(*unnamed, Policy::ROOM);
    }
}
