//! One timer for all the deadlines of a stream.

use crate::lifecycle::clock::{Clock, Sleep};
use crate::model::time::Moment;

/// A timer that may ring too early, and never too late.
///
/// A stream's deadline moves with every write. Arming a timer anew each time would cost more than the write's own
/// bookkeeping; ringing early costs one step, which finds nothing due.
pub(super) struct Alarm {
    clock: Clock,
    armed: Option<(Moment, Sleep)>,
}

impl Alarm {
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, armed: None }
    }

    /// Sees to it that the alarm rings by `deadline`.
    pub(super) fn set(&mut self, deadline: Option<Moment>) {
        match (&self.armed, deadline) {
            (Some((armed, _)), Some(deadline)) if *armed <= deadline => {}
            (_, Some(deadline)) => self.armed = Some((deadline, self.clock.sleep_until(deadline))),
            (_, None) => self.armed = None,
        }
    }

    /// Returns when it rings. Dropping the future loses nothing.
    pub(super) async fn rung(&mut self) {
        match &mut self.armed {
            Some((_, sleep)) => sleep.await,
            None => std::future::pending().await,
        }
        self.armed = None;
    }
}
