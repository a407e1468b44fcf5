//! Who tells one hook. There is one while there is something to tell it, and several calls under way for different
//! streams.

use std::sync::Arc;

use super::pace::{ATTEMPTS, OLDEST, pause};
use super::queue::{Lane, News};
use super::{Begin, Notices, kind, place};
use crate::hooks::Inner;
use crate::hooks::call::{Sent, Taken};
use crate::hooks::caller::{Caller, Turn};
use crate::hooks::failure::Failure;
use crate::lifecycle::random;
use crate::telemetry::metrics::labels::{Called, Told};

/// Tells `to` all that there is, and ends.
async fn tell(inner: Arc<Inner>, to: Told) {
    while let Some((lane, news)) = inner.notices.next(to).await {
        let Some((caller, turn)) = inner.turn(&news).await else {
            begin(&inner, inner.notices.give_up(lane, &news));
            continue;
        };
        let own = inner.clone();
        inner.spawn("notification", async move {
            let next = deliver(&own, &caller, turn, lane, news).await;
            begin(&own, next);
        });
    }
}

/// One attempt, and what follows from it.
async fn deliver(
    inner: &Arc<Inner>,
    caller: &Arc<Caller>,
    turn: Turn,
    lane: Lane,
    mut news: News,
) -> Begin {
    if news.attempts > 0 {
        inner.metrics.hooks().retried(news.to);
    }
    news.attempts += 1;
    let sent = Sent {
        id: &news.id,
        trace: None,
        body: news.body.clone(),
    };
    let deadline = inner.clock.now() + caller.hook.timeout;
    let heard = turn.call(sent, Taken::Away, deadline).await;
    let Err(failure) = heard else {
        inner.metrics.hooks().called(caller.kind, Called::Answered);
        return inner.notices.done(lane, &news);
    };
    inner.metrics.hooks().called(caller.kind, Called::Failed);
    caller.tell_failure(&failure);
    if news.attempts >= ATTEMPTS || inner.is_old(&news) {
        return inner.notices.give_up(lane, &news);
    }
    let (least, most) = pause(news.attempts, asked(&failure));
    inner
        .notices
        .again(lane, news, random::between(least, most))
}

fn asked(failure: &Failure) -> Option<std::time::Duration> {
    if let Failure::Status(_, asked) = failure {
        *asked
    } else {
        None
    }
}

/// Begins to tell whom nobody tells yet.
pub(in crate::hooks) fn begin(inner: &Arc<Inner>, to: Begin) {
    if let Some(to) = to {
        inner.spawn("notifications", tell(inner.clone(), to));
    }
}

impl Inner {
    /// The right to tell it; nothing where there is no such hook any more, or it is left alone for longer than there is
    /// time for.
    async fn turn(&self, news: &News) -> Option<(Arc<Caller>, Turn)> {
        loop {
            let caller = self.caller(kind(news.to))?;
            let shut = match caller.turn_in_time().await {
                Ok(turn) => return Some((caller, turn)),
                Err(Failure::Shut(shut)) => shut,
                Err(_) => return None,
            };
            if self.notices.is_closing() || self.is_old(news) {
                self.metrics.hooks().called(caller.kind, Called::NotMade);
                return None;
            }
            caller.is_better(shut).await;
        }
    }

    fn is_old(&self, news: &News) -> bool {
        self.clock.now().since(news.since) >= OLDEST
    }
}

impl Notices {
    /// The next one for `to`, once there is one that is due; nothing where there is none at all, and then there is no
    /// teller any more.
    async fn next(&self, to: Told) -> Option<(Lane, News)> {
        loop {
            let due = {
                let mut state = self.state();
                state.queue.wake(to, self.clock.now());
                if let Some(next) = state.queue.take(to) {
                    return Some(next);
                }
                if state.queue.is_idle(to) {
                    state.tellers[place(to)] = false;
                    return None;
                }
                state.queue.next_wake(to).unwrap_or_default()
            };
            tokio::select! {
                () = self.clock.sleep_until(due) => {}
                () = self.more[place(to)].notified() => {}
            }
        }
    }
}
