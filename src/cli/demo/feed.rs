//! The recorded feeds as one timeline without end.

use std::time::Duration;

/// Something that was recorded, and is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// When, on the recording's clock, counted from its beginning.
    pub(super) at: Duration,
    /// Where it belongs.
    pub(super) room: &'static str,
    /// What it is.
    pub(super) event: &'static str,
    /// The payload: a line of the recording, which is JSON.
    pub(super) data: &'static str,
}

/// Recordings that run side by side, each from the start again when it is over.
pub(super) struct Timeline(Vec<Feed>);

/// One recording.
struct Feed {
    room: &'static str,
    event: &'static str,
    /// When in the recording, and what; in time order.
    lines: Vec<(Duration, &'static str)>,
    /// From the beginning of one lap to that of the next.
    lap: Duration,
    laps: u32,
    next: usize,
}

const QUAKES: &str = include_str!("../../../examples/feeds/usgs-earthquakes-week.ndjson");
const STATION: &str = include_str!("../../../examples/feeds/seattle-hourly-temperature.ndjson");
const HOUR: Duration = Duration::from_secs(3600);

impl Timeline {
    /// A week of earthquakes in the room `quakes`, and a year of hourly readings in the room `station`.
    pub(super) fn recorded() -> Self {
        let quakes: Vec<_> = QUAKES
            .lines()
            .map(|line| (Duration::from_millis(unix_millis(line)), line))
            .collect();
        let first = quakes.first().map_or(Duration::ZERO, |(at, _)| *at);
        let quakes = quakes
            .into_iter()
            .map(|(at, line)| (at.saturating_sub(first), line))
            .collect();
        let station = (0_u32..).map(|n| HOUR * n).zip(STATION.lines()).collect();
        Self(vec![
            Feed::new("quakes", "quake", quakes),
            Feed::new("station", "reading", station),
        ])
    }
}

/// The `time` of an earthquake. A line without one, which the tests rule out, belongs to the beginning.
fn unix_millis(line: &str) -> u64 {
    #[derive(serde::Deserialize)]
    struct Timed {
        time: u64,
    }
    serde_json::from_str(line).map_or(0, |Timed { time }| time)
}

impl Iterator for Timeline {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let feed = self.0.iter_mut().min_by_key(|feed| feed.due())?;
        feed.take()
    }
}

impl Feed {
    fn new(room: &'static str, event: &'static str, lines: Vec<(Duration, &'static str)>) -> Self {
        let lap = lines.last().map_or(HOUR, |(at, _)| *at + HOUR);
        Self {
            room,
            event,
            lines,
            lap,
            laps: 0,
            next: 0,
        }
    }

    /// When the next line is due; never, if there is none.
    fn due(&self) -> Duration {
        self.lines
            .get(self.next)
            .map_or(Duration::MAX, |(at, _)| self.lap * self.laps + *at)
    }

    fn take(&mut self) -> Option<Due> {
        let at = self.due();
        let (_, data) = *self.lines.get(self.next)?;
        self.next += 1;
        if self.next == self.lines.len() {
            (self.next, self.laps) = (0, self.laps + 1);
        }
        Some(Due {
            at,
            room: self.room,
            event: self.event,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventName;
    use crate::model::json::Json;
    use crate::model::room::Room;

    #[test]
    fn every_line_of_the_recordings_can_be_published() {
        let timeline = Timeline::recorded();
        assert_eq!(timeline.0[0].lines.len(), 1707);
        assert_eq!(timeline.0[1].lines.len(), 8759);
        for feed in &timeline.0 {
            assert!(Room::parse(feed.room).is_ok() && EventName::parse(feed.event).is_ok());
            assert!(feed.lines.iter().all(|(_, line)| Json::parse(line).is_ok()));
        }
        assert!(
            QUAKES
                .lines()
                .all(|line| unix_millis(line) > 1_500_000_000_000)
        );
    }

    #[test]
    fn the_timeline_runs_in_order_and_starts_again_when_a_recording_is_over() {
        let all: Vec<Due> = Timeline::recorded().take(30_000).collect();
        assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let first = |room: &str| {
            let mut of_room = all.iter().filter(move |due| due.room == room);
            let first = of_room.next().unwrap();
            let again = of_room.find(|due| due.data == first.data);
            (first.at, again.map(|due| due.at))
        };
        let week = Duration::from_secs(7 * 24 * 3600);
        let (start, again) = first("quakes");
        assert_eq!(start, Duration::ZERO);
        assert!(
            again.is_some_and(|at| at > week - HOUR * 2 && at < week + HOUR * 2),
            "{again:?}"
        );
        assert_eq!(first("station").0, Duration::ZERO);
    }

    #[test]
    fn each_lap_begins_an_hour_after_the_last_line_of_the_one_before() {
        let lines = vec![(Duration::ZERO, "1"), (HOUR, "2")];
        let due: Vec<_> = Timeline(vec![Feed::new("r", "e", lines)])
            .take(5)
            .map(|due| (due.at, due.data))
            .collect();
        let hours = [(0, "1"), (1, "2"), (2, "1"), (3, "2"), (4, "1")];
        assert_eq!(due, hours.map(|(hour, line)| (HOUR * hour, line)));
    }
}
