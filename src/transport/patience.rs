//! The one rule for a client that stops reading.
//!
//! A stream never queues more than one batch for a client; when the client does not take that, everything for it
//! waits in its cursor. If it takes nothing at all for the time given, it is given up: a client that lives comes back
//! with its cursor.

use std::io;
use std::pin::Pin;
use std::task::{Context as Cx, Poll, ready};
use std::time::Duration;

use crate::lifecycle::clock::{Clock, Sleep};

/// Long enough for whoever was woken to run.
const MOMENT: Duration = Duration::from_secs(1);

/// How long a client may take nothing of what is written to it.
pub struct Patience {
    clock: Clock,
    span: Duration,
    running: Option<Box<Running>>,
}

/// Running while nothing is taken. The last moment is waited for by itself: after a pause of the whole process (a stop,
/// a machine that slept) every timer rings at once, before anybody could take anything.
struct Running {
    sleep: Sleep,
    is_last: bool,
}

impl Patience {
    /// A patience of `span`.
    #[must_use]
    pub const fn new(clock: Clock, span: Duration) -> Self {
        Self {
            clock,
            span,
            running: None,
        }
    }

    /// From now on there is less of it.
    pub fn shorten(&mut self, span: Duration) {
        self.span = self.span.min(span);
        self.running = None;
    }

    /// Passes on what a write gave, unless nothing was taken for too long.
    ///
    /// # Errors
    /// `TimedOut`: the client is to be given up.
    pub fn judge<T>(
        &mut self,
        cx: &mut Cx<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.running = None;
            return written;
        }
        let (clock, span) = (&self.clock, self.span);
        loop {
            let running = self.running.get_or_insert_with(|| {
                Box::new(Running {
                    sleep: clock.sleep(span.saturating_sub(MOMENT)),
                    is_last: false,
                })
            });
            ready!(Pin::new(&mut running.sleep).poll(cx));
            if running.is_last {
                let error = io::Error::new(io::ErrorKind::TimedOut, "the client does not read");
                return Poll::Ready(Err(error));
            }
            **running = Running {
                sleep: clock.sleep(MOMENT.min(span)),
                is_last: true,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn who_takes_nothing_for_its_span_is_given_up_and_whoever_takes_something_is_not() {
        let (clock, hand) = Clock::manual();
        let mut patience = Patience::new(clock, Duration::from_secs(30));
        let mut cx = Cx::from_waker(Waker::noop());
        let mut after = |seconds, written| {
            hand.advance(Duration::from_secs(seconds));
            patience.judge(&mut cx, written)
        };
        assert!(after(0, Poll::Pending::<io::Result<()>>).is_pending());
        assert!(after(29, Poll::Pending).is_pending(), "a moment to run");
        assert!(after(0, Poll::Ready(Ok(()))).is_ready());
        assert!(after(1, Poll::Pending).is_pending());
        assert!(after(29, Poll::Pending).is_pending());
        let Poll::Ready(Err(error)) = after(1, Poll::Pending) else {
            panic!("it was not given up");
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
