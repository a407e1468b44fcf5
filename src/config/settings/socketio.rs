//! `[socketio]`: where it is spoken, who may join what, and what clients mean by what they emit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Build, or, plain, whole};
use crate::auth::{SpokenRoom, roles};
use crate::config::checks;
use crate::config::keys;
use crate::config::path::Step;
use crate::config::values::{Said, Section};
use crate::model::event::EventName;
use crate::transport::socketio::Settings;
use crate::transport::socketio::settings::{Meaning, Space, Terms};
use crate::wire::socketio::Namespace;

type Roles = BTreeMap<String, roles::Settings>;

impl Build<'_> {
    pub(super) fn socketio(&mut self, roles: &Roles) -> Settings {
        let (section, default) = (self.values.section("socketio"), Settings::default());
        let path = section.text("path").map(|said| said.value.into());
        let is_spoken = or(section.flag("enabled"), true);
        let (token, api_key) = self.members(&section.below("auth"), &default);
        let span = |key, default| or(section.duration(key), default);
        Settings {
            path: path.or(default.path).filter(|_| is_spoken),
            ping_interval: span("ping_interval", default.ping_interval),
            ping_timeout: span("ping_timeout", default.ping_timeout),
            max_payload: or(whole(section.number("max_payload")), default.max_payload),
            connect_timeout: span("connect_timeout", default.connect_timeout),
            recovery: span("recovery", default.recovery),
            token,
            api_key,
            namespaces: match section.origin_of("namespaces") {
                Some(_) => self.namespaces(&section.below("namespaces"), roles),
                None => default.namespaces,
            },
        }
    }

    /// The members of `auth` that are a token and a key. One that is both would say only which of them is not looked at.
    fn members(&mut self, section: &Section<'_>, default: &Settings) -> (Box<str>, Box<str>) {
        let token = self.member(section, "token", &default.token);
        let api_key = self.member(section, "api_key", &default.api_key);
        let said = ["api_key", "token"];
        let origin = said.into_iter().find_map(|key| section.origin_of(key));
        if token == api_key {
            let problem = "one member of `auth` cannot be a token and a key";
            let instead = "name another one: `token` and `api_key` differ";
            self.fault(origin, problem, instead);
        }
        (token, api_key)
    }

    /// The name of a member. It is not shown: the credential itself is easily written here by mistake.
    fn member(&mut self, section: &Section<'_>, key: &str, default: &str) -> Box<str> {
        let Some(Said { value, origin }) = section.secret(key) else {
            return default.into();
        };
        if let Err(why) = checks::name(value.expose()) {
            let path = section.path().below(key);
            self.fault(
                Some(&origin),
                format!("`{path}` {why}"),
                &keys::example(&path),
            );
        }
        value.expose().into()
    }

    /// The namespaces that have a table.
    fn namespaces(
        &mut self,
        section: &Section<'_>,
        roles: &Roles,
    ) -> BTreeMap<Namespace, Arc<Space>> {
        let mut spaces = BTreeMap::new();
        for (step, section) in section.each() {
            let Step::Key(name) = step else { continue };
            let terms = self.terms(&section, roles);
            // A name that is none is reported already.
            if let Ok(name) = Namespace::parse(&name) {
                spaces.insert(name.clone(), Arc::new(Space::new(name, terms)));
            }
        }
        spaces
    }

    fn terms(&mut self, section: &Section<'_>, roles: &Roles) -> Terms {
        let mut events = BTreeMap::new();
        for (step, section) in section.below("events").each() {
            let Step::Key(name) = step else { continue };
            let meaning = self.meaning(&section);
            events.extend(meaning.map(|meaning| (name.into(), meaning)));
        }
        Terms {
            roles: self.admitted(section, roles),
            recovery: or(section.flag("recovery"), false),
            meta: or(section.flag("meta"), false),
            events,
        }
    }

    /// The roles that may join; all, where the key is absent. A list without any is no way to say nobody: it would let in
    /// whom it seems to keep out.
    fn admitted(&mut self, section: &Section<'_>, roles: &Roles) -> Vec<String> {
        let Some(Said { value, origin }) = section.texts("roles") else {
            return Vec::new();
        };
        if value.is_empty() {
            let instead = "name a role, or take it out: then all may join";
            self.open_fault(Some(&origin), "`roles` names none", instead);
        }
        for (name, origin) in &value {
            let said = Said {
                value: name.clone(),
                origin: origin.clone(),
            };
            self.role_exists(roles, &said);
        }
        plain(value)
    }

    /// What an event means; nothing where that is not clear.
    fn meaning(&mut self, section: &Section<'_>) -> Option<Meaning> {
        let room = |key| {
            let said = section.text(key)?;
            // It was read before.
            SpokenRoom::parse(&said.value).ok()
        };
        let event = |key| {
            let said = section.text(key)?;
            EventName::parse(&said.value).ok()
        };
        let recover = section.flag("recover").map(|said| said.value);
        let says = |key: &str| {
            let is_off = key == "recover" && recover == Some(false);
            section.origin_of(key).is_some() && !is_off
        };
        let meant: Vec<&str> = MEANINGS.into_iter().filter(|key| says(key)).collect();
        self.means_one_thing(section, &meant);
        self.only_for_joining(section, meant.contains(&"subscribe"));
        let (subscribe, unsubscribe) = (room("subscribe"), room("unsubscribe"));
        let (answer, backfill) = (event("answer"), event("backfill"));
        let rewind = or(whole(section.number("rewind")), 0);
        if let Some(room) = subscribe {
            return Some(Meaning::Subscribe {
                room,
                answer,
                rewind,
                backfill,
            });
        }
        match unsubscribe {
            Some(room) => Some(Meaning::Unsubscribe { room, answer }),
            None => (recover == Some(true)).then_some(Meaning::Recover { answer }),
        }
    }

    /// An event means one of [`MEANINGS`], and no two: `meant` are those that stand there.
    fn means_one_thing(&mut self, section: &Section<'_>, meant: &[&str]) {
        let [first, more @ ..] = meant else {
            let problem = format!("`{}` does not say what it means", section.path());
            let instead = "write `subscribe` or `unsubscribe` with a room, as in \"tab:{tabId}\", or recover = true";
            self.open_fault(section.origin(), problem, instead);
            return;
        };
        for key in more {
            let problem = format!("`{first}` stands here too");
            let instead = "write exactly one of `subscribe`, `unsubscribe` and recover = true";
            self.open_fault(section.origin_of(key), problem, instead);
        }
    }

    /// What only an event that joins a room has is a mistake at others.
    fn only_for_joining(&mut self, section: &Section<'_>, joins: bool) {
        for key in ["rewind", "backfill"] {
            if let Some(origin) = section.origin_of(key).filter(|_| !joins) {
                let problem = format!("`{key}` means nothing to this event");
                self.open_fault(Some(origin), problem, "take it out: it is for `subscribe`");
            }
        }
        let rewinds = section.origin_of("rewind").is_some();
        let backfill = section.origin_of("backfill");
        if let Some(origin) = backfill.filter(|_| joins && !rewinds) {
            self.lonely(origin, "backfill", "rewind = 50");
        }
    }
}

/// The keys that say what an event means.
const MEANINGS: [&str; 3] = ["subscribe", "unsubscribe", "recover"];
