//! What the bus does by the clock, though nobody asks.

use std::time::Duration;

use crate::lifecycle::clock::Clock;
use crate::model::time::Moment;
use crate::sync::lock;

use super::memory::{Bus, Shared};

/// How often rooms that nobody touches are looked at for their age.
const EXPIRY_EVERY: Duration = Duration::from_secs(1);

impl Bus {
    /// Ends windows, drops retained values, and lets leave who is away when their time has come, for ever. Before the first
    /// publish it need not have begun.
    pub async fn keep_time(self) {
        let shared = self.shared();
        loop {
            let due = shared.arm();
            tokio::select! {
                () = shared.alarm.rung() => {}
                () = sleep_until(&shared.clock, due) => {}
            }
            let (now, ts) = (shared.clock.now(), shared.clock.unix());
            while shared.step(|log| log.turn(now, ts)) {
                tokio::task::yield_now().await;
            }
            while shared.expire_presence() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Looks after the age of rooms that nobody reads or writes, for ever.
    pub async fn look_after_ages(self) {
        let shared = self.shared();
        loop {
            shared.clock.sleep(EXPIRY_EVERY).await;
            while lock(&shared.log).expire(shared.clock.now()) {
                tokio::task::yield_now().await;
            }
            let unix = shared.clock.unix();
            shared.revocations.expire(unix);
            shared.confirmations.expire(shared.clock.now());
            lock(&shared.log).expire_decrees(unix);
        }
    }
}

impl Shared {
    /// When there is something to do next; whatever is due earlier rings from now on.
    fn arm(&self) -> Option<Moment> {
        let log = lock(&self.log).arm();
        log.into_iter().chain(self.presence.arm()).min()
    }
}

/// For ever, where there is nothing to wait for.
async fn sleep_until(clock: &Clock, due: Option<Moment>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}
