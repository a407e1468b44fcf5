//! What a request was granted, before it has its connection.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;

use crate::auth::Access;
use crate::limit::Held;
use crate::model::code::Refusal;
use crate::model::peer::Peer;
use crate::model::time::Moment;
use crate::session::admission::{Admitted, Opening};
use crate::telemetry::audit::Asked;
use crate::telemetry::metrics::labels::HttpVersion;

use super::engineio::door::Door;
use super::format::Format;
use super::shard::Arrival;
use super::voice::Voice;
use super::wishes::Wishes;

/// What a request was granted, and how it comes to its connection.
pub struct Granted {
    /// What it was granted.
    pub to: Grantee,
    /// Over HTTP/2, the stream that becomes a WebSocket once its head is answered (RFC 8441).
    pub tunnel: Option<OnUpgrade>,
}

/// What takes the connection of a request.
pub enum Grantee {
    /// A stream.
    Stream(Native),
    /// A session of several.
    Session(Arrival),
    /// A session that requests have carried until now; none, where that is over.
    Carrier(Option<Arc<Door>>),
}

impl Granted {
    /// Whether what is written goes in chunks.
    #[must_use]
    pub const fn is_chunked(&self) -> bool {
        match &self.to {
            Grantee::Stream(native) => native.format.is_chunked(),
            Grantee::Session(_) | Grantee::Carrier(_) => false,
        }
    }
}

/// How a client is received, and how what it is told is written.
pub struct Native {
    /// With what it is received.
    pub reception: Reception,
    /// How its stream is written.
    pub format: Format,
    /// The HTTP that asked for it.
    pub version: HttpVersion,
    /// Who asked for it.
    pub caller: Box<Caller>,
}

/// What of its request a stream is known by to operators.
#[derive(Debug)]
pub struct Caller {
    /// The client's address.
    pub peer: Peer,
    /// The request's number, as its answer shows it (`X-Request-Id`).
    pub request: u64,
    /// When it came.
    pub since: Moment,
    /// Its places among the streams that are open.
    pub held: Held,
    /// What it wants besides events.
    pub wishes: Wishes,
    /// Its line to the backend, where there are hooks.
    pub voice: Option<Box<Voice>>,
}

impl Caller {
    /// The request, as the audit log names it.
    #[must_use]
    pub const fn asked(&self) -> Asked {
        Asked {
            peer: self.peer,
            request: self.request,
        }
    }
}

/// With what a client is received.
pub enum Reception {
    /// With a stream.
    Admitted(Arc<Access>, Opening, Admitted),
    /// With silence, until it says who it is.
    Waiting(Opening),
    /// With the reason why it ends at once, told on the open stream: browsers cannot read a refused upgrade, and
    /// `EventSource` dies for ever of any status but 200.
    Refused(Refusal),
}
