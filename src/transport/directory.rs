//! All loops that streams live in, for whoever is served by one of them and has to reach the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::model::code::{Code, Refusal};

use super::context::Context;
use super::shard::Shard;

/// How long a shard may take to answer. It answers in its next round; one that hangs does not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// The loops. Each holds the context that this is a part of, and is not held here.
#[derive(Default)]
pub struct Directory(Mutex<Vec<Weak<Shard>>>);

impl Directory {
    /// From now on `shard` is one of them.
    pub(super) fn enter(&self, shard: &Arc<Shard>) {
        self.shards().push(Arc::downgrade(shard));
    }

    /// Those that there are.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Shard>> {
        self.shards().iter().filter_map(Weak::upgrade).collect()
    }

    fn shards(&self) -> MutexGuard<'_, Vec<Weak<Shard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// What each shard answers to what it is asked.
    ///
    /// # Errors
    /// `timeout`: one of them does not answer.
    pub async fn of_all_shards<T>(
        &self,
        ask: impl Fn(&Shard) -> oneshot::Receiver<T>,
    ) -> Result<Vec<T>, Refusal> {
        let asked = join_all(self.shards.all().iter().map(|shard| ask(shard)));
        let answers = self.clock.timeout(PATIENCE, asked).await;
        let answers: Option<Vec<T>> =
            answers.and_then(|all| all.into_iter().collect::<Result<_, _>>().ok());
        answers.ok_or_else(|| {
            let message = "a shard does not answer; see /readyz";
            Refusal::new(Code::Timeout, message)
        })
    }
}
