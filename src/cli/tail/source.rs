//! A stream of messages over one transport: opens it, and gives what arrives, until it ends.

mod long_poll;
mod sse;
mod websocket;

use std::time::Duration;

use http::{HeaderValue, Method, Response};

use super::follow::{End, Follow};
use crate::cli::remote::{Refused, Remote};
use crate::lifecycle::clock::Clock;
use crate::model::transport::Transport;
use crate::outbound::Client;
use crate::outbound::body::Body;
use crate::wire::message::Message;

/// The largest message, event or answer that is held, in bytes.
const MOST: usize = 16 << 20;
/// The largest refusal that is read, in bytes.
const MOST_REFUSED: usize = 64 << 10;

/// What connecting needs.
pub(super) struct Reach<'a> {
    pub(super) client: Client,
    pub(super) remote: &'a Remote,
    pub(super) clock: Clock,
}

/// An open stream.
pub(super) enum Source {
    WebSocket(Box<websocket::Source>),
    Sse(sse::Source),
    LongPoll(long_poll::Source),
}

/// Why there is no stream: an end to judge, or a reason on this side, such as a credential's file that is gone.
pub(super) enum Unopened {
    Ended(End),
    Local(String),
}

impl From<End> for Unopened {
    fn from(end: End) -> Self {
        Self::Ended(end)
    }
}

impl Source {
    /// Opens what `follow` says.
    pub(super) async fn open(reach: &Reach<'_>, follow: &Follow) -> Result<Self, Unopened> {
        Ok(match follow.transport() {
            Transport::WebSocket => {
                Self::WebSocket(Box::new(websocket::Source::open(reach, follow).await?))
            }
            Transport::Sse => Self::Sse(sse::Source::open(reach, follow).await?),
            Transport::LongPoll => Self::LongPoll(long_poll::Source::new()),
        })
    }

    /// What arrives next; none of it is a sign of life alone.
    pub(super) async fn next(
        &mut self,
        reach: &Reach<'_>,
        follow: &mut Follow,
    ) -> Result<Vec<Message>, Unopened> {
        match self {
            Self::WebSocket(source) => Ok(source.next().await?),
            Self::Sse(source) => Ok(source.next(follow).await?),
            Self::LongPoll(source) => source.next(reach, follow).await,
        }
    }
}

impl Reach<'_> {
    /// Asks for the head of what `follow` wants.
    async fn ask(
        &self,
        follow: &Follow,
        headers: &[(http::HeaderName, &'static str)],
    ) -> Result<Response<Body>, Unopened> {
        let mut request = self
            .remote
            .request(Method::GET, &follow.target(), "")
            .map_err(Unopened::Local)?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        let answer = self.client.open(request, follow.patience()).await;
        Ok(answer.map_err(End::Unanswered)?)
    }
}

/// Reads an answer that is not the wanted one.
async fn refusal(reach: &Reach<'_>, answer: Response<Body>, patience: Duration) -> End {
    let (head, body) = answer.into_parts();
    let body = reach
        .clock
        .timeout(patience, body.whole(MOST_REFUSED))
        .await;
    let body = body.and_then(Result::ok).unwrap_or_default();
    End::Refused(Refused::by_answer(head.status, &head.headers, &body))
}

/// Reads one message.
fn message(text: &str) -> Result<Message, End> {
    Message::parse(text).map_err(|_| End::Foreign)
}
