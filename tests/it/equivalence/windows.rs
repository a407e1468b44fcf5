//! What the clock makes of rooms: flushes at the ends of windows, and ends of retained values (SEMANTICS 16, 17).
//!
//! A model of its own. Nobody publishes these events: who waits for them, and who judges them, asks here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::message::Envelope;
use super::record::Published;
use super::script::{Deliver, Retain, Rule};

/// An event that the log makes by itself.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) room: String,
    pub(super) what: What,
}

/// Of what it is made.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// The newest of its key in a window.
    Newest(Published),
    /// All of one name in a window.
    Batch { name: String, raws: Vec<Published> },
    /// The end of this retained value.
    Cleared(Published),
}

/// The open windows, and the retained values that have an end.
#[derive(Debug)]
pub(super) struct Windows {
    rules: Vec<Rule>,
    now: Duration,
    open: BTreeMap<String, Window>,
    ends: Vec<End>,
}

#[derive(Debug)]
struct Window {
    end: Duration,
    raws: Vec<Published>,
}

#[derive(Debug)]
struct End {
    room: String,
    at: Duration,
    value: Published,
}

impl Windows {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self {
            rules: rules.to_vec(),
            now: Duration::ZERO,
            open: BTreeMap::new(),
            ends: Vec::new(),
        }
    }

    /// An event was appended.
    pub(super) fn publish(&mut self, published: &Published) {
        for room in &published.rooms {
            if let Some(every) = self.every(room) {
                let end = self.now + every;
                let window = self.open.entry(room.clone()).or_insert_with(|| Window {
                    end,
                    raws: Vec::new(),
                });
                window.raws.push(published.clone());
            }
            let options = &published.options;
            if options.retain == Retain::No || self.every(room).is_some() {
                continue;
            }
            self.ends
                .retain(|end| end.room != *room || end.value.options.key != options.key);
            let ttl = options.ttl_ms.filter(|_| options.retain == Retain::Value);
            self.ends.extend(ttl.map(|ttl| End {
                room: room.clone(),
                at: self.now + Duration::from_millis(ttl),
                value: published.clone(),
            }));
        }
    }

    /// The clock went on; what that makes, in no order.
    pub(super) fn advance(&mut self, span: Duration) -> Vec<Made> {
        self.now += span;
        let now = self.now;
        let (over, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|(_, window)| window.end <= now);
        self.open = open;
        let mut made = self.flush(over);
        for end in self.ends.extract_if(.., |end| end.at <= now) {
            made.push(Made {
                room: end.room,
                what: What::Cleared(end.value),
            });
        }
        made
    }

    /// The log is drained, and a new one begins: what is open is flushed into the old one.
    pub(super) fn restart(&mut self) -> Vec<Made> {
        self.ends.clear();
        let open = std::mem::take(&mut self.open);
        self.flush(open)
    }

    fn every(&self, room: &str) -> Option<Duration> {
        self.rule(room)?.deliver.every()
    }

    fn rule(&self, room: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.room == room)
    }

    fn flush(&self, windows: BTreeMap<String, Window>) -> Vec<Made> {
        let mut made = Vec::new();
        for (room, window) in windows {
            let mut groups: BTreeMap<String, Vec<Published>> = BTreeMap::new();
            let by_field = match self.rule(&room).map(|rule| rule.deliver) {
                Some(Deliver::Conflate { field, .. }) => Some(field),
                _ => None,
            };
            for raw in window.raws {
                let group = match by_field {
                    Some(field) => key(&raw, field).unwrap_or_default().to_owned(),
                    None => raw.event.clone(),
                };
                groups.entry(group).or_default().push(raw);
            }
            for (name, mut raws) in groups {
                let what = if by_field.is_some() {
                    let newest = raws.pop();
                    let is_plain = |raw: &Published| raw.options.retain == Retain::No;
                    // A change of a retained value is seen, whatever comes behind it.
                    let retained = match &newest {
                        Some(newest) if is_plain(newest) => {
                            raws.into_iter().rfind(|raw| !is_plain(raw))
                        }
                        _ => None,
                    };
                    retained
                        .into_iter()
                        .chain(newest)
                        .map(What::Newest)
                        .collect()
                } else {
                    vec![What::Batch { name, raws }]
                };
                made.extend(what.into_iter().map(|what| Made {
                    room: room.clone(),
                    what,
                }));
            }
        }
        made
    }
}

/// The publisher's key, or where a room looks there, the payload's.
fn key(raw: &Published, field: bool) -> Option<&str> {
    raw.options.key.or(raw.options.field.filter(|_| field))
}

impl Made {
    /// The ids of the events that it stands for.
    pub(super) fn of(&self) -> Vec<&str> {
        match &self.what {
            What::Newest(raw) => vec![&raw.id],
            What::Batch { raws, .. } => raws.iter().map(|raw| raw.id.as_str()).collect(),
            What::Cleared(_) => Vec::new(),
        }
    }

    /// The same where an envelope does not say for which events it stands: it is known by what it tells.
    pub(super) fn is_told_by(&self, envelope: &Envelope<'_>) -> bool {
        let same = match &self.what {
            What::Newest(raw) => envelope.event == raw.event && envelope.data.get() == raw.data,
            What::Batch { name, .. } => envelope.event.strip_suffix(":batch") == Some(name),
            What::Cleared(_) => return self.is(envelope),
        };
        same && envelope.room == self.room
    }

    /// Whether this is the envelope of it, as far as that tells it from others.
    pub(super) fn is(&self, envelope: &Envelope<'_>) -> bool {
        let same = match &self.what {
            What::Newest(_) | What::Batch { .. } => true,
            What::Cleared(value) => {
                envelope.event == value.event
                    && envelope.key.as_deref() == value.options.key
                    && envelope.data.get() == "null"
            }
        };
        same && envelope.room == self.room && self.of() == envelope.of
    }
}
