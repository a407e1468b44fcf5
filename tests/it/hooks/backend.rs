//! A backend on the loopback, which answers well or in every way that it should not.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatecast::lifecycle::tasks::Tasks;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::support::within;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Answers with this status line, these header lines and this body, and keeps the connection.
    Says(&'static str, &'static str, String),
    /// Sends these bytes and closes the connection.
    Sends(Vec<u8>),
    /// Sends these bytes and nothing more, and keeps the connection.
    Stops(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Resets(Vec<u8>),
    /// Sends the first, and then the second again and again.
    Floods(Vec<u8>, Vec<u8>),
    /// Answers with this body once it is told to.
    Holds(Arc<Semaphore>, String),
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Backend {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    does: Mutex<Does>,
    /// What it does with the next ones first.
    next: Mutex<VecDeque<Does>>,
    asked: Mutex<Vec<Asked>>,
    more: Notify,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    written: AtomicUsize,
}

/// Answers with a body of JSON.
pub(crate) fn says(body: &str) -> Does {
    Does::Says("200 OK", "Content-Type: application/json\r\n", body.into())
}

/// Answers with a status and no body.
pub(crate) fn refuses(status: &'static str) -> Does {
    Does::Says(status, "", String::new())
}

impl Backend {
    pub(crate) async fn start(does: Does) -> Self {
        Self::over(None, does).await
    }

    /// Over TLS where there is an acceptor.
    pub(crate) async fn over(tls: Option<TlsAcceptor>, does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            shared: Arc::new(Shared {
                does: Mutex::new(does),
                next: Mutex::default(),
                asked: Mutex::default(),
                more: Notify::new(),
                connections: AtomicUsize::new(0),
                under_way: AtomicUsize::new(0),
                most_under_way: AtomicUsize::new(0),
                written: AtomicUsize::new(0),
            }),
        };
        let (tasks, serving) = (Tasks::default(), backend.clone());
        let connections = tasks.clone();
        tasks.spawn("backend", async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.shared.connections.fetch_add(1, Ordering::SeqCst);
                // So that what is written is what was read, but for little that is on its way.
                let socket = socket2::SockRef::from(&stream);
                let _ = socket.set_send_buffer_size(16 << 10);
                let (serving, tls) = (serving.clone(), tls.clone());
                connections.spawn("connection", async move {
                    serving.shared.serve_over(stream, tls).await;
                });
            }
        });
        backend
    }

    /// From now on it does this.
    pub(crate) fn does(&self, does: Does) {
        *self.shared.does.lock().unwrap() = does;
    }

    /// It does these first, each once.
    pub(crate) fn does_first(&self, does: impl IntoIterator<Item = Does>) {
        self.shared.next.lock().unwrap().extend(does);
    }

    /// The requests that have come, in the order in which they were read.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The same once there are so many.
    pub(crate) async fn was_asked(&self, count: usize) -> Vec<Asked> {
        let asked = async {
            loop {
                let more = self.shared.more.notified();
                let asked = self.asked();
                if asked.len() >= count {
                    return asked;
                }
                more.await;
            }
        };
        within("a call of the backend", asked).await
    }

    /// How many connections it has had.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests it has had at once.
    pub(crate) fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::SeqCst)
    }

    /// How many bytes were taken from it.
    pub(crate) fn written(&self) -> usize {
        self.shared.written.load(Ordering::SeqCst)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        let host = match self.scheme {
            "https" => "localhost",
            _ => "127.0.0.1",
        };
        format!("{}://{host}:{}/hook?v=1", self.scheme, self.address.port())
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Shared {
    async fn serve_over(&self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        match tls {
            None => {
                let resets = stream.into_std().unwrap();
                let again = resets.try_clone().unwrap();
                let stream = TcpStream::from_std(resets).unwrap();
                if self.serve(stream).await {
                    // Both ends of it are closed at once, without what is still to be sent (TCP RST).
                    let socket = socket2::SockRef::from(&again);
                    let _ = socket.set_linger(Some(Duration::ZERO));
                }
            }
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    self.serve(stream).await;
                }
            }
        }
    }

    /// Whether the connection is to be reset.
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
        while let Some(asked) = read(&mut stream).await {
            let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
            let next = self.next.lock().unwrap().pop_front();
            let does = next.unwrap_or_else(|| self.does.lock().unwrap().clone());
            self.asked.lock().unwrap().push(asked);
            self.more.notify_waiters();
            let done = self.answer(&mut stream, does).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            if let Some(reset) = done {
                return reset;
            }
        }
        false
    }

    /// Nothing where the connection goes on; else whether it is to be reset.
    async fn answer(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        does: Does,
    ) -> Option<bool> {
        match does {
            Does::Says(status, headers, body) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
                self.write(stream, format!("{head}{body}").as_bytes()).await;
                None
            }
            Does::Sends(bytes) => {
                self.write(stream, &bytes).await;
                let _ = stream.shutdown().await;
                Some(false)
            }
            Does::Stops(bytes) => {
                self.write(stream, &bytes).await;
                // Until the other side has enough of it.
                let _ = stream.read(&mut [0; 1]).await;
                Some(false)
            }
            Does::Resets(bytes) => {
                self.write(stream, &bytes).await;
                Some(true)
            }
            Does::Floods(first, again) => {
                self.write(stream, &first).await;
                while self.write(stream, &again).await {}
                Some(false)
            }
            Does::Holds(until, body) => {
                until.acquire().await.unwrap().forget();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
                self.write(stream, answer.as_bytes()).await;
                None
            }
        }
    }

    async fn write(&self, stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
        let done = stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok();
        if done {
            self.written.fetch_add(bytes.len(), Ordering::SeqCst);
        }
        done
    }
}

/// A whole request, if one comes.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut asked = Asked {
        head,
        body: String::new(),
    };
    let length = asked.header("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}
