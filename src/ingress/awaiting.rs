//! Waiting for the confirmations of an event that was published.

use crate::bus::Published;
use crate::bus::confirmations::Wait;
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Draining;
use crate::model::code::{Code, Refusal};
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::wire::confirmed::Confirmed;

/// A publish that is in the log, and what is waited for.
#[derive(Debug)]
pub struct Accepted {
    /// Its place.
    pub published: Published,
    /// Where its publisher waits for confirmations, they come here.
    pub awaiting: Option<Awaiting>,
}

/// Confirmations that are to come.
pub struct Awaiting {
    wait: Wait,
    until: Moment,
    clock: Clock,
    draining: Draining,
}

impl Awaiting {
    pub(super) const fn new(wait: Wait, until: Moment, clock: Clock, draining: Draining) -> Self {
        Self {
            wait,
            until,
            clock,
            draining,
        }
    }

    /// Who has confirmed it, once all have that were waited for, or the time is over, or the gateway drains: then its
    /// clients are sent away, and would find nobody to confirm to.
    pub async fn ended(mut self) -> Confirmed {
        tokio::select! {
            biased;
            () = self.wait.complete() => {}
            () = self.draining.begun() => {}
            () = self.clock.sleep_until(self.until) => {}
        }
        self.wait.confirmed()
    }
}

impl Accepted {
    /// Its place, for whom it must have one.
    ///
    /// # Errors
    /// `internal`: it has none.
    pub(super) fn position(&self) -> Result<Position, Refusal> {
        let position = self.published.position;
        position.ok_or_else(|| Refusal::new(Code::Internal, "the event has no place in the log"))
    }
}

impl From<Published> for Accepted {
    fn from(published: Published) -> Self {
        Self {
            published,
            awaiting: None,
        }
    }
}

impl std::fmt::Debug for Awaiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Awaiting")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
