//! `[log]` and `[rooms]`: what is kept.

use super::{Build, or, whole};
use crate::bus::{self, History};
use crate::config::path::Step;
use crate::config::values::Section;

impl Build<'_> {
    pub(super) fn bus(&mut self) -> bus::Settings {
        let log = self.values.section("log");
        // There is one kind today; that it is this one was checked when it was read.
        let _ = log.text("kind");
        let rooms = self.values.section("rooms").each();
        bus::Settings {
            total: history(&log, History::TOTAL),
            rooms: rooms
                .into_iter()
                .filter_map(|(step, room)| match step {
                    Step::Key(pattern) => {
                        Some((pattern, history(&room.below("history"), History::ROOM)))
                    }
                    Step::Index(_) => None,
                })
                .collect(),
        }
    }
}

fn history(section: &Section<'_>, default: History) -> History {
    History {
        events: or(whole(section.number("events")), default.events),
        bytes: or(whole(section.number("bytes")), default.bytes),
        age: or(section.duration("age"), default.age),
    }
}
