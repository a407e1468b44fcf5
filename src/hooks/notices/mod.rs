//! What is told: kept until it was heard, or given up.

mod pace;
mod queue;
mod teller;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::Kind;
use super::sign::MessageId;
use crate::lifecycle::clock::Clock;
use crate::model::id::StreamId;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::labels::Told;
use queue::{Bounds, Lane, News, Queue};
pub(super) use teller::begin;

/// The news of one gateway.
pub(super) struct Notices {
    state: Mutex<State>,
    /// Told when there is something for a teller to do; of both hooks.
    more: [Notify; 2],
    /// Told when nothing is left.
    empty: Notify,
    clock: Clock,
    metrics: Arc<Metrics>,
}

struct State {
    queue: Queue,
    /// Whether there is a teller; of both hooks.
    tellers: [bool; 2],
    /// Whether the gateway stops: soon, what is left is given up.
    is_closing: bool,
    /// Whether it has.
    is_closed: bool,
}

/// Tellers that are to begin.
pub(in crate::hooks) type Begin = Option<Told>;

impl Notices {
    pub(super) fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            state: Mutex::new(State {
                queue: Queue::new(Bounds::DEFAULT),
                tellers: [false; 2],
                is_closing: false,
                is_closed: false,
            }),
            more: Default::default(),
            empty: Notify::new(),
            clock,
            metrics,
        }
    }

    /// Takes one in, unless there are too many.
    ///
    /// # Errors
    /// Why it is given up.
    pub(super) fn push(
        &self,
        to: Told,
        stream: Option<StreamId>,
        body: Bytes,
    ) -> Result<Begin, &'static str> {
        let news = News {
            to,
            id: MessageId::random(),
            body,
            since: self.clock.now(),
            attempts: 0,
        };
        let mut state = self.state();
        let taken = if state.is_closed {
            Err("the gateway stops")
        } else {
            let lane = state.queue.lane(stream);
            state.queue.push(lane, news)
        };
        match taken {
            Ok(()) => Ok(self.changed(&mut state, Some(to))),
            Err(why) => {
                self.metrics.hooks().given_up(to, 1);
                Err(why)
            }
        }
    }

    /// What is to be told again is told at once, and nobody waits for a hook that is left alone: the gateway stops.
    pub(super) fn hurry(&self) {
        let mut state = self.state();
        state.is_closing = true;
        state.queue.hurry();
        self.more.iter().for_each(Notify::notify_one);
    }

    /// Gives what is left a moment, `limit` of real time, and gives the rest up; how many that are.
    pub(super) async fn close(&self, limit: Duration) -> usize {
        // A backend has no other time than the real one.
        Clock::system().timeout(limit, self.is_empty()).await;
        let mut state = self.state();
        state.is_closed = true;
        let left = state.queue.clear();
        self.metrics.hooks().waiting(0);
        for (to, count) in left {
            self.metrics.hooks().given_up(to, count);
        }
        left.iter().map(|(_, count)| count).sum()
    }

    async fn is_empty(&self) {
        loop {
            let emptied = self.empty.notified();
            if self.state().queue.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// What follows from a change of the queue, which may have given `to` something to do: whoever has to begin.
    fn changed(&self, state: &mut State, to: Option<Told>) -> Begin {
        self.metrics.hooks().waiting(state.queue.len());
        if state.queue.len() == 0 {
            self.empty.notify_waiters();
        }
        let to = to?;
        self.more[place(to)].notify_one();
        let has_one = std::mem::replace(&mut state.tellers[place(to)], true);
        (!has_one).then_some(to)
    }

    /// What was under way is over.
    fn done(&self, lane: Lane, news: &News) -> Begin {
        let mut state = self.state();
        let next = state.queue.done(lane, news);
        self.changed(&mut state, next)
    }

    /// It is over, and was not heard.
    fn give_up(&self, lane: Lane, news: &News) -> Begin {
        self.metrics.hooks().given_up(news.to, 1);
        self.done(lane, news)
    }

    /// It is told again after `pause`.
    fn again(&self, lane: Lane, news: News, pause: Duration) -> Begin {
        let (to, at) = (news.to, self.clock.now() + pause);
        let mut state = self.state();
        state.queue.again(lane, news, at);
        self.changed(&mut state, Some(to))
    }

    fn is_closing(&self) -> bool {
        self.state().is_closing
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hook that is told.
pub(super) const fn kind(to: Told) -> Kind {
    match to {
        Told::Disconnect => Kind::Disconnect,
        Told::Unsubscribe => Kind::Unsubscribe,
    }
}

const fn place(to: Told) -> usize {
    match to {
        Told::Disconnect => 0,
        Told::Unsubscribe => 1,
    }
}
