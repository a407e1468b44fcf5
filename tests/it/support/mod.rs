//! A gateway in this process, with real sockets and a clock that the test moves by hand.
#![allow(
    dead_code,
    reason = "a tool box: not every tool is in use at every time"
)]

pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod secrets;
pub(crate) mod socket;
pub(crate) mod socketio;
pub(crate) mod tls;
pub(crate) mod websocket;

use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatecast::lifecycle::clock::{Clock, Hand};
use gatecast::server::endpoint::Endpoint;
use gatecast::server::{Gateway, Settings};
use gatecast::telemetry::audit::Destination;
use gatecast::wire::admin::Reloaded;
use sha2::{Digest as _, Sha256};

use self::http::Answer;
use self::socket::Socket;
use self::websocket::WebSocket;

/// A running gateway. Dropping it drops the listener and, with the test's runtime, every stream.
pub(crate) struct Gate {
    gateway: Option<Gateway>,
    clock: Clock,
    /// Moves the time of everything in the gateway.
    pub(crate) hand: Hand,
    /// What its configuration says when it is read again.
    toml: Arc<Mutex<String>>,
    says: fn(&mut Settings),
    address: SocketAddr,
}

/// The key of one who may read and publish everything, in a gateway that is [`Gate::open`].
pub(crate) const KEY: (&str, &str) = ("x-api-key", "the-key-of-an-open-gateway");

impl Gate {
    /// Starts a gateway in which [`KEY`] may everything. `first` stands before the first table of its configuration,
    /// `more` behind the last.
    pub(crate) async fn open(first: &str, more: &str) -> Self {
        Self::within_program(first, more, |_| {}).await
    }

    /// The same inside a program that has more to say than a configuration can.
    pub(crate) async fn within_program(first: &str, more: &str, says: fn(&mut Settings)) -> Self {
        let key = api_key("a", KEY.1, "a");
        let role = "[roles.a]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nadmin = true\n";
        Self::launched(format!("{first}{key}{role}{more}"), says).await
    }

    /// A WebSocket of [`KEY`]'s in the room `r` that has been welcomed.
    pub(crate) async fn websocket(&self) -> WebSocket {
        let socket = self.connect().await;
        let mut socket = WebSocket::upgrade(socket, "/v1/stream?room=r", &[KEY])
            .await
            .unwrap_or_else(|head| panic!("refused: {head:?}"));
        socket.text().await;
        socket
    }

    /// Returns once `count` polls wait: a connection is taken up by another thread than the one before it.
    pub(crate) async fn polls_wait(&self, count: usize) {
        self.streams_are(
            r#"transport="long-poll",dialect="native",http="1.1""#,
            count,
        )
        .await;
    }

    /// Returns once `count` streams of a kind are open.
    pub(crate) async fn streams_are(&self, kind: &str, count: usize) {
        let line = format!("gatecast_streams{{{kind}}} {count}");
        let waiting = async {
            loop {
                let metrics = self.request("GET", "/metrics", &[KEY], "").await;
                if metrics.text().lines().any(|one| one == line) {
                    return;
                }
            }
        };
        within("the streams", waiting).await;
    }

    /// Starts a gateway from this configuration, on a free port of the loopback whatever `listen` says.
    pub(crate) async fn start(toml: &str) -> Self {
        Self::launched(toml.to_owned(), |_| {}).await
    }

    async fn launched(toml: String, says: fn(&mut Settings)) -> Self {
        let (clock, hand) = Clock::manual();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let toml = Arc::new(Mutex::new(toml));
        let gateway = launch(&toml, says, any, clock.clone()).await;
        let address = gateway.addresses().next().unwrap();
        Self {
            gateway: Some(gateway),
            clock,
            hand,
            toml,
            says,
            address,
        }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every stream in its own way and stops; the port is free afterwards.
    pub(crate) async fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            // In small steps: on a busy machine much time would pass before anybody has looked at it.
            self.hasten(Duration::from_millis(100), async move {
                gateway.drain().await;
            })
            .await;
        }
    }

    /// Begins to stop; the future gives who was late. It goes on by itself, while the test does.
    #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    pub(crate) async fn begin_stop(
        &mut self,
    ) -> tokio::task::JoinHandle<Vec<(&'static str, usize)>> {
        let gateway = self.gateway.take().unwrap();
        let drained = tokio::spawn(gateway.drain());
        // So that it has begun, and not only been asked for.
        tokio::task::yield_now().await;
        drained
    }

    /// Stops, and starts on the same port with the same configuration and clock: the memory log is a new one.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let clock = self.clock.clone();
        self.gateway = Some(launch(&self.toml, self.says, self.address, clock).await);
    }

    /// Reads `toml` as its configuration from now on; whatever `listen` says there is not looked at.
    pub(crate) async fn reload(&self, toml: &str) -> Result<Reloaded, String> {
        toml.clone_into(&mut self.toml.lock().unwrap());
        self.gateway().reload().await
    }

    /// Its configuration.
    pub(crate) fn toml(&self) -> String {
        self.toml.lock().unwrap().clone()
    }

    /// Its clock.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How much virtual time has passed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock
            .now()
            .since(gatecast::model::time::Moment::default())
    }

    /// The gateway itself.
    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway
            .as_ref()
            .unwrap_or_else(|| panic!("the gateway was stopped"))
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Socket {
        Socket::open(self.address).await
    }

    /// One request on a connection of its own; `Host` and `Content-Length` are added.
    pub(crate) async fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut socket = self.connect().await;
        socket
            .send(http::request(method, target, headers, body))
            .await;
        socket.answer(method).await
    }

    /// Moves the clock step by step until `done` is done: however late the gateway arms its timer, a later
    /// step fires it, so that no test depends on who was first.
    pub(crate) async fn hasten<T>(&self, step: Duration, done: impl Future<Output = T>) -> T {
        hasten(&self.hand, step, done).await
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        secrets::nothing_was_shown();
    }
}

async fn launch(
    toml: &Arc<Mutex<String>>,
    says: fn(&mut Settings),
    address: SocketAddr,
    clock: Clock,
) -> Gateway {
    let settings = settings_of(&toml.lock().unwrap(), says, address)
        .unwrap_or_else(|mistakes| panic!("the test's configuration is wrong:\n{mistakes}"));
    let again = toml.clone();
    let source = Arc::new(move || settings_of(&again.lock().unwrap(), says, address));
    Gateway::start_from(settings, clock, Some(source))
        .await
        .unwrap_or_else(|error| panic!("no gateway on {address}: {error}"))
}

fn settings_of(
    toml: &str,
    says: fn(&mut Settings),
    address: SocketAddr,
) -> Result<Settings, String> {
    secrets::watch(toml);
    let mut settings =
        gatecast::config::load(Some(toml), &[]).map_err(|mistakes| mistakes.to_string())?;
    // With a certificate the one endpoint speaks HTTPS.
    let scheme = settings.listen[0].scheme;
    settings.listen = vec![Endpoint {
        scheme,
        ..address.into()
    }];
    // Where the test does not look at it, what is recorded is searched like any other line.
    let audit = &mut settings.telemetry.audit;
    *audit = audit.take().or(Some(Destination::Tracing));
    says(&mut settings);
    Ok(settings)
}

/// [`Gate::hasten`] for whatever has a clock.
pub(crate) async fn hasten<T>(hand: &Hand, step: Duration, done: impl Future<Output = T>) -> T {
    let mut done = pin!(done);
    within("a timer of the gateway", async {
        loop {
            hand.advance(step);
            if let Some(out) = patiently(Duration::from_millis(10), done.as_mut()).await {
                return out;
            }
        }
    })
    .await
}

/// A test that waits for ever fails here instead: ten seconds of real time, for what takes milliseconds.
pub(crate) async fn within<T>(what: &str, done: impl Future<Output = T>) -> T {
    patiently(Duration::from_secs(10), done)
        .await
        .unwrap_or_else(|| panic!("waited 10 s for {what}"))
}

/// Waits in real time, which the gateway's own clock knows nothing of.
#[allow(
    clippy::disallowed_methods,
    reason = "the virtual clock stands still while a test waits; this bounds the wait itself"
)]
pub(crate) async fn patiently<T>(limit: Duration, done: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, done).await.ok()
}

/// The configuration block of an API key whose text is `key`.
pub(crate) fn api_key(name: &str, key: &str, role: &str) -> String {
    let reason = "what is shorter could be any word, and is not searched for";
    assert!(key.len() >= secrets::WORD, "{key:?}: {reason}");
    secrets::WATCH.keep(key);
    format!(
        "[[auth.api_key]]\nname = \"{name}\"\nsha256 = \"{}\"\nrole = \"{role}\"\n",
        sha256(key)
    )
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
