//! Whether the process lives, and whether events pass through it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::code::{Code, Refusal};
use crate::model::time::Moment;

use super::{Response, Service, reply};

/// How long one canary's return speaks for the log, so that probes cannot load it.
const FRESH: Duration = Duration::from_secs(1);
/// How long a canary may be under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the last canary came back.
#[derive(Default)]
pub(super) struct Canary(Mutex<Option<Moment>>);

impl Service {
    /// Ready: not draining, and an event that was just published has come back through the log.
    pub(super) async fn ready(&self) -> Result<Response, Refusal> {
        if self.context.draining.has_begun() {
            return Err(Refusal::new(Code::Draining, "the gateway is draining"));
        }
        let now = self.context.clock.now();
        let last = *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.since(last) > FRESH) {
            let flight = self.context.ingress.canary();
            let returned = self.context.clock.timeout(PATIENCE, flight).await;
            returned.unwrap_or_else(|| {
                Err(Refusal::new(Code::Unavailable, "the log does not answer"))
            })?;
            *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        Ok(reply::text("ready\n"))
    }
}
