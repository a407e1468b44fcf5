//! What operators are told: the rooms that there are, what is held, and who is behind.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::room::Room;
use crate::telemetry::metrics::Log as Report;
use crate::wire::admin::RoomNow;

use super::memory::{Bus, Shared};
use super::rooms::RoomLog;

/// Rooms whose readers are looked at before somebody else has a turn.
const ROOMS_AT_ONCE: usize = 256;
const MINUTE: Duration = Duration::from_secs(60);

impl Bus {
    /// The rooms whose names begin with `prefix`, in the order of their names and behind `after`, at most so many: those
    /// that hold something, and those that somebody reads.
    #[must_use]
    pub fn rooms(&self, prefix: &str, after: Option<&Room>, most: usize) -> Vec<RoomNow> {
        let fits = |room: &Room| {
            room.as_str().starts_with(prefix) && after.is_none_or(|after| after < room)
        };
        let Shared { readers, clock, .. } = &**self.shared();
        let mut first: BTreeSet<Room> = readers.rooms().into_iter().filter(fits).collect();
        let now = clock.now();
        let log = self.shared().log();
        for room in log.rooms().filter(|room| fits(room)) {
            first.insert(room.clone());
            if first.len() > most {
                first.pop_last();
            }
        }
        let held = first.into_iter().take(most).map(|room| {
            let held = log.room(&room);
            RoomNow {
                readers: readers.count(&room),
                events: held.map_or(0, RoomLog::len),
                bytes: held.map_or(0, RoomLog::bytes),
                last_minute: held.map_or(0, |held| held.since(now.before(MINUTE))),
                room,
            }
        });
        held.collect()
    }

    /// What is held, and how far behind the slowest reader is: whoever has not read has its place here, also while
    /// its client takes nothing and it does not ask.
    ///
    /// One room at a time, so that a publish waits no longer for this than for another publish to its room.
    pub async fn report(&self) -> Report {
        let mut report = self.size();
        report.members = self.shared().present();
        let readers = &self.shared().readers;
        for (index, room) in readers.rooms().into_iter().enumerate() {
            if let Some(cursor) = readers.slowest(&room) {
                self.lag(&room, cursor, &mut report);
            }
            if index % ROOMS_AT_ONCE == ROOMS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        report
    }

    fn size(&self) -> Report {
        let log = self.shared().log();
        let ((events, bytes), (values, value_bytes)) = (log.size(), log.state_size());
        let now = self.shared().clock.now();
        Report {
            events,
            bytes,
            values,
            value_bytes,
            window_bytes: log.window_bytes(),
            oldest: log.oldest().map_or(Duration::ZERO, |one| now.since(one.at)),
            ..Report::default()
        }
    }

    /// Adds what waits in `room` for a reader that has read up to `cursor`.
    fn lag(&self, room: &Room, cursor: u64, report: &mut Report) {
        let log = self.shared().log();
        let Some(held) = log.room(room) else { return };
        let next = held.after(cursor);
        if let Some(entry) = held.get(next) {
            report.lag_events = report.lag_events.max(held.len() - next);
            report.lag = report.lag.max(self.shared().clock.now().since(entry.at));
        }
    }
}
