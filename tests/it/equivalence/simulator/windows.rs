//! Windows and the ends of retained values in the naive log.

use std::time::Duration;

use super::super::script::{Deliver, Retain};
use super::Fault;
use super::log::{Log, Stored};

/// What was published to a room since its window opened.
#[derive(Debug, Default)]
pub(super) struct Window {
    since: Duration,
    raws: Vec<(Option<&'static str>, Stored)>,
}

impl Log {
    pub(super) fn gather(&mut self, room: &str, key: Option<&'static str>, event: &Stored) {
        let since = self.now;
        let window = self
            .windows
            .entry(room.to_owned())
            .or_insert_with(|| Window {
                since,
                raws: Vec::new(),
            });
        window.raws.push((key, event.clone()));
    }

    /// Flushes the windows that are over, or all of them.
    pub(super) fn flush(&mut self, all: bool) {
        for (room, window) in std::mem::take(&mut self.windows) {
            let deliver = self.rule(&room).deliver;
            let over = deliver
                .every()
                .is_some_and(|every| window.since + every <= self.now);
            if !all && !over {
                self.windows.insert(room, window);
            } else if self.fault != Some(Fault::LoseFlush) {
                match deliver {
                    Deliver::Batch { .. } => self.flush_batch(&room, window),
                    _ => self.flush_newest(&room, window),
                }
            }
        }
    }

    fn flush_newest(&mut self, room: &str, window: Window) {
        let mut newest: Vec<(Option<&'static str>, Stored)> = Vec::new();
        let is_plain = |raw: &Stored| raw.retain == Retain::No;
        for (key, raw) in window.raws {
            if self.fault == Some(Fault::FlushOldest) && newest.iter().any(|(have, _)| *have == key)
            {
                continue;
            }
            // A change of a retained value is seen, whatever comes behind it.
            newest.retain(|(have, old)| *have != key || is_plain(&raw) && !is_plain(old));
            newest.push((key, raw));
        }
        for (key, mut raw) in newest {
            raw.of = vec![self.cursor(raw.seq)];
            raw.key = key;
            self.make(raw, room);
        }
    }

    fn flush_batch(&mut self, room: &str, window: Window) {
        let mut raws: Vec<Stored> = window.raws.into_iter().map(|(_, raw)| raw).collect();
        match self.fault {
            Some(Fault::BatchMissesOne) if raws.len() > 1 => _ = raws.remove(0),
            Some(Fault::BatchDisorder) => raws.reverse(),
            _ => {}
        }
        let mut names: Vec<_> = raws.iter().map(|raw| raw.event.clone()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let of: Vec<_> = raws.iter().filter(|raw| raw.event == name).collect();
            let event = self.batch(&name, &of);
            if self.fault == Some(Fault::BatchTwice) {
                self.make(event.clone(), room);
            }
            self.make(event, room);
        }
    }

    fn batch(&self, name: &str, raws: &[&Stored]) -> Stored {
        let entries: Vec<_> = raws
            .iter()
            .map(|raw| {
                let id = self.cursor(raw.seq);
                let key = raw.key.map_or_else(String::new, |key| {
                    format!(r#","key":{}"#, serde_json::json!(key))
                });
                format!(
                    r#"{{"data":{},"ts":{},"id":"{id}"{key}}}"#,
                    raw.data, raw.ts
                )
            })
            .collect();
        let (count, entries) = (entries.len(), entries.join(","));
        let mut event = Stored {
            event: format!("{name}:batch"),
            data: format!(r#"{{"count":{count},"events":[{entries}]}}"#),
            of: raws.iter().map(|raw| self.cursor(raw.seq)).collect(),
            ..Stored::default()
        };
        self.stamp(&mut event);
        event
    }

    /// Retained values whose time is over are taken away by an event.
    pub(super) fn end_values(&mut self) {
        let now = self.now;
        let over: Vec<_> = self
            .values
            .iter()
            .filter(|(_, value)| value.is_over(now))
            .map(|(place, value)| (place.clone(), value.clone()))
            .collect();
        for ((room, key), mut value) in over {
            self.values.remove(&(room.clone(), key));
            if self.fault == Some(Fault::EndInSilence) {
                continue;
            }
            self.stamp(&mut value);
            value.retain = Retain::Clear;
            (value.ttl, value.data, value.from) = (None, "null".to_owned(), None);
            self.make(value, &room);
        }
    }
}
