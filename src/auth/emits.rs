//! What clients may tell the backend, and what of it is published instead, because the configuration says so.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::grants::Patterns;
use crate::model::event::EventName;
use crate::model::room::Room;

/// What becomes of the events of one name, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The room (placeholders allowed, no `*`); that which the client names, if this says nothing.
    pub room: Option<String>,
    /// What they are called there; as before, if this says nothing.
    pub event: Option<EventName>,
}

/// By name of what is emitted.
pub type All = BTreeMap<String, Settings>;

/// Where an event that is emitted is published, and under which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// To the room that the client names.
    Named(&'a EventName),
    /// To these, which are made of its claims: to none, where it lacks one.
    Rooms(&'a [Room], &'a EventName),
}

/// Checks a pattern of `emit`: the name of an event, or the beginning of one and `*`.
///
/// # Errors
/// Says what is wrong and what to write instead.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let (sample, open) = match pattern.strip_suffix('*') {
        Some(beginning) => (format!("{beginning}x"), true),
        None => (pattern.to_owned(), false),
    };
    match EventName::parse(&sample) {
        Ok(_) => Ok(()),
        Err(_) if sample.contains('*') => Err(format!(
            "`{pattern}` has `*` before its end; `*` stands for the whole rest, so write it last"
        )),
        Err(why) if open => Err(format!("`{pattern}` begins no name of an event: {why}")),
        Err(why) => Err(format!("`{pattern}` is no name of an event: {why}")),
    }
}

/// The names that a role may emit.
#[derive(Debug, Default)]
pub(super) struct Names(Box<[Box<str>]>);

impl Names {
    /// # Errors
    /// One sentence for each pattern that is none.
    pub(super) fn parse(patterns: &[String]) -> Result<Self, Vec<String>> {
        let wrong = patterns
            .iter()
            .filter_map(|pattern| check_pattern(pattern).err());
        let wrong: Vec<_> = wrong.collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let texts = patterns.iter().map(|pattern| pattern.as_str().into());
        Ok(Self(texts.collect()))
    }

    pub(super) fn cover(&self, name: &str) -> bool {
        self.0.iter().any(|own| match own.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => **own == *name,
        })
    }
}

/// What becomes of what a role may emit.
#[derive(Debug, Default)]
pub(super) struct Mappings(Vec<Mapping>);

#[derive(Debug)]
struct Mapping {
    of: Box<str>,
    event: EventName,
    /// Made of claims.
    room: Option<Patterns>,
}

/// The rooms of each mapping, made of one client's claims; nothing where there are no mappings.
pub(super) type Filled = Option<Box<[Vec<Room>]>>;

impl Mappings {
    /// Those of `all` that are called by one of `names`.
    ///
    /// # Errors
    /// One sentence for each mistake, with its place in the configuration.
    pub(super) fn parse(names: &Names, all: &All) -> Result<Self, Vec<String>> {
        let (mut mappings, mut mistakes) = (Vec::new(), Vec::new());
        for (of, settings) in all.iter().filter(|(name, _)| names.cover(name)) {
            match Mapping::parse(of, settings) {
                Ok(mapping) => mappings.push(mapping),
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if mistakes.is_empty() {
            Ok(Self(mappings))
        } else {
            Err(mistakes)
        }
    }

    /// The claims that its rooms are made of.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        let rooms = self.0.iter().filter_map(|mapping| mapping.room.as_ref());
        rooms.flat_map(Patterns::claims)
    }

    /// The rooms of a client with these claims.
    pub(super) fn fill(&self, claims: &Map<String, Value>) -> Filled {
        let rooms = |mapping: &Mapping| {
            let room = mapping.room.as_ref();
            room.map_or_else(Vec::new, |room| room.rooms(claims))
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(rooms).collect())
    }

    /// Where what is called by `name` goes, if it is published.
    pub(super) fn target<'a>(&'a self, name: &EventName, filled: &'a Filled) -> Option<Target<'a>> {
        let mut all = self.0.iter();
        let place = all.position(|mapping| *mapping.of == *name.as_str())?;
        let mapping = self.0.get(place)?;
        if mapping.room.is_none() {
            return Some(Target::Named(&mapping.event));
        }
        let rooms = filled.as_ref().and_then(|filled| filled.get(place));
        let rooms = rooms.map_or(&[][..], Vec::as_slice);
        Some(Target::Rooms(rooms, &mapping.event))
    }
}

impl Mapping {
    fn parse(of: &str, settings: &Settings) -> Result<Self, Vec<String>> {
        let name = EventName::parse(of).map_err(|why| vec![format!("emit.{of}: {why}")])?;
        let room = settings.room.as_ref().map(|room| {
            Patterns::parse_rooms(std::slice::from_ref(room)).map_err(|wrong| {
                let place = |why| format!("emit.{of}.room: {why}");
                wrong.iter().map(place).collect::<Vec<_>>()
            })
        });
        Ok(Self {
            room: room.transpose()?,
            event: settings.event.clone().unwrap_or(name),
            of: of.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Names {
        let patterns: Vec<_> = patterns.iter().map(|one| (*one).to_owned()).collect();
        Names::parse(&patterns).unwrap()
    }

    #[test]
    fn a_role_emits_what_it_is_given_by_name_or_by_a_beginning() {
        let names = names(&["checkin:*", "note:add"]);
        for (name, may) in [
            ("checkin:start", true),
            ("checkin:", true),
            ("checkin", false),
            ("note:add", true),
            ("note:adds", false),
            ("", false),
        ] {
            assert_eq!(names.cover(name), may, "{name}");
        }
        assert!(self::names(&["*"]).cover("anything"));
        assert!(!self::names(&[]).cover("anything"));
    }

    #[test]
    fn what_is_no_name_and_no_beginning_of_one_is_refused() {
        for good in ["a", "a:b", "a*", "a:*", "*"] {
            assert_eq!(check_pattern(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a*b", "**", "welcome", "presence:*", "a b*"] {
            assert!(check_pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mapping_is_filled_with_claims_and_is_for_those_alone_who_may_emit_it() {
        let room = |room: &str| Settings {
            room: Some(room.to_owned()),
            event: Some(EventName::parse("order:placed").unwrap()),
        };
        let all = All::from([
            ("order".to_owned(), room("kitchen:{venue}")),
            ("say".to_owned(), Settings::default()),
            ("other".to_owned(), room("elsewhere")),
        ]);
        let mappings = Mappings::parse(&names(&["order", "say"]), &all).unwrap();
        assert_eq!(mappings.claims().collect::<Vec<_>>(), ["venue"]);
        let claims = |venue: Value| Map::from_iter([("venue".to_owned(), venue)]);
        let target = |name: &str, venue: Value| {
            let filled = mappings.fill(&claims(venue));
            let name = EventName::parse(name).unwrap();
            mappings.target(&name, &filled).map(|target| match target {
                Target::Named(event) => (None, event.as_str().to_owned()),
                Target::Rooms(rooms, event) => {
                    let rooms: Vec<_> = rooms.iter().map(ToString::to_string).collect();
                    (Some(rooms), event.as_str().to_owned())
                }
            })
        };
        let to = |rooms: &[&str]| {
            let rooms: Vec<_> = rooms.iter().map(|room| (*room).to_owned()).collect();
            Some((Some(rooms), "order:placed".to_owned()))
        };
        assert_eq!(target("order", "7".into()), to(&["kitchen:7"]));
        assert_eq!(target("order", Value::Null), to(&[]));
        assert_eq!(target("say", Value::Null), Some((None, "say".to_owned())));
        assert_eq!(target("other", Value::Null), None);
    }

    #[test]
    fn a_room_that_cannot_be_is_named_with_its_place() {
        let open = Settings {
            room: Some("kitchen:*".to_owned()),
            event: None,
        };
        let all = All::from([("order".to_owned(), open)]);
        let why = Mappings::parse(&names(&["*"]), &all).unwrap_err();
        assert!(why[0].starts_with("emit.order.room: "), "{why:?}");
    }
}
