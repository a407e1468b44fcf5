//! `listen` and `[tls]`: where, and whether it is encrypted there.

use super::Build;
use crate::config::file;
use crate::config::node::Origin;
use crate::config::source::Fault;
use crate::config::values::{Said, Section};
use crate::model::secret::Secret;
use crate::server::endpoint::{Endpoint, Scheme};
use crate::server::tls::{self, Tls};

impl Build<'_> {
    /// The endpoints. With a certificate, one that says neither speaks HTTPS.
    pub(super) fn listen(&mut self, default: Vec<Endpoint>) -> Vec<Endpoint> {
        let has_certificate = self.values.section("tls").origin().is_some();
        let scheme = if has_certificate {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let Some(said) = self.values.root().texts("listen") else {
            return default
                .into_iter()
                .map(|endpoint| Endpoint { scheme, ..endpoint })
                .collect();
        };
        self.endpoints(said.value, scheme)
    }

    /// Those of `[metrics]` and `[admin]`.
    pub(super) fn own_listeners(&mut self, section: &str) -> Vec<Endpoint> {
        let said = self.values.section(section).texts("listen");
        said.map_or_else(Vec::new, |said| self.endpoints(said.value, Scheme::Http))
    }

    fn endpoints(&mut self, texts: Vec<(String, Origin)>, default: Scheme) -> Vec<Endpoint> {
        let has_certificate = self.values.section("tls").origin().is_some();
        let mut endpoints = Vec::new();
        for (text, origin) in texts {
            // It was read before; what it says depends on the certificate.
            let Ok(endpoint) = Endpoint::parse(&text, default) else {
                continue;
            };
            if endpoint.scheme == Scheme::Https && !has_certificate {
                let fault = Fault::new(&origin, "speaks HTTPS without a certificate");
                self.faults
                    .push(fault.instead("add `tls = { cert = \"…\", key = \"…\" }`"));
            }
            endpoints.push(endpoint);
        }
        endpoints
    }

    /// The certificate and its key, which must fit.
    pub(super) fn tls(&mut self) -> Option<Tls> {
        let section = self.values.section("tls");
        section.origin()?;
        self.require(&section, &["cert", "key"]);
        let (cert, key) = (section.text("cert"), section.text("key"));
        let certificates = cert.and_then(|said| self.pem(&said));
        let key = key.and_then(|said| self.pem(&said));
        let tls = Tls {
            certificates: certificates?,
            key: Secret::new(key?),
        };
        self.tls_fits(&section, &tls);
        Some(tls)
    }

    fn tls_fits(&mut self, section: &Section<'_>, tls: &Tls) {
        match tls.check() {
            Ok(()) => {}
            Err(tls::Fault::Certificate(why)) => {
                let instead =
                    "name a PEM file with the certificate first, then those it is signed by";
                self.fault(section.origin_of("cert"), why, instead);
            }
            Err(tls::Fault::Key(why)) => {
                let instead = "name the PEM file with the certificate's private key";
                self.fault(section.origin_of("key"), why, instead);
            }
        }
    }

    fn pem(&mut self, said: &Said<String>) -> Option<String> {
        match file::read(&self.path(said)) {
            Ok(text) => Some(text),
            Err(why) => {
                self.unreadable(&said.origin, &why);
                None
            }
        }
    }
}
