//! Ending every stream on purpose: one flag that turns once.

use tokio::sync::watch;

/// Turns the flag.
#[derive(Debug)]
pub struct Drain(watch::Sender<bool>);

/// Sees the flag.
#[derive(Clone, Debug)]
pub struct Draining(watch::Receiver<bool>);

impl Drain {
    /// A flag that is down.
    #[must_use]
    pub fn new() -> (Self, Draining) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Draining(receiver))
    }

    /// From now on the gateway is draining.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for Drain {
    /// Who is gone can begin no drain any more: it has begun.
    fn drop(&mut self) {
        self.begin();
    }
}

impl Draining {
    /// Whether the gateway is draining.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the gateway is draining (also when its owner is gone).
    pub async fn begun(&mut self) {
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
