//! Over Server-Sent Events.

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};

use super::{Body, End, Follow, MOST, Message, Reach, Unopened, message, refusal};
use crate::wire::sse::decoder::Decoder;

pub(in crate::cli::tail) struct Source {
    body: Body,
    decoder: Decoder,
}

impl Source {
    pub(super) async fn open(reach: &Reach<'_>, follow: &Follow) -> Result<Self, Unopened> {
        let answer = reach.ask(follow, &[(ACCEPT, "text/event-stream")]).await?;
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .map(|kind| kind.as_bytes());
        let is_stream = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
        if answer.status() != StatusCode::OK || !is_stream {
            return Err(refusal(reach, answer, follow.patience()).await.into());
        }
        Ok(Self {
            body: answer.into_body(),
            decoder: Decoder::new(MOST),
        })
    }

    pub(super) async fn next(&mut self, follow: &mut Follow) -> Result<Vec<Message>, End> {
        let bytes = match self.body.next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(End::Finished),
            Err(_) => return Err(End::Broken),
        };
        let mut events = Vec::new();
        let read = self.decoder.push(&bytes, &mut events);
        read.map_err(|_| End::Foreign)?;
        follow.asked_to_wait(self.decoder.retry());
        events.iter().map(|event| message(&event.data)).collect()
    }
}
