//! `[auth]` and `[roles]`: who may do what.

use std::collections::BTreeMap;

use super::{Build, or, plain};
use crate::auth::{self, api_key, jwt, roles};
use crate::config::node::Origin;
use crate::config::path::Step;
use crate::config::source::Fault;
use crate::config::suggest::nearest;
use crate::config::values::{Said, Section};
use crate::model::limits::Limits;
use crate::model::secret::Secret;
use crate::model::transport::Transport;

impl Build<'_> {
    pub(super) fn auth(&mut self, limits: Limits, body: usize) -> auth::Settings {
        let roles = self.roles(limits, body);
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
            roles,
        }
    }

    fn roles(&mut self, limits: Limits, body: usize) -> BTreeMap<String, roles::Settings> {
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
                sender: or(section.flag("sender"), false),
                admin: or(section.flag("admin"), false),
                limits,
            };
            roles.insert(name, settings);
        }
        roles
    }

    fn role_exists(&mut self, roles: &BTreeMap<String, roles::Settings>, said: &Said<String>) {
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
            let (name, sha256) = (section.text("name"), section.digest("sha256"));
            let role = section.text("role");
            if let Some(said) = &role {
                self.role_exists(roles, said);
            }
            let (Some(name), Some(sha256), Some(role)) = (name, sha256, role) else {
                continue;
            };
            if keys.iter().any(|key| key.name == name.value) {
                self.faults.push(
                    Fault::new(&name.origin, "another key has this name")
                        .instead("give each key a name of its own: it is the principal"),
                );
            }
            if keys.iter().any(|key| key.sha256 == sha256.value) {
                self.fault(
                    Some(&sha256.origin),
                    "another key has this hash",
                    "make a key for each: `gatecast key NAME`",
                );
            }
            keys.push(api_key::Settings {
                name: name.value,
                sha256: sha256.value,
                role: role.value,
            });
        }
        keys
    }

    fn issuers(&mut self, sections: &[(Step, Section<'_>)]) -> Vec<jwt::Settings> {
        let mut issuers: Vec<jwt::Settings> = Vec::new();
        for (_, section) in sections {
            self.require(section, &["algorithm"]);
            let kid = section.text("kid");
            if let Some(said) = kid.as_ref().filter(|said| {
                let same = |other: &jwt::Settings| other.kid.as_ref() == Some(&said.value);
                issuers.iter().any(same)
            }) {
                let fault = Fault::new(&said.origin, "another entry has this key id");
                self.faults
                    .push(fault.instead("give each key an id of its own"));
            }
            let algorithm = section
                .text("algorithm")
                .and_then(|said| algorithm(&said.value));
            let key = self.key(section, algorithm);
            let settings = |algorithm, key| jwt::Settings {
                kid: kid.map(|said| said.value),
                algorithm,
                key,
                audience: section.text("audience").map(|said| said.value),
                issuer: section.text("issuer").map(|said| said.value),
                leeway: or(section.duration("leeway"), LEEWAY),
                max_age: section.duration("max_age").map(|said| said.value),
                role_claim: or(section.text("role_claim"), ROLE_CLAIM.into()),
            };
            issuers.extend(
                algorithm
                    .zip(key)
                    .map(|(algorithm, key)| settings(algorithm, key)),
            );
        }
        issuers
    }

    /// The one key of an entry, fitting its algorithm.
    fn key(
        &mut self,
        section: &Section<'_>,
        algorithm: Option<jwt::Algorithm>,
    ) -> Option<jwt::Key> {
        const SOURCES: [&str; 4] = ["secret", "secret_file", "public_key", "public_key_file"];
        let said: Vec<&str> = SOURCES
            .into_iter()
            .filter(|key| section.origin_of(key).is_some())
            .collect();
        let shared = algorithm.map(is_shared);
        let [one] = said[..] else {
            let wanted = match shared {
                Some(true) => "`secret` or `secret_file`",
                Some(false) => "`public_key` or `public_key_file`",
                None => "one of `secret`, `secret_file`, `public_key`, `public_key_file`",
            };
            let (origin, problem) = match said.last() {
                Some(last) => (section.origin_of(last), "this entry has more than one key"),
                None => (section.origin(), "this entry has no key to verify with"),
            };
            self.fault(origin, problem, &format!("write exactly {wanted}"));
            SOURCES
                .iter()
                .for_each(|key| drop((section.secret(key), section.text(key))));
            return None;
        };
        let origin = section.origin_of(one)?;
        let text = match one.ends_with("_file") {
            true => section.text(one).and_then(|said| self.file(said)),
            false => section.secret(one).map(|said| said.value),
        };
        match (shared?, one.starts_with("secret")) {
            (true, false) => self.fault(
                Some(origin),
                "this algorithm verifies with a shared secret",
                "write `secret` or `secret_file`",
            ),
            (false, true) => self.fault(
                Some(origin),
                "this algorithm verifies with a public key",
                "write `public_key` or `public_key_file`",
            ),
            (true, true) | (false, false) => {
                return self.key_of(&text?, one.starts_with("secret"), origin);
            }
        }
        None
    }

    fn key_of(&mut self, text: &Secret, shared: bool, origin: &Origin) -> Option<jwt::Key> {
        if !shared && text.expose().contains("PRIVATE KEY") {
            let problem = "this is a private key: only the issuer may have it";
            self.fault(
                Some(origin),
                problem,
                "write the public half: openssl pkey -in private.pem -pubout",
            );
            return None;
        }
        if shared && text.expose().len() < 32 {
            let problem = "the secret is shorter than 32 bytes and could be guessed from one token";
            self.fault(Some(origin), problem, "make one: openssl rand -base64 48");
            return None;
        }
        Some(match shared {
            true => jwt::Key::Secret(text.clone()),
            false => jwt::Key::PublicPem(text.expose().into()),
        })
    }

    /// What a file holds, without one newline at its end.
    fn file(&mut self, said: Said<String>) -> Option<Secret> {
        match super::super::file::read_secret(&self.base.join(said.value)) {
            Ok(secret) => Some(secret),
            Err(why) => {
                self.fault(
                    Some(&said.origin),
                    format!("this file cannot be read: {why}"),
                    "name a file that the gateway may read",
                );
                None
            }
        }
    }

    /// Each of `keys` that `section` lacks is a mistake.
    fn require(&mut self, section: &Section<'_>, keys: &[&str]) {
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

/// Clocks that are kept by NTP differ by less.
const LEEWAY: std::time::Duration = std::time::Duration::from_secs(10);
const ROLE_CLAIM: &str = "role";

fn is_shared(algorithm: jwt::Algorithm) -> bool {
    use jwt::Algorithm::{HS256, HS384, HS512};
    matches!(algorithm, HS256 | HS384 | HS512)
}

fn algorithm(name: &str) -> Option<jwt::Algorithm> {
    use jwt::Algorithm::{
        ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
    };
    [
        HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA,
    ]
    .into_iter()
    .find(|algorithm| format!("{algorithm:?}") == name)
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
