//! The only `now` and the only `sleep`: the system's, or one that a test moves by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::{Moment, UnixMillis};

/// A clock that all parts of one gateway share.
///
/// A paused tokio clock is no substitute: it runs away whenever the runtime is idle, which with real sockets
/// is whenever bytes are under way.
#[derive(Clone)]
pub struct Clock(Arc<Face>);

struct Face {
    origin: Instant,
    source: Source,
}

enum Source {
    System,
    Manual(Arc<Mutex<Manual>>),
}

struct Manual {
    now: Moment,
    unix_at_origin: UnixMillis,
    sleepers: BTreeMap<(Moment, u64), Waker>,
    next_sleeper: u64,
}

/// The hand that moves a manual clock.
#[derive(Clone)]
pub struct Hand(Arc<Mutex<Manual>>);

impl Clock {
    /// The machine's clock; its origin is now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where `now` comes from")]
    pub fn system() -> Self {
        Self(Arc::new(Face {
            origin: Instant::now(),
            source: Source::System,
        }))
    }

    /// A clock that stands still until its hand is moved. It starts at the machine's calendar time, so that
    /// tokens and logs look real.
    #[must_use]
    pub fn manual() -> (Self, Hand) {
        let system = Self::system();
        let manual = Arc::new(Mutex::new(Manual {
            now: Moment::default(),
            unix_at_origin: system.unix(),
            sleepers: BTreeMap::new(),
            next_sleeper: 0,
        }));
        let source = Source::Manual(manual.clone());
        (
            Self(Arc::new(Face {
                origin: system.0.origin,
                source,
            })),
            Hand(manual),
        )
    }

    /// The present, for deadlines and ages.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where `now` comes from")]
    pub fn now(&self) -> Moment {
        match &self.0.source {
            Source::System => Moment::from_origin(Instant::now().duration_since(self.0.origin)),
            Source::Manual(manual) => lock(manual).now,
        }
    }

    /// The calendar, for what people and tokens say.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where `now` comes from")]
    pub fn unix(&self) -> UnixMillis {
        match &self.0.source {
            Source::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            }
            Source::Manual(manual) => {
                let manual = lock(manual);
                UnixMillis(manual.unix_at_origin.0 + manual.now.as_nanos() / 1_000_000)
            }
        }
    }

    /// Sleeps until `deadline`.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this is where `sleep` comes from"
    )]
    pub fn sleep_until(&self, deadline: Moment) -> Sleep {
        Sleep(match &self.0.source {
            Source::System => {
                let at = self.instant(deadline);
                SleepSource::System(Box::pin(tokio::time::sleep_until(at.into())))
            }
            Source::Manual(manual) => SleepSource::Manual {
                manual: manual.clone(),
                deadline,
                key: None,
            },
        })
    }

    /// Sleeps for `span`.
    #[must_use]
    pub fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until(self.now() + span)
    }

    /// What `future` gives, or nothing if it takes longer than `span`.
    pub async fn timeout<F: Future>(&self, span: Duration, future: F) -> Option<F::Output> {
        let sleep = self.sleep(span);
        tokio::select! {
            biased;
            output = future => Some(output),
            () = sleep => None,
        }
    }

    /// The moment as the standard library's type, for libraries that speak it. Saturates at 30 years.
    fn instant(&self, moment: Moment) -> Instant {
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        self.0.origin + moment.since(Moment::default()).min(FAR)
    }
}

impl Hand {
    /// Moves the clock forward by `span` and wakes whoever is due.
    pub fn advance(&self, span: Duration) {
        let mut due = Vec::new();
        {
            let mut manual = lock(&self.0);
            let now = manual.now + span;
            manual.now = now;
            let later = manual
                .sleepers
                .split_off(&(now + Duration::from_nanos(1), 0));
            due.extend(std::mem::replace(&mut manual.sleepers, later).into_values());
        }
        due.into_iter().for_each(Waker::wake);
    }
}

/// A sleep under way.
pub struct Sleep(SleepSource);

enum SleepSource {
    System(Pin<Box<tokio::time::Sleep>>),
    Manual {
        manual: Arc<Mutex<Manual>>,
        deadline: Moment,
        key: Option<u64>,
    },
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            SleepSource::System(sleep) => sleep.as_mut().poll(cx),
            SleepSource::Manual {
                manual,
                deadline,
                key,
            } => {
                let mut manual = lock(manual);
                if manual.now >= *deadline {
                    return Poll::Ready(());
                }
                let id = *key.get_or_insert_with(|| {
                    manual.next_sleeper += 1;
                    manual.next_sleeper
                });
                manual.sleepers.insert((*deadline, id), cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let SleepSource::Manual {
            manual,
            deadline,
            key: Some(key),
        } = &self.0
        {
            lock(manual).sleepers.remove(&(*deadline, *key));
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Clock::sleep(self, duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let since_origin = deadline.saturating_duration_since(self.0.origin);
        Box::pin(Clock::sleep_until(self, Moment::from_origin(since_origin)))
    }

    fn now(&self) -> Instant {
        self.instant(Clock::now(self))
    }
}

fn lock(manual: &Mutex<Manual>) -> std::sync::MutexGuard<'_, Manual> {
    manual.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_stands_still_until_its_hand_moves() {
        let (clock, hand) = Clock::manual();
        let start = clock.now();
        let unix = clock.unix();
        let mut sleep = Box::pin(clock.sleep(Duration::from_secs(60)));
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        hand.advance(Duration::from_millis(59_999));
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        hand.advance(Duration::from_millis(1));
        sleep.await;
        assert_eq!(clock.now().since(start), Duration::from_secs(60));
        assert_eq!(clock.unix().since(unix), Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_dropped_sleep_leaves_nothing_behind() {
        let (clock, hand) = Clock::manual();
        let mut sleep = Box::pin(clock.sleep(Duration::from_secs(1)));
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        drop(sleep);
        assert!(lock(&hand.0).sleepers.is_empty());
    }

    #[tokio::test]
    async fn a_timeout_gives_the_answer_that_came_in_time() {
        let (clock, _hand) = Clock::manual();
        assert_eq!(clock.timeout(Duration::ZERO, async { 7 }).await, Some(7));
        assert_eq!(
            clock
                .timeout(Duration::ZERO, std::future::pending::<()>())
                .await,
            None
        );
    }
}
