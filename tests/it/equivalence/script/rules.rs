//! What each room keeps, and how it delivers.

use std::time::Duration;

/// The history that a room keeps, and its policy.
#[derive(Clone, Debug)]
pub(in super::super) struct Rule {
    pub(in super::super) room: &'static str,
    pub(in super::super) events: usize,
    pub(in super::super) age_seconds: u64,
    pub(in super::super) deliver: Deliver,
    /// Whether a live reader that falls out of the log is sent away instead of being told a gap.
    pub(in super::super) disconnects: bool,
}

/// What becomes of a room's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Deliver {
    All,
    Latest,
    /// The newest of each key, `every_ms` after the first; whether the key is a field of the payload.
    Conflate {
        field: bool,
        every_ms: u64,
    },
    Batch {
        every_ms: u64,
    },
}

impl Deliver {
    /// How long a window is open, if the room has windows.
    pub(in super::super) const fn every(self) -> Option<Duration> {
        match self {
            Self::All | Self::Latest => None,
            Self::Conflate { every_ms, .. } | Self::Batch { every_ms } => {
                Some(Duration::from_millis(every_ms))
            }
        }
    }
}

/// The room that no client is granted.
pub(in super::super) const SECRET: &str = "s:secret";
/// The room of the newest event.
pub(in super::super) const LATEST: &str = "r:latest";
/// The room whose live readers must keep up.
pub(in super::super) const STRICT: &str = "r:strict";
/// The room of retained values.
pub(in super::super) const STATE: &str = "r:state";

/// Every room that a client may read.
pub(in super::super) const ROOMS: [&str; 13] = [
    "r:busy",
    "r:still",
    "r:small",
    "r:one",
    "r:brief",
    "r:mixed",
    "r:late",
    STRICT,
    STATE,
    LATEST,
    "r:conflate",
    "r:field",
    "r:batch",
];
/// So many of them, from the first, have no policy.
pub(super) const PLAIN: usize = 7;
/// So many of them, from the first, hold every event until its time or the room's bound is over.
pub(super) const HOLDING: usize = 9;

const DAY: u64 = 24 * 3600;
/// More than any script publishes.
pub(super) const PLENTY: usize = 10_000;

/// The rules of a script; of a calm one nothing is ever evicted.
pub(super) fn rules(calm: bool, policies: bool) -> Vec<Rule> {
    let rule = |(room, events, age_seconds)| Rule {
        room,
        events: if calm { PLENTY } else { events },
        age_seconds: if calm { DAY } else { age_seconds },
        deliver: deliver(room),
        disconnects: room == STRICT,
    };
    [
        ("r:busy", PLENTY, DAY),
        ("r:still", PLENTY, DAY),
        ("r:small", 3, DAY),
        ("r:one", 1, DAY),
        ("r:brief", PLENTY, 60),
        ("r:mixed", 4, 30),
        ("r:late", PLENTY, DAY),
        (SECRET, PLENTY, DAY),
        (STRICT, 3, DAY),
        (STATE, 4, 60),
        (LATEST, 3, 60),
        ("r:conflate", 8, DAY),
        ("r:field", 8, 60),
        ("r:batch", 8, DAY),
    ]
    .into_iter()
    .take(if policies { usize::MAX } else { PLAIN + 1 })
    .map(rule)
    .collect()
}

fn deliver(room: &str) -> Deliver {
    match room {
        LATEST => Deliver::Latest,
        "r:conflate" => Deliver::Conflate {
            field: false,
            every_ms: 7000,
        },
        "r:field" => Deliver::Conflate {
            field: true,
            every_ms: 3000,
        },
        "r:batch" => Deliver::Batch { every_ms: 5000 },
        _ => Deliver::All,
    }
}

/// Whether the events of `room` are only ever delivered by its windows.
pub(in super::super) fn has_windows(room: &str) -> bool {
    deliver(room).every().is_some()
}

/// Whether the log may make events of its own in `room`.
pub(in super::super) fn is_watched(room: &str) -> bool {
    has_windows(room) || [STATE, "r:late"].contains(&room)
}
