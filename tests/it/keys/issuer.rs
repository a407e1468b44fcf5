//! An issuer of tokens, with the server on the loopback that publishes its keys, or does not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatecast::lifecycle::tasks::Tasks;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// In the year 2100.
const LATER: u64 = 4_102_444_800;

/// A pair for ES256 with its name.
pub(super) struct Key {
    kid: String,
    pair: KeyPair,
}

impl Key {
    pub(super) fn new(kid: &str) -> Self {
        let pair = KeyPair::generate().unwrap();
        Self {
            kid: kid.to_owned(),
            pair,
        }
    }

    /// Its public part (RFC 7518 §6.2).
    pub(super) fn jwk(&self) -> Value {
        let point = self.pair.der_bytes();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": x, "y": y})
    }

    /// A token of a member's.
    pub(super) fn token(&self, subject: &str) -> String {
        self.token_of(
            &json!({"sub": subject, "role": "member", "exp": LATER}),
            &self.kid,
        )
    }

    /// These claims, signed by this key under whichever name.
    pub(super) fn token_of(&self, claims: &Value, kid: &str) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(kid.to_owned());
        // Where an attacker would like to be asked.
        header.jku = Some("https://evil.example/keys".to_owned());
        let key = EncodingKey::from_ec_pem(self.pair.serialize_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// A set of the public parts of these keys.
pub(super) fn set(keys: &[&Key]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({"keys": keys}).to_string()
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Answers with 200, these header lines, and this body.
    Says(&'static str, String),
    /// Answers with this head and no body.
    Refuses(&'static str),
    /// Closes the connection.
    Closes,
    /// Says nothing, and keeps the connection.
    Waits,
    /// Answers with this body once it is told to.
    Holds(Arc<Semaphore>, String),
    /// Sends a body that goes on and on.
    Floods,
}

#[derive(Clone)]
pub(super) struct Issuer {
    address: SocketAddr,
    scheme: &'static str,
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<String>>>,
    accepted: Arc<AtomicUsize>,
}

impl Issuer {
    /// In clear text.
    pub(super) async fn start(does: Does) -> Self {
        Self::over(None, does).await
    }

    /// Over TLS where there is an acceptor.
    pub(super) async fn over(tls: Option<TlsAcceptor>, does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            does: Arc::new(Mutex::new(does)),
            asked: Arc::default(),
            accepted: Arc::default(),
        };
        let (tasks, serving) = (Tasks::default(), issuer.clone());
        let connections = tasks.clone();
        tasks.spawn("issuer", async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.accepted.fetch_add(1, Ordering::SeqCst);
                let (serving, tls) = (serving.clone(), tls.clone());
                connections.spawn("connection", async move {
                    match tls {
                        None => serving.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serving.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        issuer
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let does = self.does.lock().unwrap().clone();
        self.asked.lock().unwrap().push(head);
        let answer = match does {
            Does::Says(headers, body) => format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n{body}",
                body.len()
            ),
            Does::Refuses(head) => format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n"),
            Does::Closes => return,
            Does::Holds(until, body) => {
                let _ = until.acquire().await;
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
            Does::Waits => return std::future::pending().await,
            Does::Floods => {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"keys\":[")
                    .await;
                while stream.write_all(&[b' '; 4096]).await.is_ok() {}
                return;
            }
        };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    /// From now on it does this.
    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// From now on it publishes these keys.
    pub(super) fn publishes(&self, keys: &[&Key]) {
        self.does(Does::Says("", set(keys)));
    }

    /// How many connections it has had.
    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The heads of the requests that have come.
    pub(super) fn requests(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Where its keys are.
    pub(super) fn url(&self) -> String {
        let host = match self.scheme {
            "https" => "localhost",
            _ => "127.0.0.1",
        };
        format!("{}://{host}:{}/keys", self.scheme, self.address.port())
    }
}
