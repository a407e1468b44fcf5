//! Over a row of polls.

use std::time::Duration;

use http::StatusCode;
use http::header::ACCEPT;

use super::{End, Follow, MOST, Message, Reach, Unopened, refusal};
use crate::wire::message::{Poll, Welcome};

/// A poll that could wait and comes back empty in less than this was answered by something that does not wait, such as
/// a cache: it is not asked in a hot loop.
const TOO_SOON: Duration = Duration::from_secs(1);

pub(in crate::cli::tail) struct Source {
    welcomed: bool,
    /// The gateway has said that it stops.
    stopping: bool,
}

impl Source {
    pub(super) const fn new() -> Self {
        Self {
            welcomed: false,
            stopping: false,
        }
    }

    pub(super) async fn next(
        &mut self,
        reach: &Reach<'_>,
        follow: &Follow,
    ) -> Result<Vec<Message>, Unopened> {
        if self.stopping {
            return Err(End::Finished.into());
        }
        let begun = reach.clock.now();
        let may_wait = follow.cursor().is_some();
        let mut answer = poll(reach, follow).await?;
        self.stopping = answer
            .messages
            .iter()
            .any(|one| matches!(one, Message::Bye(_)));
        let is_empty = answer.messages.len() == 1;
        if may_wait && is_empty && reach.clock.now().since(begun) < TOO_SOON {
            reach.clock.sleep(TOO_SOON).await;
        }
        if !std::mem::replace(&mut self.welcomed, true) {
            answer
                .messages
                .insert(0, Message::Welcome(Welcome::default()));
        }
        Ok(answer.messages)
    }
}

async fn poll(reach: &Reach<'_>, follow: &Follow) -> Result<Poll, Unopened> {
    let answer = reach.ask(follow, &[(ACCEPT, "application/json")]).await?;
    if answer.status() != StatusCode::OK {
        return Err(refusal(reach, answer, follow.patience()).await.into());
    }
    let body = answer.into_body().whole(MOST).await;
    let body = body.map_err(End::Unanswered)?;
    Poll::parse(&body).map_err(|_| End::Foreign.into())
}
