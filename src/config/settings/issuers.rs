//! `[[auth.jwt]]`: whose tokens are taken.

use super::{Build, or};
use crate::auth::jwt::jwks;
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
const SOURCES: [&str; 6] = [
    "secret",
    "secret_file",
    "public_key",
    "public_key_file",
    "jwks_file",
    "jwks_url",
];
/// How often a set is fetched.
const REFRESH: std::time::Duration = std::time::Duration::from_secs(600);

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
        if let (true, Some(origin)) = (settings.key.is_set(), section.origin_of("kid")) {
            let fault = Fault::new(origin, "each key of a set has its own key id");
            self.faults.push(fault.instead("take `kid` out"));
        } else {
            self.key_fits(section, &settings);
        }
        Some(settings)
    }

    /// The one key of an entry.
    fn key(
        &mut self,
        section: &Section<'_>,
        algorithm: Option<jwt::Algorithm>,
    ) -> Option<jwt::Key> {
        let mut read = |source| section.text(source).and_then(|said| self.file(said));
        let (secret, public, set) = (
            read("secret_file"),
            read("public_key_file"),
            read("jwks_file"),
        );
        let own = |source| section.secret(source).map(|said| said.value);
        let (secret, public) = (own("secret").or(secret), own("public_key").or(public));
        let url = url(section);
        let said = SOURCES
            .iter()
            .filter_map(|source| section.origin_of(source))
            .count();
        if said != 1 {
            self.one_key(section, algorithm, said);
            return None;
        }
        match (secret, public, set) {
            (Some(secret), _, _) => Some(jwt::Key::Secret(secret)),
            (_, Some(public), _) => Some(jwt::Key::PublicPem(public.expose().into())),
            (_, _, Some(set)) => self.set(section, &set).map(jwt::Key::Set),
            (None, None, None) => url, // or unreadable, which is reported
        }
    }

    /// The keys of a file.
    fn set(&mut self, section: &Section<'_>, text: &Secret) -> Option<jwt::Keys> {
        let read = jwt::Keys::parse(text.expose().as_bytes(), jwks::Origin::File);
        read.inspect_err(|why| {
            let problem = format!("this file holds no keys: {why}");
            let instead = "name a file that holds a JWK set: {\"keys\": […]}";
            self.fault(section.origin_of("jwks_file"), problem, instead);
        })
        .ok()
    }

    fn one_key(&mut self, section: &Section<'_>, algorithm: Option<jwt::Algorithm>, said: usize) {
        let wanted = match algorithm.map(jwt::Algorithm::is_hmac) {
            Some(true) => "`secret`, `secret_file` or `jwks_file`",
            Some(false) => "`public_key`, `public_key_file`, `jwks_file` or `jwks_url`",
            None => {
                "one of `secret`, `secret_file`, `public_key`, `public_key_file`, `jwks_file`, `jwks_url`"
            }
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

/// The set that is to be fetched.
fn url(section: &Section<'_>) -> Option<jwt::Key> {
    let refresh = section.duration("jwks_refresh");
    let url = jwt::KeyUrl::parse(&section.text("jwks_url")?.value).ok()?;
    Some(jwt::Key::Url {
        url,
        refresh: or(refresh, REFRESH),
    })
}
