//! A value that is replaced as a whole while others use it.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// What holds now. Whoever looks keeps what it saw for as long as it needs it, and nobody waits for anybody.
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// `value` holds first.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    /// What holds now.
    #[must_use]
    pub fn now(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// From now on `value` holds.
    pub fn replace(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}
