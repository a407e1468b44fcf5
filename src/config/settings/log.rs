//! `[log]` and `[rooms]`: what is kept, and what holds for a room.

use std::sync::Arc;
use std::time::Duration;

use super::{Build, or, whole};
use crate::bus::{self, Deliver, History, Overflow, Policy, StateBounds};
use crate::config::node::Origin;
use crate::config::path::Step;
use crate::config::values::Section;
use crate::model::room::COMPANION;

impl Build<'_> {
    pub(super) fn bus(&mut self) -> bus::Settings {
        let log = self.values.section("log");
        // There is one kind today; that it is this one was checked when it was read.
        let _ = log.text("kind");
        let mut rooms = Vec::new();
        for (step, section) in self.values.section("rooms").each() {
            if let Step::Key(pattern) = step {
                let policy = self.policy(&pattern, &section);
                rooms.push((pattern, Arc::new(policy)));
            }
        }
        bus::Settings {
            total: history(&log, History::TOTAL),
            state_bytes: or(whole(log.number("state")), bus::Settings::STATE_BYTES),
            rooms,
        }
    }

    fn policy(&mut self, pattern: &str, section: &Section<'_>) -> Policy {
        let unsaid = if pattern.starts_with(COMPANION) {
            History::COMPANION
        } else {
            History::ROOM
        };
        let state = section.below("state");
        let overflow = section.text("overflow").map(|said| said.value);
        Policy {
            history: history(&section.below("history"), unsaid),
            deliver: self.deliver(&section.below("deliver")),
            overflow: match overflow.as_deref() {
                Some("disconnect") => Overflow::Disconnect,
                _ => Overflow::Gap,
            },
            state: StateBounds {
                keys: or(whole(state.number("keys")), StateBounds::ROOM.keys),
                bytes: or(whole(state.number("bytes")), StateBounds::ROOM.bytes),
            },
            presence: self.presence(pattern, &section.below("presence")),
        }
    }

    fn deliver(&mut self, section: &Section<'_>) -> Deliver {
        let (mode, key) = (section.text("mode"), section.text("key"));
        let said = section.duration("every");
        let mode = mode.map_or_else(|| "all".into(), |said| said.value);
        if let Some(said) = key.as_ref().filter(|_| mode != "conflate") {
            self.lonely(&said.origin, "key", "mode = \"conflate\"");
        }
        if let Some(said) = said.as_ref().filter(|_| matches!(&*mode, "all" | "latest")) {
            let modes = "mode = \"conflate\" or \"batch\"";
            self.lonely(&said.origin, "every", modes);
        }
        let every = or(said, WINDOW);
        match &*mode {
            "latest" => Deliver::Latest,
            "conflate" => Deliver::Conflate {
                every,
                key: key.map(|said| said.value.into()),
            },
            "batch" => Deliver::Batch { every },
            _ => Deliver::All,
        }
    }

    fn presence(&mut self, pattern: &str, section: &Section<'_>) -> Option<Duration> {
        let (track, grace) = (section.flag("track"), section.duration("grace"));
        let is_own = pattern.starts_with('_');
        if let Some(said) = track.as_ref().filter(|said| said.value && is_own) {
            let problem = "`track` has no effect here: rooms of the gateway's own have no presence";
            self.open_fault(Some(&said.origin), problem, "take it out");
        }
        if let Some(said) = grace.as_ref().filter(|_| track.is_none()) {
            self.lonely(&said.origin, "grace", "track = true");
        }
        let grace = or(grace, GRACE);
        (or(track, false) && !is_own).then_some(grace)
    }

    /// A key that has an effect only beside another one is a mistake without it.
    pub(super) fn lonely(&mut self, origin: &Origin, key: &str, beside: &str) {
        let problem = format!("`{key}` has no effect here");
        let instead = format!("write {beside} beside it, or take it out");
        self.open_fault(Some(origin), problem, &instead);
    }
}

/// How long a window is where nothing is said.
const WINDOW: Duration = Duration::from_secs(1);
/// How long somebody may be away where nothing is said.
const GRACE: Duration = Duration::from_secs(10);

fn history(section: &Section<'_>, default: History) -> History {
    History {
        events: or(whole(section.number("events")), default.events),
        bytes: or(whole(section.number("bytes")), default.bytes),
        age: or(section.duration("age"), default.age),
    }
}
