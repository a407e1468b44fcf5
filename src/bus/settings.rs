//! What the log keeps, by room.

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

/// What the log keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// A room of the gateway's own: the last event, which is no client's history.
    pub const INTERNAL: Self = Self {
        events: 1,
        bytes: 64 << 10,
        age: Duration::from_secs(3600),
    };

    /// All rooms together: 1,000,000 events, 256 MiB, 24 hours.
    pub const TOTAL: Self = Self {
        events: 1_000_000,
        bytes: 256 << 20,
        age: Duration::from_secs(24 * 3600),
    };
}

impl Settings {
    /// The bounds of `room`: an exact name first, then the longest literal prefix.
    #[must_use]
    pub fn history(&self, room: &Room) -> History {
        let name = room.as_str();
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix).then_some(prefix.len()),
            None => (name == pattern).then_some(usize::MAX),
        };
        let best = self
            .rooms
            .iter()
            .filter_map(|(pattern, history)| Some((fits(pattern)?, *history)));
        let unnamed = if room.is_internal() {
            History::INTERNAL
        } else {
            History::ROOM
        };
        let own = best
            .filter(|_| !room.is_internal())
            .max_by_key(|(literal, _)| *literal)
            .map_or(unnamed, |(_, history)| history);
        History {
            age: own.age.min(self.total.age),
            ..own
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            total: History::TOTAL,
            rooms: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_name_wins_and_then_the_longest_literal_prefix() {
        let events = |events| History {
            events,
            ..History::ROOM
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
        ] {
            assert_eq!(
                settings.history(&Room::parse(room).unwrap()).events,
                expected,
                "{room}"
            );
        }
        assert_eq!(
            Settings::default().history(&Room::parse("x").unwrap()),
            History::ROOM
        );
    }
}
