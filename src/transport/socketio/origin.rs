//! Where a connection comes from: what its conversations have of the request that opened it.

use std::sync::Arc;

use crate::auth::credentials::Credential;
use crate::lifecycle::random;
use crate::limit::Held;
use crate::model::code::Refusal;
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::peer::Peer;
use crate::model::trace::TraceParent;
use crate::model::transport::Transport;
use crate::telemetry::audit::Asked;
use crate::telemetry::metrics::labels::HttpVersion;
use crate::transport::context::Context;
use crate::transport::granted::Caller;
use crate::transport::voice::{Line, Voice};
use crate::transport::wishes::Wishes;

/// What the request said that opened a connection.
pub struct Origin {
    /// Where it came from.
    pub peer: Peer,
    /// Its number.
    pub request: u64,
    /// The HTTP that it came by.
    pub version: HttpVersion,
    /// The credential that it showed, for conversations that show none of their own.
    pub credential: Result<Option<Credential>, Box<Refusal>>,
    /// Its headers that hooks want to see.
    pub headers: Arc<[(String, String)]>,
    /// The trace that it is part of.
    pub trace: Option<TraceParent>,
    /// Whether whatever its client says comes back, and nothing else does.
    pub echo: bool,
}

impl Origin {
    /// The request, as the audit log names it.
    #[must_use]
    pub const fn asked(&self) -> Asked {
        Asked {
            peer: self.peer,
            request: self.request,
        }
    }

    /// What a stream called `stream` is known by.
    #[must_use]
    pub fn caller(&self, context: &Context, stream: StreamId, transport: Transport) -> Box<Caller> {
        let voice = context.hooks.is_any().then(|| {
            let line = Line {
                stream: Some(stream),
                transport,
                dialect: Dialect::SocketIo,
                headers: self.headers.clone(),
                trace: self.trace,
            };
            Box::new(Voice::new(line, context.hooks.clone()))
        });
        Box::new(Caller {
            peer: self.peer,
            request: self.request,
            since: context.clock.now(),
            held: Held::default(),
            wishes: Wishes::default(),
            voice,
        })
    }
}

/// A name for a new stream.
#[must_use]
pub fn new_stream() -> StreamId {
    StreamId::from_random(random::wide_bits())
}
