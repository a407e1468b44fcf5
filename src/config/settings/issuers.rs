//! `[[auth.jwt]]`: whose tokens are taken.

use super::{Build, or};
use crate::auth::{self, Authority, jwt};
use crate::config::file;
use crate::config::path::Step;
use crate::config::source::Fault;
use crate::config::values::{Said, Section};
use crate::model::secret::Secret;

/// Clocks that are kept by NTP differ by less.
const LEEWAY: std::time::Duration = std::time::Duration::from_secs(10);
const ROLE_CLAIM: &str = "role";
/// Where the key may stand: in exactly one of these.
const SOURCES: [&str; 4] = ["secret", "secret_file", "public_key", "public_key_file"];

impl Build<'_> {
    pub(super) fn issuers(&mut self, sections: &[(Step, Section<'_>)]) -> Vec<jwt::Settings> {
        let mut issuers: Vec<jwt::Settings> = Vec::new();
        for (_, section) in sections {
            let kid = section.text("kid");
            self.kid_is_new(kid.as_ref(), &issuers);
            issuers.extend(self.issuer(section, kid.map(|said| said.value)));
        }
        issuers
    }

    fn kid_is_new(&mut self, kid: Option<&Said<String>>, others: &[jwt::Settings]) {
        let Some(Said { value, origin }) = kid else {
            return;
        };
        if others.iter().any(|other| other.kid.as_ref() == Some(value)) {
            let fault = Fault::new(origin, "another entry has this key id");
            self.faults
                .push(fault.instead("give each key an id of its own"));
        }
    }

    fn issuer(&mut self, section: &Section<'_>, kid: Option<String>) -> Option<jwt::Settings> {
        self.require(section, &["algorithm"]);
        let algorithm = section
            .text("algorithm")
            .and_then(|said| jwt::Algorithm::parse(&said.value));
        let key = self.key(section, algorithm);
        let settings = jwt::Settings {
            kid,
            audience: section.text("audience").map(|said| said.value),
            issuer: section.text("issuer").map(|said| said.value),
            leeway: or(section.duration("leeway"), LEEWAY),
            max_age: section.duration("max_age").map(|said| said.value),
            role_claim: or(section.text("role_claim"), ROLE_CLAIM.into()),
            algorithm: algorithm?,
            key: key?,
        };
        self.key_fits(section, &settings);
        Some(settings)
    }

    /// The one key of an entry.
    fn key(
        &mut self,
        section: &Section<'_>,
        algorithm: Option<jwt::Algorithm>,
    ) -> Option<jwt::Key> {
        let texts = SOURCES.map(|source| match source.ends_with("_file") {
            true => section.text(source).and_then(|said| self.file(said)),
            false => section.secret(source).map(|said| said.value),
        });
        let said = SOURCES
            .iter()
            .filter_map(|source| section.origin_of(source))
            .count();
        if said != 1 {
            self.one_key(section, algorithm, said);
            return None;
        }
        let [secret, secret_file, public, public_file] = texts;
        match (secret.or(secret_file), public.or(public_file)) {
            (Some(secret), _) => Some(jwt::Key::Secret(secret)),
            (None, Some(public)) => Some(jwt::Key::PublicPem(public.expose().into())),
            (None, None) => None, // unreadable, which is reported
        }
    }

    fn one_key(&mut self, section: &Section<'_>, algorithm: Option<jwt::Algorithm>, said: usize) {
        let wanted = match algorithm.map(jwt::Algorithm::is_hmac) {
            Some(true) => "`secret` or `secret_file`",
            Some(false) => "`public_key` or `public_key_file`",
            None => "one of `secret`, `secret_file`, `public_key`, `public_key_file`",
        };
        let path = section.path();
        let problem = match said {
            0 => format!("`{path}` has no key to verify with"),
            _ => format!("`{path}` has more than one key"),
        };
        let instead = format!("write exactly one: {wanted}");
        self.fault(section.origin(), problem, &instead);
    }

    /// Whether the algorithm takes the key: asked of who will use it, one entry at a time, so that the answer has
    /// a place.
    fn key_fits(&mut self, section: &Section<'_>, settings: &jwt::Settings) {
        let alone = auth::Settings {
            jwt: vec![settings.clone()],
            ..auth::Settings::default()
        };
        let source = SOURCES.iter().find_map(|key| section.origin_of(key));
        for why in Authority::new(alone).err().into_iter().flatten() {
            let why = why.strip_prefix("auth.jwt[0]: ").unwrap_or(&why);
            match why.split_once("; write ") {
                Some((problem, instead)) => {
                    self.fault(source, problem, &format!("write {instead}"))
                }
                None => self.fault(source, why, "see `gatecast check-config --keys`"),
            }
        }
    }

    /// What a file holds, without one newline at its end.
    pub(super) fn file(&mut self, said: Said<String>) -> Option<Secret> {
        match file::read_secret(&self.path(&said)) {
            Ok(secret) => Some(secret),
            Err(why) => {
                self.unreadable(&said.origin, &why);
                None
            }
        }
    }
}
