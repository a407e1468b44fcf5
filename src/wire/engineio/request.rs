//! What a request asks for, and the checks of it in the order of the original's server.

use http::Method;

use super::rejection::Rejection;
use crate::wire::query::Query;

/// The revision of the protocol that is spoken, as `EIO` names it.
pub const VERSION: &str = "4";

/// How a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Requests: a GET waits for what the server has to say, a POST brings what the client has.
    Polling,
    /// One WebSocket.
    WebSocket,
}

impl Transport {
    /// Its name in `transport` and among the upgrades.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Polling, Self::WebSocket]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

/// The query of a request. What else stands in it (`t`, an application's own) means nothing here.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    transport: Option<Transport>,
    sid: Option<String>,
    is_spoken: bool,
}

/// What is to be done for a request that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<S> {
    /// Begin a session.
    Handshake(Transport),
    /// Let this session's GET wait.
    Poll(S),
    /// Take what this session's POST brings.
    Post(S),
    /// Open a WebSocket that names this session. If it is carried by one already, or another one is on trial, this one is
    /// closed once it is open, as the original does: no page is told the status of a WebSocket that is refused.
    Upgrade(S),
}

impl Request {
    /// Reads a query. Of a parameter that comes twice the last one counts, as with the original; an empty `sid` is none.
    #[must_use]
    pub fn parse(query: &Query) -> Self {
        let last = |name| query.all(name).last().unwrap_or_default();
        Self {
            transport: Transport::parse(last("transport")),
            sid: Some(last("sid"))
                .filter(|sid| !sid.is_empty())
                .map(str::to_owned),
            is_spoken: last("EIO") == VERSION,
        }
    }

    /// Says what the request asks for.
    ///
    /// `upgrades` says whether it wants to become a WebSocket. `session` finds the session of a name, with what carries it
    /// now, and `is_refused` says whether this client may have none; it is asked last but for the version, and only for a
    /// handshake. The version is asked only then too: who has a session has said it.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check<S>(
        &self,
        method: &Method,
        upgrades: bool,
        session: impl FnOnce(&str) -> Option<(S, Transport)>,
        is_refused: impl FnOnce() -> bool,
    ) -> Result<Asked<S>, Rejection> {
        let transport = self.transport.ok_or(Rejection::TransportUnknown)?;
        // Over HTTP/2 a WebSocket is asked for by CONNECT (RFC 8441 §4).
        let is_get = *method == Method::GET || upgrades && *method == Method::CONNECT;
        let Some(sid) = &self.sid else {
            return self.handshake(transport, is_get, upgrades, is_refused);
        };
        let (session, carrier) = session(sid).ok_or(Rejection::SessionUnknown)?;
        match (transport, carrier, upgrades) {
            (Transport::WebSocket, _, true) if is_get => Ok(Asked::Upgrade(session)),
            (Transport::Polling, Transport::Polling, false) if is_get => Ok(Asked::Poll(session)),
            // The original answers 500 to other methods.
            (Transport::Polling, Transport::Polling, false) if *method == Method::POST => {
                Ok(Asked::Post(session))
            }
            _ => Err(Rejection::BadRequest),
        }
    }

    fn handshake<S>(
        &self,
        transport: Transport,
        is_get: bool,
        upgrades: bool,
        is_refused: impl FnOnce() -> bool,
    ) -> Result<Asked<S>, Rejection> {
        if !is_get {
            return Err(Rejection::HandshakeMethod);
        }
        if upgrades != (transport == Transport::WebSocket) {
            return Err(Rejection::BadRequest);
        }
        if is_refused() {
            return Err(Rejection::Forbidden);
        }
        if !self.is_spoken {
            return Err(Rejection::Version);
        }
        Ok(Asked::Handshake(transport))
    }
}

impl std::fmt::Debug for Request {
    /// Without the session's name, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("transport", &self.transport)
            .field("has_sid", &self.sid.is_some())
            .field("is_spoken", &self.is_spoken)
            .finish()
    }
}
