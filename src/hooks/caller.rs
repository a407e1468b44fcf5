//! One hook at work: how many calls of it there are, whether it may be called, and what is said of its failures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::Kind;
use super::breaker::{Breaker, Change, Right, Shut};
use super::call::{Sent, Taken, call};
use super::failure::{Failure, Sign};
use super::settings::Hook;
use crate::lifecycle::clock::Clock;
use crate::lifecycle::random;
use crate::model::time::Moment;
use crate::outbound::Client;
use crate::telemetry::metrics::Metrics;

/// How long a failure is not said again.
const SELDOM: Duration = Duration::from_secs(60);

/// One hook.
pub(super) struct Caller {
    pub(super) kind: Kind,
    pub(super) hook: Hook,
    places: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
    /// Told when the breaker changes.
    changed: Notify,
    said: Mutex<Said>,
    client: Client,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// What was said of its failures.
#[derive(Default)]
struct Said {
    last: Option<Moment>,
    unsaid: u64,
}

/// A call that may be made. Dropping it says that it was not, or was cut off.
pub(super) struct Turn {
    caller: Arc<Caller>,
    right: Option<Right>,
    _place: OwnedSemaphorePermit,
}

impl Caller {
    pub(super) fn new(
        kind: Kind,
        hook: Hook,
        client: Client,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        metrics.hooks().breaker(kind, false);
        Arc::new(Self {
            kind,
            places: Arc::new(Semaphore::new(hook.concurrency)),
            hook,
            breaker: Mutex::new(Breaker::new()),
            changed: Notify::new(),
            said: Mutex::default(),
            client,
            clock,
            metrics,
        })
    }

    /// The headers that it is shown.
    pub(super) fn shown(&self) -> &[HeaderName] {
        &self.hook.headers
    }

    /// The right to make a call, before `deadline`.
    pub(super) async fn turn(self: &Arc<Self>, deadline: Moment) -> Result<Turn, Failure> {
        self.breaker()
            .look(self.clock.now())
            .map_err(Failure::Shut)?;
        let left = deadline.since(self.clock.now());
        let place = self
            .clock
            .timeout(left, self.places.clone().acquire_owned());
        match place.await {
            // The place of one whose time is up in this very moment comes too late.
            Some(Ok(_)) if self.clock.now() >= deadline => {
                Err(Failure::Crowded(self.hook.concurrency))
            }
            Some(Ok(place)) => self.take(place).map_err(Failure::Shut),
            Some(Err(_)) => Err(Failure::Stopping),
            None => Err(Failure::Crowded(self.hook.concurrency)),
        }
    }

    /// The same, however long calls that are under way take.
    pub(super) async fn turn_in_time(self: &Arc<Self>) -> Result<Turn, Failure> {
        let place = self.places.clone().acquire_owned().await;
        place
            .map_err(|_| Failure::Stopping)
            .and_then(|place| self.take(place).map_err(Failure::Shut))
    }

    /// Returns when it may be better, or there is another hook in its place.
    pub(super) async fn is_better(&self, shut: Shut) {
        let pause = match shut {
            Shut::For(pause) => pause,
            Shut::Probed => self.hook.timeout,
        };
        tokio::select! {
            () = self.clock.sleep(pause) => {}
            () = self.changed.notified() => {}
        }
    }

    fn take(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Result<Turn, Shut> {
        let right = self.breaker().ask(self.clock.now())?;
        Ok(Turn {
            caller: self.clone(),
            right: Some(right),
            _place: place,
        })
    }

    /// Whoever waits for the hook to be better looks again.
    pub(super) fn stir(&self) {
        self.changed.notify_one();
    }

    /// Says in the log why there is no answer, unless the log says that it is left alone.
    pub(super) fn tell_failure(&self, failure: &Failure) {
        if !matches!(failure, Failure::Shut(_) | Failure::Stopping) {
            self.tell(failure);
        }
    }

    /// Says in the log what went wrong, unless something was said a short while ago.
    pub(super) fn tell(&self, why: &dyn std::fmt::Display) {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.last.is_some_and(|last| now.since(last) < SELDOM) {
            said.unsaid += 1;
            return;
        }
        said.last = Some(now);
        let (hook, url, unsaid) = (self.kind.as_str(), &self.hook.url, said.unsaid);
        said.unsaid = 0;
        drop(said);
        tracing::warn!(hook, %url, %why, unsaid, "a hook failed");
    }

    fn follow(&self, change: Change) {
        let (hook, url) = (self.kind.as_str(), &self.hook.url);
        match change {
            Change::None => return,
            Change::Opened => {
                tracing::warn!(hook, %url, "the hook fails again and again and is left alone");
            }
            Change::Closed => tracing::info!(hook, %url, "the hook answers again"),
            Change::Reopened => {}
        }
        let is_open = change != Change::Closed;
        self.metrics.hooks().breaker(self.kind, is_open);
        self.changed.notify_one();
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Makes the call; all of it before `deadline`.
    pub(super) async fn call(
        mut self,
        sent: Sent<'_>,
        taken: Taken,
        deadline: Moment,
    ) -> Result<Bytes, Failure> {
        let Caller {
            clock,
            client,
            hook,
            metrics,
            kind,
            ..
        } = &*self.caller;
        let began = clock.now();
        let in_flight = metrics.hooks().begin(*kind);
        let answer = call(client, clock, hook, sent, taken, deadline).await;
        drop(in_flight);
        metrics.hooks().took(*kind, clock.now().since(began));
        let had = deadline.since(began);
        let sign = answer
            .as_ref()
            .map_or_else(|why| why.sign(had, hook.timeout), |_| Sign::There);
        // What says nothing leaves the right to be dropped, as if nobody had called.
        if sign != Sign::Nothing {
            self.back(sign == Sign::Trouble);
        }
        answer
    }

    /// Gives the right back with what came of it.
    fn back(&mut self, is_trouble: bool) {
        let (Some(right), caller) = (self.right.take(), &self.caller) else {
            return;
        };
        let jitter = |pause: Duration| random::between(pause / 2, pause);
        let now = caller.clock.now();
        let mut breaker = caller.breaker();
        let change = if is_trouble {
            breaker.failed(right, now, jitter)
        } else {
            breaker.succeeded(right)
        };
        drop(breaker);
        caller.follow(change);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(right) = self.right.take() {
            let now = self.caller.clock.now();
            self.caller.breaker().abandoned(right, now);
            self.caller.changed.notify_one();
        }
    }
}
