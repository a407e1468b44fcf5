//! Whom the client believes to be whom.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The authorities that may vouch for a server, as a TLS configuration (TLS 1.3 and 1.2).
#[derive(Clone, Debug)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The system's authorities (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`), and those in `files` of PEM.
    /// Authorities of the system that cannot be read are left out: they vouch for nobody.
    ///
    /// # Errors
    /// One of `files` cannot be read, or holds no certificate.
    pub fn with_files<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for file in files {
            let file = file.as_ref();
            add(&mut roots, file).map_err(|why| format!("{}: {why}", file.display()))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?;
        Ok(Self(
            config.with_root_certificates(roots).with_no_client_auth(),
        ))
    }

    pub(super) const fn config(&self) -> &ClientConfig {
        &self.0
    }
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|why| why.to_string())?;
    let mut count = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|why| why.to_string())?;
        roots.add(certificate).map_err(|why| why.to_string())?;
        count += 1;
    }
    if count == 0 {
        return Err("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".into());
    }
    Ok(())
}
