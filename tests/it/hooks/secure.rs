//! Hooks over TLS, and over HTTP/2.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use gatecast::hooks::Kind;
use gatecast::lifecycle::tasks::Tasks;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::backend::{Backend, says};
use super::{Bench, connect, failed, hook, message};
use crate::support::tls::Certificate;

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(Certificate::new);

/// A server with the certificate for `localhost`, that speaks these protocols (ALPN).
fn acceptor(protocols: &[&[u8]]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = std::fs::read(CERTIFICATE.path("key.pem")).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE.pem.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(&key).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

fn trusting(kind: Kind, url: &str) -> Bench {
    let authority = CERTIFICATE.path("cert.pem").into();
    Bench::trusting(&[(kind, hook(url))], vec![authority])
}

#[tokio::test]
async fn over_tls_a_backend_is_asked_that_an_authority_vouches_for() {
    let backend = Backend::over(Some(acceptor(&[])), says(r#"{"rooms":["a"]}"#)).await;
    let bench = trusting(Kind::Connect, &backend.url());
    let (welcome, _) = bench.hooks.connect(connect()).await.unwrap();
    assert_eq!(welcome.rooms.len(), 1);
}

#[tokio::test]
async fn nothing_is_said_to_a_backend_that_nobody_vouches_for_or_that_has_another_name() {
    let backend = Backend::over(Some(acceptor(&[])), says("{}")).await;
    let bench = Bench::new(&[(Kind::Connect, hook(&backend.url()))]);
    failed(&bench.hooks.connect(connect()).await.unwrap_err());
    let other = backend.url().replace("localhost", "127.0.0.2");
    let bench = trusting(Kind::Connect, &other);
    failed(&bench.hooks.connect(connect()).await.unwrap_err());
    assert!(backend.asked().is_empty());
    let clear = Backend::start(says("{}")).await;
    let bench = trusting(Kind::Connect, &clear.url().replace("http://", "https://"));
    let (outcome, _) = bench.in_time(bench.hooks.connect(connect())).await;
    failed(&outcome.unwrap_err());
}

/// Says which version was spoken, and how long the body was.
async fn version(
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let version = format!("{:?}", request.version());
    let signed = request.headers().contains_key("webhook-signature");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let answer = format!(r#"{{"ack":["{version}",{signed},{}]}}"#, !body.is_empty());
    Ok(Response::new(Full::new(Bytes::from(answer))))
}

#[tokio::test]
async fn over_http_2_many_questions_share_one_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    let (tasks, connections) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let (serving, counted) = (tasks.clone(), connections.clone());
    let acceptor = acceptor(&[b"h2", b"http/1.1"]);
    tasks.spawn("backend", async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let stream = acceptor.accept(stream).await.unwrap();
            let http2 = hyper::server::conn::http2::Builder::new(serving.clone());
            let served =
                http2.serve_connection(TokioIo::new(stream), hyper::service::service_fn(version));
            serving.spawn("connection", async move { _ = served.await });
        }
    });
    let bench = trusting(Kind::Message, &url);
    let ask = || bench.hooks.message(message("note"));
    let first = ask().await.unwrap();
    assert_eq!(first.ack.unwrap().as_str(), r#"["HTTP/2.0",true,true]"#);
    let many = futures_util::future::join_all((0..20).map(|_| ask())).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
