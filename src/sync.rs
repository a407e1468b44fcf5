//! The locks that the log and its waking are built on: the standard library's, or loom's when its models run
//! (`RUSTFLAGS="--cfg gatecast_loom" cargo test --lib models`).

#[cfg(gatecast_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(gatecast_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks, also after a panic elsewhere: everything that these locks protect is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
