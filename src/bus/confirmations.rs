//! Publishers that wait until their event was confirmed, and what was confirmed meanwhile.
//!
//! An event is entered here under the lock that makes it visible, so that no confirmation can be too early for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::code::{Code, Refusal};
use crate::model::event::{Awaited, Of};
use crate::model::id::{Principal, StreamId};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};
use crate::sync::{Mutex, lock};
use crate::wire::confirmed::{Confirmation, Confirmed};

/// Publishes that may wait at the same time.
const WAITING: usize = 1000;
/// What is kept back for others from a principal that waits for as many itself: nobody's alarms crowd out another's, and
/// one busy backend may still have nearly all.
const RESERVE: usize = WAITING / 10;
/// Events that are kept for a publisher which may ask again, because it did not get its answer.
const KEPT: usize = 1000;
/// Confirmations of one event that are kept, besides those that its publisher has named.
const CONFIRMED: usize = 1000;

/// Events whose confirmations are waited for.
#[derive(Debug, Default)]
pub struct Confirmations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: HashMap<Position, Entry>,
    waiting: usize,
    /// How many of them are a principal's.
    of_one: HashMap<Principal, usize>,
}

#[derive(Debug)]
struct Entry {
    rooms: Vec<Room>,
    of: Of,
    confirmed: Vec<Confirmation>,
    waiting: usize,
    /// Until when it is kept though nobody waits: its publisher may ask again.
    kept: Option<Moment>,
    changed: Arc<Notify>,
}

/// Whose confirmation it is.
#[derive(Clone, Copy, Debug)]
pub struct Confirmer<'a> {
    /// The principal, by the name that it is shown by.
    pub principal: &'a str,
    /// Its stream, if it has one.
    pub stream: Option<StreamId>,
}

/// A publisher that waits. Once this is dropped nobody does.
#[derive(Debug)]
pub struct Wait {
    all: Arc<Confirmations>,
    principal: Option<Principal>,
    event: Option<(Position, Arc<Notify>)>,
}

impl Confirmations {
    /// A place for a publisher that is going to wait; nothing is kept back from the program itself, which is no principal.
    ///
    /// # Errors
    /// `overloaded`: as many wait as may.
    pub fn wait(self: &Arc<Self>, principal: Option<&Principal>) -> Result<Wait, Refusal> {
        let mut state = lock(&self.0);
        let most = state.most_for(principal);
        if state.waiting >= most {
            let message = format!("{} publishes wait for confirmations already", state.waiting);
            let refusal = Refusal::new(Code::Overloaded, message).limit("ack");
            return Err(refusal.retry_after(Duration::from_secs(1)));
        }
        state.waiting += 1;
        if let Some(principal) = principal {
            *state.of_one.entry(principal.clone()).or_default() += 1;
        }
        Ok(Wait {
            all: self.clone(),
            principal: principal.cloned(),
            event: None,
        })
    }

    /// `by` confirms the event `id`, if it may read one of its rooms. To confirm twice is to confirm once.
    ///
    /// # Errors
    /// `not_found`: nobody waits for it; also where somebody does, and that is none of the client's business.
    pub fn confirm(
        &self,
        id: Position,
        by: Confirmer<'_>,
        may_read: impl Fn(&Room) -> bool,
        now: (Moment, UnixMillis),
    ) -> Result<(), Refusal> {
        let mut state = lock(&self.0);
        let entry = state.events.get_mut(&id).filter(|entry| {
            let is_awaited = entry.waiting > 0 || entry.kept.is_some_and(|until| now.0 < until);
            is_awaited && entry.rooms.iter().any(may_read)
        });
        let entry = entry.ok_or_else(|| {
            let message = "nobody waits for a confirmation of this event";
            Refusal::new(Code::NotFound, message)
        })?;
        entry.confirm(by, now.1);
        Ok(())
    }

    /// Forgets what is kept no longer.
    pub fn expire(&self, now: Moment) {
        let mut state = lock(&self.0);
        let is_due = |entry: &Entry| entry.kept.is_none_or(|until| until <= now);
        state
            .events
            .retain(|_, entry| entry.waiting > 0 || !is_due(entry));
    }
}

impl State {
    /// How many may wait in all where `principal` is one of them.
    fn most_for(&self, principal: Option<&Principal>) -> usize {
        let of_one = principal.and_then(|principal| self.of_one.get(principal));
        match of_one {
            Some(&of_one) if of_one >= RESERVE => WAITING - RESERVE,
            _ => WAITING,
        }
    }

    /// One that waited for `principal` is gone.
    fn leave(&mut self, principal: Option<&Principal>) {
        self.waiting -= 1;
        let Some(principal) = principal else {
            return;
        };
        if let Some(count) = self.of_one.get_mut(principal) {
            *count -= 1;
            if *count == 0 {
                self.of_one.remove(principal);
            }
        }
    }
}

impl Entry {
    fn confirm(&mut self, by: Confirmer<'_>, ts: UnixMillis) {
        let mut confirmed = self.confirmed.iter();
        let is_named = || matches!(&self.of, Of::Names(names) if names.iter().any(|one| **one == *by.principal));
        let is_new = confirmed.all(|one| one.principal != by.principal);
        if is_new && (self.confirmed.len() < CONFIRMED || is_named()) {
            self.confirmed.push(Confirmation {
                principal: by.principal.to_owned(),
                stream: by.stream.map(|stream| stream.to_string()),
                ts,
            });
            self.changed.notify_waiters();
        }
    }

    fn is_complete(&self) -> bool {
        match &self.of {
            Of::Count(count) => self.confirmed.len() >= *count,
            Of::Names(names) => names.iter().all(|name| {
                let mut confirmed = self.confirmed.iter();
                confirmed.any(|one| one.principal == **name)
            }),
        }
    }
}

impl Wait {
    /// It is the event at `position` that is waited for. To be called under the lock of the log. Where it `may_come_again`
    /// what is confirmed is kept until then, though nobody waits.
    pub fn begin(
        &mut self,
        position: Position,
        rooms: &[Room],
        awaited: &Awaited,
        may_come_again: Option<Moment>,
    ) {
        let mut state = lock(&self.all.0);
        let entry = state.events.entry(position).or_insert_with(|| Entry {
            rooms: rooms.to_vec(),
            of: awaited.of.clone(),
            confirmed: Vec::new(),
            waiting: 0,
            kept: None,
            changed: Arc::default(),
        });
        entry.waiting += 1;
        entry.kept = entry.kept.max(may_come_again);
        self.event = Some((position, entry.changed.clone()));
    }

    /// Returns once all have confirmed that are waited for.
    pub async fn complete(&self) {
        let Some((_, changed)) = &self.event else {
            return;
        };
        loop {
            // Before it is looked at: a change from now on is heard.
            let changed = changed.notified();
            if self.confirmed().complete {
                return;
            }
            changed.await;
        }
    }

    /// Who has confirmed it.
    #[must_use]
    pub fn confirmed(&self) -> Confirmed {
        let state = lock(&self.all.0);
        let event = self.event.as_ref();
        let entry = event.and_then(|(position, _)| state.events.get(position));
        let told = entry.map(|entry| Confirmed {
            confirmed: entry.confirmed.clone(),
            complete: entry.is_complete(),
        });
        told.unwrap_or_default()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = lock(&self.all.0);
        state.leave(self.principal.as_ref());
        let Some((position, _)) = &self.event else {
            return;
        };
        let kept = state.events.len().saturating_sub(state.waiting);
        if let Some(entry) = state.events.get_mut(position) {
            entry.waiting -= 1;
            if entry.waiting == 0 && (entry.kept.is_none() || kept > KEPT) {
                state.events.remove(position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::position::Epoch;
    use futures_util::FutureExt as _;

    fn id(seq: u64) -> Position {
        let epoch = Epoch::from_random(1);
        Position { epoch, seq }
    }

    fn room() -> Room {
        Room::of_stream(StreamId::from_random(1))
    }

    fn awaited(of: Of) -> Awaited {
        let timeout = Duration::from_secs(5);
        Awaited { timeout, of }
    }

    fn at(second: u64) -> (Moment, UnixMillis) {
        let moment = Moment::from_origin(Duration::from_secs(second));
        (moment, UnixMillis(second * 1000))
    }

    fn confirm(all: &Confirmations, seq: u64, principal: &str, second: u64) -> Result<(), Code> {
        let stream = None;
        let by = Confirmer { principal, stream };
        all.confirm(id(seq), by, |_| true, at(second))
            .map_err(|refusal| refusal.code)
    }

    fn waits(all: &Arc<Confirmations>, seq: u64, of: Of, again: Option<u64>) -> Wait {
        let mut wait = all.wait(None).unwrap();
        wait.begin(
            id(seq),
            &[room()],
            &awaited(of),
            again.map(|second| at(second).0),
        );
        wait
    }

    fn names(wait: &Wait) -> Vec<String> {
        let confirmed = wait.confirmed().confirmed.into_iter();
        confirmed.map(|one| one.principal).collect()
    }

    #[test]
    fn an_event_is_complete_when_so_many_have_confirmed_it_each_once() {
        let all = Arc::default();
        let wait = waits(&all, 7, Of::Count(2), None);
        assert!(confirm(&all, 7, "ann", 1).is_ok() && confirm(&all, 7, "ann", 2).is_ok());
        assert!(wait.complete().now_or_never().is_none());
        assert!(confirm(&all, 7, "bob", 3).is_ok());
        assert!(wait.complete().now_or_never().is_some());
        assert_eq!(
            (names(&wait), wait.confirmed().complete),
            (vec!["ann".into(), "bob".into()], true)
        );
    }

    #[test]
    fn an_event_is_complete_when_all_have_confirmed_it_that_are_named() {
        let all = Arc::default();
        let wait = waits(&all, 7, Of::Names(vec!["ann".into(), "bob".into()]), None);
        for other in ["eve", "bob", "kim"] {
            confirm(&all, 7, other, 1).unwrap();
            assert!(!wait.confirmed().complete);
        }
        confirm(&all, 7, "ann", 1).unwrap();
        assert!(wait.confirmed().complete);
    }

    #[tokio::test]
    async fn a_confirmation_that_comes_while_it_is_waited_for_ends_the_wait() {
        let all = Arc::default();
        let wait = waits(&all, 7, Of::Count(1), None);
        let confirmed = async { confirm(&all, 7, "ann", 1).unwrap() };
        tokio::join!(wait.complete(), confirmed);
    }

    #[test]
    fn nobody_learns_of_an_event_that_it_may_not_read_nor_of_one_that_nobody_waits_for() {
        let all = Arc::default();
        let wait = waits(&all, 7, Of::Count(1), None);
        let by = Confirmer {
            principal: "eve",
            stream: None,
        };
        let refused = all.confirm(id(7), by, |_| false, at(1)).unwrap_err();
        assert_eq!(
            refused,
            all.confirm(id(8), by, |_| true, at(1)).unwrap_err()
        );
        assert!(names(&wait).is_empty());
        drop(wait);
        assert_eq!(confirm(&all, 7, "ann", 1), Err(Code::NotFound));
        assert!(lock(&all.0).events.is_empty());
    }

    #[test]
    fn a_publisher_that_comes_again_in_time_finds_what_was_confirmed_meanwhile() {
        let all = Arc::default();
        drop(waits(&all, 7, Of::Count(2), Some(5)));
        confirm(&all, 7, "ann", 4).unwrap();
        let wait = waits(&all, 7, Of::Count(2), Some(9));
        confirm(&all, 7, "bob", 6).unwrap();
        assert!(wait.confirmed().complete);
        drop(wait);
        all.expire(at(8).0);
        assert!(confirm(&all, 7, "eve", 8).is_ok());
        assert_eq!(confirm(&all, 7, "eve", 9), Err(Code::NotFound));
        all.expire(at(9).0);
        assert!(lock(&all.0).events.is_empty());
    }

    #[test]
    fn one_principal_cannot_take_the_places_of_all() {
        let all = Arc::<Confirmations>::default();
        let one = Principal::ApiKey("one".into());
        let mut waiting = Vec::new();
        while let Ok(wait) = all.wait(Some(&one)) {
            waiting.push(wait);
        }
        assert_eq!(waiting.len(), WAITING - RESERVE);
        let others = (0..RESERVE).map(|number| {
            let other = Principal::ApiKey(number.to_string().into());
            all.wait(Some(&other)).unwrap()
        });
        waiting.extend(others);
        assert!(all.wait(None).is_err());
        waiting.clear();
        assert!(lock(&all.0).of_one.is_empty());
        assert!(all.wait(Some(&one)).is_ok());
    }

    #[test]
    fn who_waits_and_what_is_kept_are_bounded() {
        let all = Arc::<Confirmations>::default();
        let waits_for = |seq| waits(&all, seq, Of::Count(1), Some(5));
        let mut waiting: Vec<_> = (0..WAITING as u64).map(waits_for).collect();
        let refusal = all.wait(None).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.limit),
            (Code::Overloaded, Some("ack"))
        );
        waiting.clear();
        let more: Vec<_> = (2000..2010).map(waits_for).collect();
        drop(more);
        assert_eq!(lock(&all.0).events.len(), KEPT);
        let wait = waits(&all, 5000, Of::Names(vec!["last".into()]), None);
        for number in 0..CONFIRMED + 5 {
            confirm(&all, 5000, &number.to_string(), 1).unwrap();
        }
        assert_eq!(names(&wait).len(), CONFIRMED);
        confirm(&all, 5000, "last", 1).unwrap();
        assert!(wait.confirmed().complete);
    }
}
