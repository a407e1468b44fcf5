//! All loops that streams live in, for whoever is served by one of them and has to reach the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;

use crate::model::code::{Code, Refusal};
use crate::model::decree::{Decree, Move, Whom};
use crate::model::id::StreamId;
use crate::model::room::Room;

use super::context::Context;
use super::shard::{Farewell, Filter, Seen, Shard};

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

/// Bytes that a page of streams holds, more or less: one with very many rooms makes it a short page.
const PAGE: usize = 256 * 1024;
/// What all but the names of its rooms takes of one.
const PER_STREAM: usize = 300;
/// Quotation marks and a comma.
const PER_ROOM: usize = 3;

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
        answers.ok_or_else(no_answer)
    }

    /// Has the streams of `whom` join `room`, or leave it: each at the same place in the order of all events, and whatever
    /// its client's credential grants. Answers how many there are; one whose client takes nothing applies it when it reads
    /// on, before anything that comes later. Who opens a stream from now on is not concerned.
    ///
    /// # Errors
    /// `forbidden`: the room is one of the gateway's own that nobody is made to join; `timeout`: a shard does not answer,
    /// and its streams apply it when they read on.
    pub async fn move_streams(
        &self,
        whom: Whom,
        room: Room,
        joins: bool,
    ) -> Result<usize, Refusal> {
        if joins {
            may_be_joined(&room)?;
        } else if let Whom::Principal(name) = &whom {
            self.takes_back(name, &room);
        }
        if !joins {
            self.recovery.takes_back(&whom, &room);
        }
        let moved = Move { whom, room, joins };
        let at = self.bus.decree(Decree::Moved(moved.clone()), None).await?;
        let called = self.of_all_shards(|shard| shard.call(moved.clone(), at));
        Ok(called.await?.into_iter().sum())
    }

    /// Ends the streams of `whom`, for good; answers how many.
    ///
    /// # Errors
    /// `timeout`: a shard does not answer.
    pub async fn disconnect_streams(&self, whom: &Whom) -> Result<usize, Refusal> {
        let filter = Filter::of(whom);
        self.recovery.forget(&filter);
        let dismissed =
            self.of_all_shards(|shard| shard.dismiss(filter.clone(), Farewell::Disconnect));
        Ok(dismissed.await?.into_iter().sum())
    }

    /// The streams of `filter` behind `after` in the order of their names: at most so many, and no more than a page holds;
    /// and whether there are more.
    ///
    /// # Errors
    /// `timeout`: a shard does not answer.
    pub async fn list_streams(
        &self,
        filter: Filter,
        after: Option<StreamId>,
        most: usize,
    ) -> Result<(Vec<Seen>, bool), Refusal> {
        // One more than asked for, from each, tells whether there are more.
        let seen = self.of_all_shards(|shard| shard.survey(filter.clone(), after, most + 1));
        let mut seen: Vec<Seen> = seen.await?.into_iter().flatten().collect();
        seen.sort_unstable_by_key(|one| one.stream);
        let mut bytes = 0;
        let fits = |one: &&Seen| {
            let is_first = bytes == 0;
            let rooms = one.rooms.iter().map(|room| room.as_str().len() + PER_ROOM);
            bytes += PER_STREAM + rooms.sum::<usize>();
            is_first || bytes <= PAGE
        };
        let page = seen.iter().take(most).take_while(fits).count();
        let more = seen.len() > page;
        seen.truncate(page);
        Ok((seen, more))
    }

    /// Has each stream read its own room that one of `rooms` is. Who publishes there then is read: a stream that was
    /// never told anything by itself has paid nothing for that.
    ///
    /// # Errors
    /// `unknown_stream`: one of them is not open here; `timeout`: a shard does not answer.
    pub async fn address(&self, rooms: &[Room]) -> Result<(), Refusal> {
        for room in rooms.iter().filter(|room| room.is_of_a_stream()) {
            // Nobody else can read it.
            if self.bus.has_readers(room) {
                continue;
            }
            let is_here = match room.stream() {
                Some(stream) => self.has_stream(stream).await?,
                None => false,
            };
            if !is_here {
                let message = "no stream of this name is open here";
                return Err(Refusal::new(Code::UnknownStream, message).room(room.clone()));
            }
        }
        Ok(())
    }

    /// Whether one of the shards has it: that one answers for all, and without it none may be missing.
    async fn has_stream(&self, stream: StreamId) -> Result<bool, Refusal> {
        let asked = async {
            let shards = self.shards.all();
            let answers = shards.iter().map(|shard| shard.address(stream));
            let mut answers: FuturesUnordered<_> = answers.collect();
            let mut all = true;
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(true) => return Some(true),
                    Ok(false) => {}
                    Err(_) => all = false,
                }
            }
            all.then_some(false)
        };
        let answer = self.clock.timeout(PATIENCE, asked).await.flatten();
        answer.ok_or_else(no_answer)
    }
}

/// Whether anybody can be made to join `room`.
///
/// # Errors
/// `forbidden`: it is one of the gateway's own.
pub(super) fn may_be_joined(room: &Room) -> Result<(), Refusal> {
    if room.is_internal() && room.tells_of().is_none() {
        let message = format!("{room} is a room of the gateway's own: nobody is made to join it");
        return Err(Refusal::new(Code::Forbidden, message).room(room.clone()));
    }
    Ok(())
}

fn no_answer() -> Refusal {
    Refusal::new(Code::Timeout, "a shard does not answer; see /readyz")
}
