//! `[auth.session]`: what credentials are swapped for.

use super::{Build, or};
use crate::auth::ticket::{SECRET_BYTES, Settings};
use crate::config::values::Section;
use crate::model::secret::Secret;

impl Build<'_> {
    pub(super) fn tickets(&mut self, section: &Section<'_>) -> Settings {
        let default = Settings::default();
        let secret = self.signing_secret(section, "secret", "secret_file");
        let old = self.signing_secret(section, "old_secret", "old_secret_file");
        if let (None, Some(_), None) = (&secret, &old, section.origin_of("secret_file")) {
            let problem = "there is an old secret, and no new one";
            let instead =
                "write `secret` or `secret_file` too: what verifies must not outlive what signs";
            let origin = section.origin_of("old_secret");
            let origin = origin.or_else(|| section.origin_of("old_secret_file"));
            self.fault(origin, problem, instead);
        }
        let (ttl, url_ttl) = (section.duration("ttl"), section.duration("url_ttl"));
        let origin = url_ttl.as_ref().map(|said| said.origin.clone());
        let (ttl, url_ttl) = (or(ttl, default.ttl), or(url_ttl, default.url_ttl));
        if origin.is_some() && url_ttl > ttl {
            let problem = "a URL would be good for longer than it can be extended";
            let instead = "make it shorter, or `auth.session.ttl` longer";
            self.open_fault(origin.as_ref(), problem, instead);
        }
        Settings {
            secrets: secret.into_iter().chain(old).collect(),
            alone: default.alone,
            cookie: or(section.text("cookie"), default.cookie),
            ttl,
            url_ttl,
            renewable: or(section.duration("renewable"), default.renewable),
        }
    }

    fn signing_secret(&mut self, section: &Section<'_>, key: &str, file: &str) -> Option<Secret> {
        let (said, said_file) = (section.secret(key), section.text(file));
        if let (Some(_), Some(said)) = (&said, &said_file) {
            let problem = format!("`{key}` stands here too");
            self.fault(Some(&said.origin), problem, "write exactly one of them");
        }
        let secret = said
            .map(|said| said.value)
            .or(said_file.and_then(|said| self.file(said)))?;
        if secret.expose().len() < SECRET_BYTES {
            let origin = section.origin_of(key).or_else(|| section.origin_of(file));
            let problem = format!("a secret of fewer than {SECRET_BYTES} bytes can be guessed");
            self.fault(origin, problem, "make one: `openssl rand -hex 32`");
        }
        Some(secret)
    }
}
