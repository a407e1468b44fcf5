//! The one envelope that an event has in a room.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::message::Envelope;
use super::super::record::Published;
use super::super::windows::{Made, What};
use super::Kind;
use super::oracle::Origin;
use super::reader::Reader;

/// What an envelope is written from, in its order.
pub(super) struct Shape<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) room: &'a str,
    pub(super) event: &'a str,
    pub(super) data: &'a str,
    pub(super) stamp: u64,
    pub(super) from: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) of: &'a [&'a str],
}

/// The bytes of an envelope.
pub(super) fn text(shape: &Shape<'_>) -> String {
    let id = shape
        .id
        .map_or_else(String::new, |id| format!(r#""id":"{id}","#));
    let from = shape
        .from
        .map_or_else(String::new, |from| format!(r#","from":"{from}""#));
    let key = shape
        .key
        .map_or_else(String::new, |key| format!(r#","key":{}"#, json!(key)));
    let of = match shape.of {
        [] => String::new(),
        of => format!(r#","of":{}"#, json!(of)),
    };
    let (room, event, data, stamp) = (shape.room, shape.event, shape.data, shape.stamp);
    format!(
        r#"{{{id}"room":"{room}","event":"{event}","data":{data},"ts":{stamp}{from}{key}{of}}}"#
    )
}

/// The payload of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    count: usize,
    #[serde(borrow)]
    events: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    ts: u64,
    id: String,
    key: Option<String>,
    from: Option<String>,
}

impl Reader<'_> {
    /// The number and room of an envelope that is byte for byte what was published, or what the log makes of it.
    pub(super) fn genuine(&mut self, step: usize, text: &str) -> Option<(usize, String)> {
        let envelope = match Envelope::parse(text) {
            Ok(envelope) => envelope,
            Err(fault) => {
                self.complain(Kind::Malformed, fault);
                return None;
            }
        };
        let life = self.connection.as_ref()?.life;
        let Some(id) = &envelope.id else {
            self.volatile(step, text, &envelope);
            return None;
        };
        let known = self.oracle.place(id).filter(|place| place.life == life);
        let Some(place) = known else {
            self.complain(unknown(&envelope), format!("no publish gives {text}"));
            return None;
        };
        let fact = self.oracle.fact(place.at);
        if !fact.rooms.contains(&envelope.room) {
            self.complain(
                stray(&fact.origin, &envelope),
                format!("{text} in this room"),
            );
        } else if let Some((kind, fault)) = self.differs(place.at, text, &envelope) {
            self.complain(kind, fault);
        }
        Some((place.at, envelope.room))
    }

    fn differs(
        &mut self,
        number: usize,
        seen: &str,
        envelope: &Envelope<'_>,
    ) -> Option<(Kind, String)> {
        let key = (number, envelope.room.clone());
        let first = self
            .shared
            .texts
            .entry(key)
            .or_insert_with(|| seen.to_owned());
        if first != seen {
            return Some((Kind::Bytes, format!("{seen}, and elsewhere {first}")));
        }
        let fault = match &self.oracle.fact(number).origin {
            Origin::Published(published) => {
                let stamp = self.stamp(number, envelope.ts);
                let expected = written(envelope, published, stamp, &[], published.options.key);
                (expected != seen).then_some((Kind::Bytes, expected))
            }
            Origin::Made(made) => self.made_differs(number, made, seen, envelope),
        };
        fault.map(|(kind, expected)| (kind, format!("{seen} instead of {expected}")))
    }

    fn made_differs(
        &mut self,
        number: usize,
        made: &Made,
        seen: &str,
        envelope: &Envelope<'_>,
    ) -> Option<(Kind, String)> {
        match &made.what {
            What::Newest(raw) => {
                // It keeps the time of what it stands for.
                let stamp = self.stamp(self.oracle.number(&raw.id)?, envelope.ts);
                let given = raw.options.key;
                let keys = [given.or(raw.options.field), given];
                let may = keys.map(|key| written(envelope, raw, stamp, &made.of(), key));
                let [expected, _] = &may;
                (!may.iter().any(|text| text == seen)).then(|| (Kind::Flush, expected.clone()))
            }
            What::Batch { name, raws } => {
                let fault = self.wrong_batch(raws, envelope);
                let name = format!("{name}:batch");
                let expected = text(&Shape {
                    id: envelope.id.as_deref(),
                    room: &envelope.room,
                    event: &name,
                    data: envelope.data.get(),
                    stamp: self.stamp(number, envelope.ts),
                    from: None,
                    key: None,
                    of: &made.of(),
                });
                let fault = fault.or_else(|| (expected != seen).then_some(expected));
                fault.map(|fault| (Kind::Flush, fault))
            }
            What::Cleared(value) => {
                let gone = Published {
                    data: "null".to_owned(),
                    from: None,
                    ..value.clone()
                };
                let stamp = self.stamp(number, envelope.ts);
                let expected = written(envelope, &gone, stamp, &[], value.options.key);
                (expected != seen).then_some((Kind::Bytes, expected))
            }
        }
    }

    /// What is wrong with the payload of a batch of these.
    fn wrong_batch(&mut self, raws: &[Published], envelope: &Envelope<'_>) -> Option<String> {
        let Ok(batch) = serde_json::from_str::<Batch<'_>>(envelope.data.get()) else {
            return Some("a count and its events".to_owned());
        };
        if batch.count != raws.len() || batch.events.len() != raws.len() {
            return Some(format!("{} events", raws.len()));
        }
        for (entry, raw) in batch.events.iter().zip(raws) {
            let number = self.oracle.number(&raw.id)?;
            let same = entry.data.get() == raw.data
                && entry.id == raw.id
                && entry.key.as_deref() == raw.options.key
                && entry.from.as_ref().is_none_or(|_| entry.from == raw.from)
                && entry.ts == self.stamp(number, entry.ts);
            if !same {
                return Some(format!("an entry of {raw:?}"));
            }
        }
        None
    }

    /// The time stamp that this event was seen with first.
    fn stamp(&mut self, number: usize, seen: u64) -> u64 {
        *self.shared.stamps.entry(number).or_insert(seen)
    }
}

/// What a publish looks like here, with these ids that it stands for.
fn written(
    envelope: &Envelope<'_>,
    published: &Published,
    stamp: u64,
    of: &[&str],
    key: Option<&str>,
) -> String {
    text(&Shape {
        id: envelope.id.as_deref(),
        room: &envelope.room,
        event: &published.event,
        data: &published.data,
        stamp,
        from: published.from.as_deref(),
        key,
        of,
    })
}

/// An id that neither a publish nor a window gives.
fn unknown(envelope: &Envelope<'_>) -> Kind {
    match envelope.of.is_empty() && !envelope.event.ends_with(":batch") {
        true => Kind::Unpublished,
        false => Kind::Flush,
    }
}

/// An event in a room that does not deliver it.
fn stray(origin: &Origin, envelope: &Envelope<'_>) -> Kind {
    match origin {
        Origin::Published(published) if published.rooms.contains(&envelope.room) => Kind::Raw,
        _ => Kind::Bytes,
    }
}
