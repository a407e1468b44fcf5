//! A certificate made on the spot, and clients that trust it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A self-signed certificate for `localhost`, in files.
pub(crate) struct Certificate {
    directory: tempfile::TempDir,
    pub(crate) pem: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let pem = made.cert.pem();
        std::fs::write(directory.path().join("cert.pem"), &pem).unwrap();
        std::fs::write(
            directory.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        Self { directory, pem }
    }

    /// The path of `cert.pem` or `key.pem`.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// The configuration's `tls`.
    pub(crate) fn toml(&self) -> String {
        format!(
            "tls = {{ cert = {:?}, key = {:?} }}\n",
            self.path("cert.pem"),
            self.path("key.pem")
        )
    }

    /// A connection that offers `protocols`, in one version or in both.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        self.handshake(stream, protocols, versions).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        protocols: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        let own = rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        roots.add(own).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// TLS in whichever version on `stream`, to speak `protocol`.
    pub(crate) async fn over(&self, stream: TcpStream, protocol: &str) -> TlsStream<TcpStream> {
        self.handshake(stream, &[protocol], &[&TLS12, &TLS13])
            .await
            .unwrap()
    }

    /// A connection in whichever version, that speaks `protocol`.
    pub(crate) async fn speak(&self, address: SocketAddr, protocol: &str) -> TlsStream<TcpStream> {
        self.connect(address, &[protocol], &[&TLS12, &TLS13])
            .await
            .unwrap()
    }
}
