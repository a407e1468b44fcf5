//! Roles: a named bundle of transports, default rooms, grants and limits.

use super::emits::{self, Mappings, Names};
use super::grants::Patterns;
use crate::model::limits::{Events, Limits};
use crate::model::transport::Transport;

/// One role, as configured. The texts are patterns and templates, checked by [`super::grants`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The transports, in order of preference.
    pub transports: Vec<Transport>,
    /// The rooms (placeholders allowed, no `*`) that a client gets which names none.
    pub rooms: Vec<String>,
    /// Which rooms it may read.
    pub subscribe: Vec<String>,
    /// Which rooms it may publish to.
    pub publish: Vec<String>,
    /// Of which rooms it may see who is there.
    pub presence: Vec<String>,
    /// What it may tell the backend: names of events, or beginnings of them and `*`.
    pub emit: Vec<String>,
    /// Whether its events carry `from`, the principal's name.
    pub sender: bool,
    /// May purge and use the admin routes.
    pub admin: bool,
    /// May move, end and list streams, and publish to one of them.
    pub service: bool,
    /// What each of its streams may use.
    pub limits: Limits,
    /// How often messages of some names may come.
    pub events: Events,
}

/// One role, checked, shared by all who have it.
#[derive(Debug)]
pub struct Role {
    /// Its name in the configuration.
    pub name: String,
    /// The transports that it may use, in order of preference.
    pub transports: Vec<Transport>,
    /// What each of its streams may use.
    pub limits: Limits,
    /// How often messages of some names may come.
    pub events: Events,
    /// Whether its events carry `from`, the principal's name.
    pub sender: bool,
    /// May purge and use the admin routes.
    pub admin: bool,
    /// May move, end and list streams, and publish to one of them.
    pub service: bool,
    /// The number of the authority that it belongs to.
    pub(super) authority: u64,
    pub(super) rooms: Patterns,
    pub(super) subscribe: Patterns,
    pub(super) publish: Patterns,
    pub(super) presence: Patterns,
    pub(super) emit: Names,
    pub(super) mapped: Mappings,
}

impl Role {
    /// # Errors
    /// One sentence for each pattern that cannot be, with its place in the configuration.
    pub(super) fn new(
        name: &str,
        settings: Settings,
        mapped: &emits::All,
        authority: u64,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let emit = Names::parse(&settings.emit).unwrap_or_else(|wrong| {
            mistakes.extend(wrong.iter().map(|why| format!("roles.{name}.emit: {why}")));
            Names::default()
        });
        let mapped = Mappings::parse(&emit, mapped).unwrap_or_else(|wrong| {
            mistakes.extend(wrong);
            Mappings::default()
        });
        let mut list = |key: &str, patterns: Result<Patterns, Vec<String>>| match patterns {
            Ok(patterns) => Some(patterns),
            Err(wrong) => {
                mistakes.extend(wrong.iter().map(|why| format!("roles.{name}.{key}: {why}")));
                None
            }
        };
        let rooms = list("rooms", Patterns::parse_rooms(&settings.rooms));
        let subscribe = list("subscribe", Patterns::parse(&settings.subscribe));
        let publish = list("publish", Patterns::parse(&settings.publish));
        let presence = list("presence", Patterns::parse(&settings.presence));
        let (Some(rooms), Some(subscribe), Some(publish), Some(presence)) =
            (rooms, subscribe, publish, presence)
        else {
            return Err(mistakes);
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Self {
            name: name.to_owned(),
            authority,
            transports: settings.transports,
            limits: settings.limits,
            events: settings.events,
            sender: settings.sender,
            admin: settings.admin,
            service: settings.service,
            rooms,
            subscribe,
            publish,
            presence,
            emit,
            mapped,
        })
    }

    /// The claims that decide which rooms it opens, and where what it emits goes.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        let all = [&self.rooms, &self.subscribe, &self.publish, &self.presence];
        let rooms = all.into_iter().flat_map(Patterns::claims);
        rooms.chain(self.mapped.claims())
    }
}
