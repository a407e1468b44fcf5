//! The only `spawn`: every task has a name and an owner that can wait for it, name it, and end it.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

use super::worker::Worker;
use crate::model::transport::Transport;

/// The tasks of one gateway.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    running: Mutex<Running>,
    ended: Notify,
}

#[derive(Default)]
struct Running {
    next: u64,
    tasks: HashMap<u64, (&'static str, Option<AbortHandle>)>,
    guests: BTreeMap<&'static str, usize>,
}

impl Running {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.guests.is_empty()
    }
}

/// Something under way that is no task of its own: it is waited for and named like one, until this is dropped.
pub struct Guest {
    tasks: Tasks,
    /// What it is named by. A name itself would be twice as large, and each stream has one.
    transport: Transport,
}

impl Tasks {
    /// Starts `future` under `name`.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(&Handle::current(), name, future);
    }

    /// Starts `future` under `name` on the thread of `worker`.
    pub fn spawn_at(
        &self,
        worker: &Worker,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn_on(worker.handle(), name, future);
    }

    /// Starts `future` under `name` on this runtime, whichever this is called from.
    pub fn spawn_on(
        &self,
        runtime: &Handle,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let guard = self.enlist(name);
        let key = guard.key;
        let handle = runtime.spawn(async move {
            let _guard = guard;
            future.await;
        });
        if let Some(task) = self.running().tasks.get_mut(&key) {
            task.1 = Some(handle.abort_handle());
        }
    }

    /// What `future` gives on this runtime, whichever waits for it; nothing if it panicked, or was ended. It ends with
    /// whoever waits.
    pub async fn ask<T: Send + 'static>(
        &self,
        runtime: &Handle,
        name: &'static str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (mut sender, receiver) = oneshot::channel();
        self.spawn_on(runtime, name, async move {
            let answer = tokio::select! {
                answer = future => answer,
                () = sender.closed() => return,
            };
            // Who has gone in this moment needs it no more.
            _ = sender.send(answer);
        });
        receiver.await.ok()
    }

    /// Does `work` on a thread where it holds up nobody's turn; nothing if it panicked. It is not cut off: it must be
    /// short, and end by itself.
    #[allow(clippy::disallowed_methods, reason = "this is where tasks come from")]
    pub async fn compute<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let guard = self.enlist(name);
        let done = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            work()
        });
        done.await.ok()
    }

    /// A stream of this `transport` in a task that serves many.
    #[must_use]
    pub fn guest(&self, transport: Transport) -> Guest {
        let mut running = self.running();
        *running.guests.entry(transport.as_str()).or_default() += 1;
        drop(running);
        Guest {
            tasks: self.clone(),
            transport,
        }
    }

    /// Puts a task on the list, until the guard is dropped.
    fn enlist(&self, name: &'static str) -> Guard {
        let mut running = self.running();
        running.next += 1;
        let key = running.next;
        running.tasks.insert(key, (name, None));
        Guard {
            tasks: self.clone(),
            key,
        }
    }

    /// Waits until no task is left.
    pub async fn ended(&self) {
        loop {
            let ended = self.0.ended.notified();
            if self.running().is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Ends the tasks that are left, and says how many of each name that were; a guest ends with its host.
    pub fn abort(&self) -> Vec<(&'static str, usize)> {
        let mut late: HashMap<&'static str, usize> = HashMap::new();
        let running = self.running();
        for (name, count) in &running.guests {
            *late.entry(name).or_default() += count;
        }
        for (name, handle) in running.tasks.values() {
            *late.entry(name).or_default() += 1;
            if let Some(handle) = handle {
                handle.abort();
            }
        }
        drop(running);
        let mut late: Vec<_> = late.into_iter().collect();
        late.sort_unstable();
        late
    }

    /// Tells whoever waits for the end, if it is there.
    fn tell(&self, running: &Running) {
        if running.is_empty() {
            self.0.ended.notify_waiters();
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// hyper starts one task for each request of an HTTP/2 connection, and for each connection of our own client.
impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.spawn("request", future);
    }
}

/// Takes its task off the list, however that ended.
struct Guard {
    tasks: Tasks,
    key: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut running = self.tasks.running();
        running.tasks.remove(&self.key);
        self.tasks.tell(&running);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut running = self.tasks.running();
        let name = self.transport.as_str();
        if let Some(count) = running.guests.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                running.guests.remove(name);
            }
        }
        self.tasks.tell(&running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_on_the_list_until_it_is_done() {
        let tasks = Tasks::default();
        let of_work = tasks.clone();
        let listed = tasks.compute("sum", move || of_work.running().tasks.len());
        assert_eq!(listed.await, Some(1));
        tasks.ended().await;
    }

    #[tokio::test]
    async fn an_answer_comes_from_another_runtime_and_whoever_does_not_wait_ends_it() {
        let elsewhere = Worker::start("elsewhere".into(), std::future::pending()).unwrap();
        let tasks = Tasks::default();
        let name = async { std::thread::current().name().map(str::to_owned) };
        let asked = tasks.ask(elsewhere.handle(), "ask", name).await;
        assert_eq!(asked.flatten().as_deref(), Some("elsewhere"));
        tasks.ended().await;
        {
            let pending = std::future::pending::<()>();
            let mut asking = Box::pin(tasks.ask(elsewhere.handle(), "ask", pending));
            assert!(futures_util::poll!(asking.as_mut()).is_pending());
            assert_eq!(tasks.running().tasks.len(), 1);
        }
        tasks.ended().await;
    }

    #[tokio::test]
    async fn who_is_late_is_named_and_ended() {
        let tasks = Tasks::default();
        tasks.spawn("quick", async {});
        tasks.spawn("stuck", std::future::pending());
        tasks.spawn("stuck", std::future::pending());
        while tasks.running().tasks.len() > 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tasks.abort(), [("stuck", 2)]);
        tasks.ended().await;
        assert_eq!(tasks.abort(), []);
    }

    #[tokio::test]
    async fn a_guest_is_waited_for_and_named_as_long_as_it_stays() {
        let tasks = Tasks::default();
        let guests = (tasks.guest(Transport::Sse), tasks.guest(Transport::Sse));
        drop(guests.0);
        assert_eq!(tasks.abort(), [("sse", 1)]);
        drop(guests.1);
        tasks.ended().await;
        assert_eq!(tasks.abort(), []);
    }
}
