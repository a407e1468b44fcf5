//! What the process tells whoever started it (sd_notify(3)); nothing where that does not listen.

use sd_notify::NotifyState;

/// It serves.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// It has begun to stop.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    // Not a reason to stop: whoever waits for it says so itself.
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the supervisor cannot be told");
    }
}
