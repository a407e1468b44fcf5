//! `[auth]` and `[roles]`: who may do what.

use std::collections::BTreeMap;

use super::{Build, or, plain};
use crate::auth::{self, api_key, emits, roles};
use crate::config::path::Step;
use crate::config::source::Fault;
use crate::config::suggest::nearest;
use crate::config::values::{Said, Section};
use crate::model::event::EventName;
use crate::model::limits::{Events, Limits};
use crate::model::transport::Transport;

impl Build<'_> {
    pub(super) fn auth(&mut self, limits: Limits, events: &Events, body: usize) -> auth::Settings {
        let roles = self.roles(limits, events, body);
        let section = self.values.section("auth");
        let anonymous = section.text("anonymous");
        if let Some(said) = &anonymous {
            self.role_exists(&roles, said);
        }
        let jwt = section.below("jwt").each();
        let keys = section.below("api_key").each();
        auth::Settings {
            anonymous: anonymous.map(|said| said.value),
            query: section.text("query").map(|said| said.value),
            jwt: self.issuers(&jwt),
            api_keys: self.api_keys(&keys, &roles),
            tickets: self.tickets(&section.below("session")),
            roles,
            emit: self.emit(),
        }
    }

    /// What is published of what clients emit.
    fn emit(&self) -> emits::All {
        let mut all = emits::All::new();
        for (step, section) in self.values.section("emit").each() {
            let Step::Key(name) = step else { continue };
            let event = section.text("event");
            let settings = emits::Settings {
                room: section.text("room").map(|said| said.value),
                event: event.and_then(|said| EventName::parse(&said.value).ok()),
            };
            all.insert(name, settings);
        }
        all
    }

    fn roles(
        &mut self,
        limits: Limits,
        events: &Events,
        body: usize,
    ) -> BTreeMap<String, roles::Settings> {
        let mut roles = BTreeMap::new();
        for (step, section) in self.values.section("roles").each() {
            let Step::Key(name) = step else { continue };
            let own = section.below("limits");
            let limits = self.limits(&own, limits);
            if own.origin_of("event").is_some() {
                self.event_within_body(&own, limits.event, body);
            }
            let settings = roles::Settings {
                transports: transports(&section),
                rooms: texts(&section, "rooms"),
                subscribe: texts(&section, "subscribe"),
                publish: texts(&section, "publish"),
                presence: texts(&section, "presence"),
                emit: texts(&section, "emit"),
                sender: or(section.flag("sender"), false),
                admin: or(section.flag("admin"), false),
                service: or(section.flag("service"), false),
                limits,
                events: super::events(&own, events),
            };
            roles.insert(name, settings);
        }
        roles
    }

    pub(super) fn role_exists(
        &mut self,
        roles: &BTreeMap<String, roles::Settings>,
        said: &Said<String>,
    ) {
        let name = &said.value;
        if roles.contains_key(name) {
            return;
        }
        let instead = match nearest(name, roles.keys().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None if roles.is_empty() => format!("add [roles.{name}]: no role is configured"),
            None => {
                let known: Vec<&str> = roles.keys().map(String::as_str).collect();
                format!("add [roles.{name}], or name one of: {}", known.join(", "))
            }
        };
        let fault = Fault::new(&said.origin, "there is no role of this name");
        self.faults.push(fault.instead(instead));
    }

    fn api_keys(
        &mut self,
        sections: &[(Step, Section<'_>)],
        roles: &BTreeMap<String, roles::Settings>,
    ) -> Vec<api_key::Settings> {
        let mut keys: Vec<api_key::Settings> = Vec::new();
        for (_, section) in sections {
            self.require(section, &["name", "sha256", "role"]);
            let (name, hashes) = (section.text("name"), section.digests("sha256"));
            let role = section.text("role");
            if let Some(said) = &role {
                self.role_exists(roles, said);
            }
            let (Some(name), Some(hashes), Some(role)) = (name, hashes, role) else {
                continue;
            };
            if keys.iter().any(|key| key.name == name.value) {
                self.faults.push(
                    Fault::new(&name.origin, "another key has this name")
                        .instead("give each key a name of its own: it is the principal; to replace one, list both hashes in `sha256`"),
                );
            }
            for (hash, origin) in &hashes.value {
                if keys.iter().any(|key| key.sha256.contains(hash)) {
                    self.fault(
                        Some(origin),
                        "another key has this hash",
                        "make a key for each: `gatecast key NAME`",
                    );
                }
            }
            keys.push(api_key::Settings {
                name: name.value,
                sha256: hashes.value.into_iter().map(|(hash, _)| hash).collect(),
                role: role.value,
            });
        }
        keys
    }

    /// Each of `keys` that `section` lacks is a mistake.
    pub(super) fn require(&mut self, section: &Section<'_>, keys: &[&str]) {
        for key in keys {
            if section.origin_of(key).is_none() {
                let problem = format!("`{}` has no `{key}`", section.path());
                self.fault(
                    section.origin(),
                    problem,
                    &crate::config::keys::example(&section.path().below(key)),
                );
            }
        }
    }
}

fn transports(section: &Section<'_>) -> Vec<Transport> {
    match section.texts("transports") {
        Some(said) => said
            .value
            .iter()
            .filter_map(|(name, _)| Transport::parse(name))
            .collect(),
        None => Transport::ALL.to_vec(),
    }
}

fn texts(section: &Section<'_>, key: &str) -> Vec<String> {
    section
        .texts(key)
        .map_or_else(Vec::new, |said| plain(said.value))
}
