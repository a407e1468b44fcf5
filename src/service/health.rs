//! Whether the process lives, and whether events pass through it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::code::{Code, Refusal};
use crate::model::time::Moment;
use crate::telemetry::metrics::labels::Flight;
use crate::telemetry::metrics::{Health, Tokens};

use super::{Response, Service, reply};

/// How long one canary's return speaks for the log, so that probes cannot load it.
const FRESH: Duration = Duration::from_secs(1);
/// How long a canary may be under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the last canary came back.
#[derive(Default)]
pub(super) struct Canary(Mutex<Option<Moment>>);

impl Service {
    /// Alive: no shard hangs. Whoever restarts what is not alive asks here.
    pub(super) fn alive(&self) -> Result<Response, Refusal> {
        match hanging(&self.context.hanging.all()) {
            Some(refusal) => Err(refusal),
            None => Ok(reply::text("ok\n")),
        }
    }

    /// Ready: not draining, no shard hangs, and an event that was just published has come back through the log. Who asks
    /// is on a shard that does not hang, or gets no answer.
    pub(super) async fn ready(&self) -> Result<Response, Refusal> {
        if self.context.draining.has_begun() {
            return Err(Refusal::new(Code::Draining, "the gateway is draining"));
        }
        if let Some(refusal) = hanging(&self.context.hanging.all()) {
            return Err(refusal);
        }
        let now = self.context.clock.now();
        let last = *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.since(last) > FRESH) {
            let flight = self.context.ingress.canary();
            let returned = self.context.clock.timeout(PATIENCE, flight).await;
            let returned = returned
                .unwrap_or_else(|| Err(Refusal::new(Code::Unavailable, "the log does not answer")));
            self.context.metrics.flown(match &returned {
                Ok(()) => Flight::Returned,
                Err(_) => Flight::Failed,
            });
            returned?;
            *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        Ok(reply::text("ready\n"))
    }

    /// What the metrics say of the gateway as it is now.
    pub(super) fn health(&self) -> Health {
        let last = *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.unwrap_or_default();
        let [remembered, verified, refused] = self.context.rules().authority.tokens();
        Health {
            hanging: self.context.hanging.all().len(),
            canary: self.context.clock.now().since(since),
            tokens: Tokens {
                remembered,
                verified,
                refused,
            },
        }
    }
}

/// By their numbers, which their threads bear in their names, as the log does.
fn hanging(shards: &[usize]) -> Option<Refusal> {
    let numbers: Vec<_> = shards.iter().map(usize::to_string).collect();
    let message = match shards {
        [] => return None,
        [one] => format!("shard {one} hangs"),
        [..] => format!("shards {} hang", numbers.join(", ")),
    };
    Some(Refusal::new(Code::Unavailable, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_is_named() {
        let said = |shards: &[usize]| hanging(shards).map(|refusal| refusal.message.into_string());
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[1]).unwrap(), "shard 1 hangs");
        assert_eq!(said(&[0, 2, 3]).unwrap(), "shards 0, 2, 3 hang");
    }
}
