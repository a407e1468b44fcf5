//! Threads of our own: each runs one thing, and the tasks that are given to it.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::oneshot;

/// Tasks that have their turns before `main` and the sockets have theirs again. A TLS handshake takes up to a
/// millisecond: a herd of them delays nobody for longer than so many.
const TASKS: u32 = 16;

/// A thread with a runtime. Dropping it ends all that runs there, without waiting.
pub struct Worker {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    /// Starts a thread under `name` that runs `main`, until that ends or this is dropped.
    ///
    /// # Errors
    /// The system has no thread left, or no event queue.
    pub fn start(
        name: String,
        main: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        Self::local(name, || main)
    }

    /// The same for what is made on the thread, and so may hold what no other thread may see.
    ///
    /// # Errors
    /// The system has no thread left, or no event queue.
    #[allow(clippy::disallowed_methods, reason = "this is where threads come from")]
    pub fn local<F: Future<Output = ()>>(
        name: String,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .event_interval(TASKS)
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name(name).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = make() => {}
                }
            });
            // What blocks there is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    /// What is opened while this is held wakes its thread, and no other.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Where tasks for it are given.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
