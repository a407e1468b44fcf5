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
    /// Whether it does not say for which events it stands.
    bare: bool,
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
                for (text, bare) in events(&happening.what) {
                    let Some(id) = Envelope::parse(&text).ok().and_then(|event| event.id) else {
                        continue;
                    };
                    if known.insert(id.clone()) {
                        seen.push(Sighting {
                            id,
                            text,
                            bare,
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
            let is_it = |envelope: Envelope<'_>| match sighting.bare {
                true => made.is_told_by(&envelope),
                false => made.is(&envelope),
            };
            !sighting.taken && parsed.is_ok_and(is_it)
        })?;
        self.0[place].taken = true;
        Some(place)
    }
}

fn events(happening: &Happening) -> Vec<(String, bool)> {
    let items = match happening {
        Happening::Saw(raw) => message::items(raw),
        Happening::Answered(status, body) => message::response(*status, body),
        _ => Vec::new(),
    };
    let texts = items.iter().flat_map(|item| {
        let bare = matches!(item, Item::Told { .. });
        message::envelopes(item)
            .iter()
            .map(move |text| (text.clone(), bare))
    });
    texts.collect()
}
