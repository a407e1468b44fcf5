//! `[hooks.…]`: the backend that is asked and told.

use super::{Build, or, whole};
use crate::config::path::Step;
use crate::config::values::{Said, Section};
use crate::hooks::sign::Key;
use crate::hooks::url::Url;
use crate::hooks::{Hook, Kind, OnFailure, Pattern, Settings};
use crate::model::secret::Secret;

impl Build<'_> {
    pub(super) fn hooks(&mut self) -> Settings {
        let mut settings = Settings::default();
        for (step, section) in self.values.section("hooks").each() {
            let Step::Key(name) = step else { continue };
            // A name that is none is reported already.
            if let Some(kind) = Kind::parse(&name) {
                let hook = self.hook(kind, &section);
                settings.0.extend(hook.map(|hook| (kind, hook)));
            }
        }
        settings
    }

    fn hook(&mut self, kind: Kind, section: &Section<'_>) -> Option<Hook> {
        self.require(section, &["url"]);
        let url = self.hook_url(section);
        let key = self.hook_key(section, "secret", "secret_file");
        let old = self.hook_key(section, "old_secret", "old_secret_file");
        let says = |key| section.origin_of(key).is_some();
        if !says("secret") && !says("secret_file") {
            let problem = format!("`{}` has no secret to sign with", section.path());
            let instead = "write `secret` or `secret_file`: `openssl rand -base64 32` makes one, with `whsec_` before it";
            self.fault(section.origin(), problem, instead);
        }
        self.only_of(
            section,
            kind,
            "on_failure",
            &[Kind::Connect, Kind::Subscribe],
        );
        self.only_of(section, kind, "rooms", &[Kind::Subscribe]);
        self.only_of(section, kind, "events", &[Kind::Message]);
        let (open, headers) = (section.text("on_failure"), section.texts("headers"));
        let is_open = open.is_some_and(|said| said.value == "open");
        let (timeout, concurrency) = (section.duration("timeout"), section.number("concurrency"));
        let only: Vec<_> = [section.texts("rooms"), section.texts("events")]
            .into_iter()
            .flatten()
            .flat_map(|said| super::plain(said.value))
            .map(|pattern| Pattern::new(&pattern))
            .collect();
        let mut hook = Hook::new(url?, key?);
        hook.keys.extend(old);
        hook.timeout = or(timeout, hook.timeout);
        hook.concurrency = or(whole(concurrency), hook.concurrency);
        hook.only = only;
        let headers = headers.into_iter().flat_map(|said| said.value);
        hook.headers
            .extend(headers.filter_map(|(name, _)| name.parse::<http::HeaderName>().ok()));
        if is_open {
            hook.on_failure = OnFailure::Open;
        }
        Some(hook)
    }

    fn hook_url(&mut self, section: &Section<'_>) -> Option<Url> {
        let Said { value, origin } = section.secret("url")?;
        let instead = crate::config::keys::example(&section.path().below("url"));
        Url::parse(value.expose())
            .inspect_err(|why| {
                let problem = format!("`{}.url` {why}", section.path());
                self.fault(Some(&origin), problem, &instead);
            })
            .ok()
    }

    /// What signs, from one of two keys.
    fn hook_key(&mut self, section: &Section<'_>, key: &str, file: &str) -> Option<Key> {
        let (said, said_file) = (section.secret(key), section.text(file));
        if let (Some(_), Some(said)) = (&said, &said_file) {
            let problem = format!("`{key}` stands here too");
            self.fault(Some(&said.origin), problem, "write exactly one of them");
        }
        let secret: Secret = said
            .map(|said| said.value)
            .or(said_file.and_then(|said| self.file(said)))?;
        Key::parse(&secret)
            .inspect_err(|why| {
                let origin = section.origin_of(key).or_else(|| section.origin_of(file));
                let instead = "make one: `openssl rand -base64 32`, with `whsec_` before it";
                self.fault(origin, why.clone(), instead);
            })
            .ok()
    }

    /// What only some hooks have is a mistake at others.
    fn only_of(&mut self, section: &Section<'_>, kind: Kind, key: &str, of: &[Kind]) {
        if of.contains(&kind) {
            return;
        }
        if let Some(origin) = section.origin_of(key) {
            let names: Vec<_> = of.iter().map(|kind| kind.as_str()).collect();
            let problem = format!("`{key}` means nothing to this hook");
            let instead = format!("take it out: it is for {}", names.join(" and "));
            self.open_fault(Some(origin), problem, &instead);
        }
    }
}
