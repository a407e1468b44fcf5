//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446), with HTTP/2 where the client offers it (ALPN, RFC 7301).

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

use tokio_rustls::TlsAcceptor;

use crate::model::secret::Secret;

/// HTTP/2's name in ALPN (RFC 9113 §3.1).
pub(super) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and those it is signed by, its own first, as PEM.
    pub certificates: String,
    /// Its private key, as PEM.
    pub key: Secret,
}

/// What is wrong with a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With its certificate.
    Certificate(String),
    /// With its key.
    Key(String),
}

impl Tls {
    /// Whether a server can speak with it.
    ///
    /// # Errors
    /// The certificate or the key is none, or they do not belong together.
    pub fn check(&self) -> Result<(), Fault> {
        self.config().map(|_| ())
    }

    /// What speaks it on the connections that are accepted.
    pub(super) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let config = self.config();
        let config = config.map_err(|fault| io::Error::other(format!("tls: {fault:?}")))?;
        Ok(TlsAcceptor::from(config))
    }

    fn config(&self) -> Result<Arc<ServerConfig>, Fault> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| Fault::Key(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(self.chain()?, self.private_key()?)
            .map_err(misfit)?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        config.ticketer =
            aws_lc_rs::Ticketer::new().map_err(|error| Fault::Key(error.to_string()))?;
        // Two tickets by default; one is enough to come back with, and each costs a write.
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.certificates.as_bytes()).collect();
        let chain = chain.map_err(|error| Fault::Certificate(format!("it is no PEM: {error}")))?;
        if chain.is_empty() {
            return Err(Fault::Certificate("it holds no certificate in PEM".into()));
        }
        Ok(chain)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Fault> {
        PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes()).map_err(|_| {
            Fault::Key("it holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)".into())
        })
    }
}

fn misfit(error: rustls::Error) -> Fault {
    if let rustls::Error::InconsistentKeys(_) = error {
        return Fault::Key("it is not the key of the certificate".into());
    }
    if let rustls::Error::InvalidCertificate(why) = error {
        return Fault::Certificate(format!("the certificate is not valid: {why:?}"));
    }
    Fault::Key(error.to_string())
}
