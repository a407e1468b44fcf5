//! What stands between the gateway and its clients: proxies, and the names that it is reached by.

use super::{Build, plain};
use crate::config::values::Section;
use crate::model::host::HostPattern;
use crate::model::network::Proxies;
use crate::server::endpoint::{Address, Endpoint, Scheme};

impl Build<'_> {
    pub(super) fn proxies(&self, server: &Section<'_>) -> Proxies {
        let texts = server.texts("trusted_proxies");
        let texts = texts.map_or_else(Vec::new, |said| plain(said.value));
        // Each was read before.
        Proxies::parse(texts.iter().map(String::as_str)).unwrap_or_default()
    }

    /// The entries of `listen` at which the PROXY protocol is spoken. Without somebody to speak it nobody would be
    /// served there.
    pub(super) fn proxy_protocol(
        &mut self,
        server: &Section<'_>,
        listen: &[Endpoint],
        proxies: &Proxies,
    ) -> Vec<Address> {
        let Some(said) = server.texts("proxy_protocol") else {
            return Vec::new();
        };
        if proxies.is_empty() {
            let problem = "nobody may speak the PROXY protocol: no proxy is trusted";
            let instead = "add `trusted_proxies` with the addresses of those that do";
            self.open_fault(Some(&said.origin), problem, instead);
        }
        let mut addresses = Vec::new();
        for (text, origin) in said.value {
            let Ok(Endpoint { address, .. }) = Endpoint::parse(&text, Scheme::Http) else {
                continue;
            };
            if !listen.iter().any(|one| one.address == address) {
                let known: Vec<_> = listen.iter().map(Endpoint::to_string).collect();
                let instead = format!("name an entry of `listen`: {}", known.join(", "));
                self.open_fault(Some(&origin), "the gateway does not listen here", &instead);
            }
            addresses.push(address);
        }
        addresses
    }

    pub(super) fn hosts(&self) -> Vec<HostPattern> {
        let texts = self.values.section("server").texts("hosts");
        let texts = texts.map_or_else(Vec::new, |said| said.value);
        let patterns = texts.iter().map(|(text, _)| HostPattern::parse(text));
        // Each was read before.
        patterns.filter_map(Result::ok).collect()
    }
}
