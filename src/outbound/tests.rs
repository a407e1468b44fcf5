//! Against servers on the loopback that say what each test needs.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);
const MOST: usize = 1 << 16;

fn client(trusted: &[&std::path::Path]) -> Client {
    let trust = Trust::with_files(trusted).unwrap();
    Client::new(&trust, Clock::system(), &Tasks::default())
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

async fn fault(client: &Client, url: &str) -> Fault {
    let answer = client.fetch(get(url), PATIENCE, MOST).await;
    answer.unwrap_err().fault
}

/// Answers the first bytes of one connection, whatever they are, and closes it.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A clear server that answers one connection.
async fn serve(says: &'static str) -> String {
    let (listener, address) = listen().await;
    Tasks::default().spawn("server", async move {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream, says).await;
    });
    format!("http://{address}/")
}

/// An authority of this test in a file, and a TLS server for `localhost` that it vouches for.
struct Vouched {
    authority: tempfile::NamedTempFile,
    acceptor: TlsAcceptor,
}

impl Vouched {
    fn new() -> Self {
        Self::offering(&[])
    }

    /// A server that speaks these protocols (ALPN).
    fn offering(protocols: &[&[u8]]) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &authority)
            .unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(authority.pem().as_bytes()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self {
            authority: file,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Answers one connection; the port.
    async fn serve(&self, says: &'static str) -> u16 {
        let (listener, address) = listen().await;
        let acceptor = self.acceptor.clone();
        Tasks::default().spawn("server", async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, says).await;
            }
        });
        address.port()
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_whole_answer_is_bounded() {
    let answer = client(&[]).fetch(get(&serve(OK).await), PATIENCE, 2).await;
    assert_eq!(answer.unwrap().body(), "ok");
    let answer = client(&[]).fetch(get(&serve(OK).await), PATIENCE, 1).await;
    assert_eq!(answer.unwrap_err().fault, Fault::TooLarge);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let url = serve("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n").await;
    let answer = client(&[]).fetch(get(&url), PATIENCE, MOST).await;
    assert_eq!(answer.unwrap().status(), StatusCode::FOUND);
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let client = client(&[]);
    let (listener, address) = listen().await;
    drop(listener);
    let nobody = format!("http://{address}/");
    assert_eq!(fault(&client, &nobody).await, Fault::Refused);
    let cut = serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").await;
    assert_eq!(fault(&client, &cut).await, Fault::Broken);
    let silent = serve("").await;
    assert_eq!(fault(&client, &silent).await, Fault::Broken);
    let other = serve("220 mail.example ESMTP\r\n").await;
    assert_eq!(fault(&client, &other).await, Fault::NotHttp);
    let clear = serve("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let clear = clear.replace("http:", "https:");
    assert_eq!(fault(&client, &clear).await, Fault::NotTls);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_at_the_deadline() {
    let (_listener, address) = listen().await;
    let (clock, hand) = Clock::manual();
    let client = Client::new(
        &Trust::with_files::<&str>([]).unwrap(),
        clock,
        &Tasks::default(),
    );
    let url = format!("http://{address}/");
    let asking = client.open(get(&url), PATIENCE);
    tokio::pin!(asking);
    assert!(futures_util::poll!(&mut asking).is_pending());
    hand.advance(PATIENCE);
    assert_eq!(asking.await.unwrap_err().fault, Fault::TimedOut);
}

#[tokio::test]
async fn a_server_is_believed_where_a_given_authority_vouches_for_its_name() {
    let server = Vouched::new();
    let trusting = client(&[server.authority.path()]);
    let url = format!("https://localhost:{}/", server.serve(OK).await);
    let answer = trusting.fetch(get(&url), PATIENCE, MOST).await.unwrap();
    assert_eq!(answer.body(), "ok");
    let url = format!("https://localhost:{}/", server.serve(OK).await);
    assert_eq!(fault(&client(&[]), &url).await, Fault::UnknownIssuer);
    let url = format!("https://127.0.0.1:{}/", server.serve(OK).await);
    assert!(
        matches!(fault(&trusting, &url).await, Fault::WrongName(names) if names.join("").contains("localhost"))
    );
}

/// Answers with the version that was spoken.
async fn version(
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let version = format!("{:?}", request.version());
    Ok(Response::new(Full::new(Bytes::from(version))))
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it_and_never_for_an_upgrade() {
    let server = Vouched::offering(&[b"h2"]);
    let trusting = client(&[server.authority.path()]);
    let (listener, address) = listen().await;
    let tasks = Tasks::default();
    let serving = tasks.clone();
    tasks.spawn("server", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, requests) = (server.acceptor.clone(), serving.clone());
            serving.spawn("connection", async move {
                // Without a protocol in common there is no connection (RFC 7301 §3.2).
                if let Ok(stream) = acceptor.accept(stream).await {
                    let connection = hyper::server::conn::http2::Builder::new(requests);
                    let says = hyper::service::service_fn(version);
                    let served = connection.serve_connection(TokioIo::new(stream), says);
                    let _ = served.await;
                }
            });
        }
    });
    let url = format!("https://localhost:{}/", address.port());
    let answer = trusting.fetch(get(&url), PATIENCE, MOST).await.unwrap();
    assert_eq!(answer.body(), "HTTP/2.0");
    assert!(trusting.upgrade(get(&url), PATIENCE).await.is_err());
}

#[tokio::test]
async fn an_upgrade_gives_the_connection_and_its_refusal_the_answer() {
    const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-A: b\r\n\r\nhello";
    let server = Vouched::new();
    let trusting = client(&[server.authority.path()]);
    let ask = |url: &str| {
        let upgrade = Request::get(url).header("Connection", "Upgrade");
        upgrade
            .header("Upgrade", "echo")
            .body(Bytes::new())
            .unwrap()
    };
    let url = format!("https://localhost:{}/", server.serve(SWITCHED).await);
    let Ok(Upgrade::Switched(headers, mut connection)) =
        trusting.upgrade(ask(&url), PATIENCE).await
    else {
        panic!("not switched");
    };
    assert_eq!(headers["x-a"], "b");
    let mut said = String::new();
    connection.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "hello");
    let url = serve(OK).await;
    let Ok(Upgrade::Answered(answer)) = trusting.upgrade(ask(&url), PATIENCE).await else {
        panic!("switched");
    };
    assert_eq!(answer.into_body().whole(MOST).await.unwrap(), "ok");
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let why = Trust::with_files([empty.path()]).unwrap_err();
    assert!(why.contains(empty.path().to_str().unwrap()), "{why}");
    assert!(why.contains("BEGIN CERTIFICATE"), "{why}");
    assert!(Trust::with_files(["/does/not/exist.pem"]).is_err());
}
