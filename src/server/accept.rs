//! Accepting connections, as many as there is room for.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::service::Service;
use crate::telemetry::metrics::Open;
use crate::transport::context::Context;

use super::settings::Timeouts;

/// What the listeners of one gateway share.
pub(super) struct Acceptor {
    pub(super) service: Service,
    pub(super) context: Arc<Context>,
    pub(super) timeouts: Timeouts,
    pub(super) slots: Slots,
}

/// Connections beyond the limit that are still accepted, only to be told so. Beyond these the kernel's queue
/// holds them: delay costs us nothing, and refuses nobody who can wait.
const SURPLUS: usize = 64;
/// How long to leave a listener alone that cannot accept, for want of file descriptors mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// The room that is left.
pub(super) struct Slots {
    regular: Arc<Semaphore>,
    surplus: Arc<Semaphore>,
}

/// A connection's place among those allowed, and in the count of them.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Open,
}

impl Slots {
    pub(super) fn new(connections: usize) -> Self {
        let regular = connections.min(Semaphore::MAX_PERMITS);
        Self {
            regular: Arc::new(Semaphore::new(regular)),
            surplus: Arc::new(Semaphore::new(SURPLUS)),
        }
    }

    /// A place for one more connection, and whether it is one too many.
    async fn take(&self) -> Option<(OwnedSemaphorePermit, bool)> {
        if let Ok(permit) = self.regular.clone().try_acquire_owned() {
            return Some((permit, false));
        }
        tokio::select! {
            biased;
            permit = self.surplus.clone().acquire_owned() => Some((permit.ok()?, true)),
            permit = self.regular.clone().acquire_owned() => Some((permit.ok()?, false)),
        }
    }
}

impl Acceptor {
    /// Accepts until the gateway drains.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut draining = self.context.draining.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = draining.begun() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some((permit, surplus)) = self.slots.take().await else {
                        return;
                    };
                    let place = Place {
                        _permit: permit,
                        _counted: self.context.metrics.connect(),
                    };
                    let serve = self.clone().serve(stream, peer, place, surplus);
                    self.context.tasks.spawn("connection", serve);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    self.context.clock.sleep(PAUSE).await;
                }
            }
        }
    }
}
