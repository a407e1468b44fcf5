//! Leaf: the one HTTP(S) client, for every request that starts here; and bare connections, for who counts every byte.
//!
//! HTTP/1.1, and HTTP/2 where TLS agrees on it (ALPN); no redirect is followed and no cookie kept; every wait has a
//! deadline on [`Clock`], and every body that is taken whole has a bound. Proxies of the environment are not used.

pub mod body;
pub mod dial;
pub mod error;
pub mod trust;

use std::time::Duration;

use bytes::Bytes;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;

use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Tasks;

use body::Body;
use error::{Error, Fault};
use trust::Trust;

/// What this client calls itself, unless the request says otherwise.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("gatecast/", env!("CARGO_PKG_VERSION")));
/// How long an unused connection is kept for the next request, unless somebody says otherwise.
const IDLE: Duration = Duration::from_secs(60);

type Pool = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The client. A clone shares its connections.
#[derive(Clone)]
pub struct Client {
    any: Pool,
    /// For upgrades, which HTTP/2 does not have (RFC 9113 §8.6).
    http1: Pool,
    clock: Clock,
}

/// How a request for another protocol was answered (RFC 9110 §7.8).
pub enum Upgrade {
    /// With 101: the headers, and the connection from there on.
    Switched(HeaderMap, Connection),
    /// With anything else.
    Answered(Response<Body>),
}

/// A connection that speaks another protocol now; over TLS where the URL said so.
pub type Connection = TokioIo<Upgraded>;

impl Client {
    /// A client that trusts `trust` and runs its connections as `tasks`.
    #[must_use]
    pub fn new(trust: &Trust, clock: Clock, tasks: &Tasks) -> Self {
        Self::with_idle(trust, clock, tasks, IDLE)
    }

    /// The same, whose connections are unused for no longer than `idle`.
    #[must_use]
    pub fn with_idle(trust: &Trust, clock: Clock, tasks: &Tasks, idle: Duration) -> Self {
        let connectors = || HttpsConnectorBuilder::new().with_tls_config(trust.config().clone());
        let any = connectors().https_or_http().enable_all_versions();
        let http1 = connectors().https_or_http().enable_http1();
        Self {
            any: pool(tasks, &clock, idle, any.wrap_connector(tcp())),
            http1: pool(tasks, &clock, idle, http1.wrap_connector(tcp())),
            clock,
        }
    }

    /// The whole answer, of at most `most` bytes, within `within`.
    ///
    /// # Errors
    /// Not reached, not in time, too large, or broken off.
    pub async fn fetch(
        &self,
        request: Request<Bytes>,
        within: Duration,
        most: usize,
    ) -> Result<Response<Bytes>, Error> {
        let answer = async {
            let (head, body) = self.send(&self.any, request).await?.into_parts();
            Ok(Response::from_parts(head, body.whole(most).await?))
        };
        self.deadline(within, answer).await
    }

    /// The head of the answer, within `within`, and its body as it comes.
    ///
    /// # Errors
    /// Not reached, or not in time.
    pub async fn open(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Response<Body>, Error> {
        self.deadline(within, self.send(&self.any, request)).await
    }

    /// Asks for another protocol, with the headers that the request brings, within `within`.
    ///
    /// # Errors
    /// Not reached, or not in time.
    pub async fn upgrade(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Upgrade, Error> {
        self.deadline(within, self.switch(request)).await
    }

    async fn switch(&self, request: Request<Bytes>) -> Result<Upgrade, Error> {
        let response = self.http1.request(outgoing(request)).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Upgrade::Answered(response.map(Body::from)));
        }
        let headers = response.headers().clone();
        let connection = hyper::upgrade::on(response).await?;
        Ok(Upgrade::Switched(headers, TokioIo::new(connection)))
    }

    async fn send(&self, pool: &Pool, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        Ok(pool.request(outgoing(request)).await?.map(Body::from))
    }

    async fn deadline<T>(
        &self,
        within: Duration,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = || Error::new(Fault::TimedOut, format!("no answer within {within:?}"));
        self.clock
            .timeout(within, answer)
            .await
            .unwrap_or_else(|| Err(late()))
    }
}

/// When an answer asks to come back: `Retry-After` in seconds (RFC 9110 §10.2.3). Its other form, a date, is not read:
/// it would need the server's calendar.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn outgoing(mut request: Request<Bytes>) -> Request<Full<Bytes>> {
    request.headers_mut().entry(USER_AGENT).or_insert(AGENT);
    request.map(Full::new)
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // The TLS connector around it takes https.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp
}

fn pool(
    tasks: &Tasks,
    clock: &Clock,
    idle: Duration,
    connector: HttpsConnector<HttpConnector>,
) -> Pool {
    legacy::Client::builder(tasks.clone())
        .timer(clock.clone())
        .pool_timer(clock.clone())
        .pool_idle_timeout(idle)
        .build(connector)
}

#[cfg(test)]
mod tests;
