//! What was seen of events that nobody published: their ids, and their order, which no answer tells.

use std::collections::HashSet;

use super::super::super::message::{self, Envelope, Item};
use super::super::super::record::{Entry, Happening, Record};
use super::super::super::windows::Made;

/// Envelopes with ids that no publish was answered with, in the order in which one client saw them.
#[derive(Debug)]
pub(super) struct Sightings(Vec<Sighting>);

#[derive(Debug)]
struct Sighting {
    id: String,
    text: String,
    taken: bool,
}

impl Sightings {
    /// The client that is always there comes last in the record, and first here.
    pub(super) fn new(record: &Record) -> Self {
        let mut known: HashSet<String> = HashSet::new();
        known.extend(record.log.iter().filter_map(|entry| match entry {
            Entry::Published(published) => Some(published.id.clone()),
            _ => None,
        }));
        let mut seen = Vec::new();
        for happenings in record.clients.iter().rev() {
            for happening in happenings {
                for text in events(&happening.what) {
                    let Some(id) = Envelope::parse(&text).ok().and_then(|event| event.id) else {
                        continue;
                    };
                    if known.insert(id.clone()) {
                        seen.push(Sighting {
                            id,
                            text,
                            taken: false,
                        });
                    }
                }
            }
        }
        Self(seen)
    }

    /// What was made at once, in the order in which it was seen; what nobody saw comes last, without an id.
    pub(super) fn order(&mut self, made: Vec<Made>) -> Vec<(Made, Option<String>)> {
        let mut found: Vec<_> = made
            .into_iter()
            .map(|made| {
                let place = self.take(&made);
                (place.unwrap_or(usize::MAX), made)
            })
            .collect();
        found.sort_by_key(|(place, _)| *place);
        let id = |place: usize| self.0.get(place).map(|sighting| sighting.id.clone());
        found
            .into_iter()
            .map(|(place, made)| (made, id(place)))
            .collect()
    }

    fn take(&mut self, made: &Made) -> Option<usize> {
        let place = self.0.iter().position(|sighting| {
            let parsed = Envelope::parse(&sighting.text);
            !sighting.taken && parsed.is_ok_and(|envelope| made.is(&envelope))
        })?;
        self.0[place].taken = true;
        Some(place)
    }
}

fn events(happening: &Happening) -> Vec<String> {
    let items = match happening {
        Happening::Saw(raw) => message::items(raw),
        Happening::Answered(status, body) => message::response(*status, body),
        _ => Vec::new(),
    };
    let mut texts = Vec::new();
    for item in items {
        match item {
            Item::Event(text) => texts.push(text),
            Item::Backfill { events, .. } => texts.extend(events),
            _ => {}
        }
    }
    texts
}
