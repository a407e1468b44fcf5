//! What the backend says to who wants a stream: whether it may have one, and with what; whether of these rooms.

use std::sync::Arc;

use crate::auth::{Access, Added};
use crate::hooks::{Consent, Kind, few_at_once};
use crate::model::code::{Code, Refusal};
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::session::admission::{Invited, Wish, may_use, too_many_rooms};
use crate::wire::hook::{About, Connect, Subscribe, Welcome};

use super::agreed::Asked;
use super::context::Context;
use super::emit::too_large;
use super::voice::Line;

/// What a client is told first at most, in bytes of payload: it waits with its stream until the client takes it.
const FIRST: usize = 64 * 1024;

/// What came of it.
pub struct Outcome {
    /// Who was let in by the `connect` hook, whatever came of the rooms: its end is to be told.
    pub let_in: Option<Arc<Access>>,
    /// What it gets.
    pub verdict: Result<Invited, Refusal>,
}

impl Wish {
    /// The rooms that it means, as long as `access` is what it has.
    fn wanted(&self, access: &Access) -> Vec<Room> {
        let own = access.rooms.iter().filter(|_| self.takes_own);
        let own = own.filter(|room| !self.rooms.contains(room));
        self.rooms.iter().chain(own).cloned().collect()
    }

    /// Whether the `connect` hook is asked. A poll that goes on was asked about when it began: nothing is kept of it.
    fn is_news(&self) -> bool {
        self.transport != Transport::LongPoll || !self.resumes
    }
}

impl Context {
    /// Whether the backend is asked anything about who wants a stream.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.hooks.has(Kind::Connect) || self.hooks.has(Kind::Subscribe)
    }

    /// Asks the backend about who wants a stream.
    pub async fn invite(&self, line: &Line, access: Arc<Access>, wish: &Wish) -> Outcome {
        let is_asked = self.hooks.has(Kind::Connect) && wish.is_news();
        match self.connected(line, access, wish).await {
            Ok(mut invited) => {
                let let_in = is_asked.then(|| invited.access.clone());
                let barred = self.barred(line, &invited.access, wish).await;
                let verdict = barred.map(|barred| {
                    invited.barred = barred;
                    invited
                });
                Outcome { let_in, verdict }
            }
            Err(refusal) => Outcome {
                let_in: None,
                verdict: Err(refusal),
            },
        }
    }

    /// Asks the backend about the `rooms` that somebody who is there gets by another credential, with which it has
    /// `access`. It goes on without those to which it says no, and without those about which it says nothing.
    pub async fn reinvite(&self, line: &Line, access: Arc<Access>, rooms: Vec<Room>) -> Invited {
        let about = line.about(&access);
        let answers = rooms.iter().map(|room| self.may_join(line, &about, room));
        let answers = few_at_once(answers.collect()).await;
        let mut invited = Invited::from(access);
        for (room, answer) in rooms.into_iter().zip(answers) {
            match answer {
                Ok(()) => {}
                Err(refusal) if refusal.code == Code::Refused => invited.barred.push(room),
                Err(_) => invited.unasked.push(room),
            }
        }
        invited
    }

    async fn connected(
        &self,
        line: &Line,
        access: Arc<Access>,
        wish: &Wish,
    ) -> Result<Invited, Refusal> {
        may_use(&access, wish.transport)?;
        let mut invited = Invited::from(access);
        if !wish.is_news() || !self.hooks.has(Kind::Connect) {
            return Ok(invited);
        }
        let question = Connect {
            about: line.about(&invited.access),
            rooms: wish.wanted(&invited.access),
            resumes: wish.resumes,
            trace: line.trace,
        };
        let Welcome {
            rooms,
            claims,
            first,
        } = self.hooks.connect(question).await?;
        let told = first.iter().map(|first| first.data.as_bytes().len());
        if told.sum::<usize>() > FIRST {
            return Err(too_large(&format!("`first` has more than {FIRST} bytes")));
        }
        // There is nothing that would keep them for the next poll.
        let is_kept = wish.transport != Transport::LongPoll;
        if is_kept && !(rooms.is_empty() && claims.is_empty()) {
            let added = Added { claims, rooms };
            invited.access = invited.access.with(Arc::new(added));
        }
        invited.first = first;
        Ok(invited)
    }

    /// The rooms that the `subscribe` hook refuses, of those that are granted. All are asked about, few at a time.
    ///
    /// # Errors
    /// The first that is refused, where the client gets all rooms or none, or has none left; `hook_failed`.
    async fn barred(
        &self,
        line: &Line,
        access: &Access,
        wish: &Wish,
    ) -> Result<Vec<Room>, Refusal> {
        if !self.hooks.has(Kind::Subscribe) {
            return Ok(Vec::new());
        }
        let wanted = wish.wanted(access);
        let most = access.role.limits.rooms_per_stream;
        let granted: Vec<_> = wanted
            .into_iter()
            .filter(|room| access.may_subscribe(room))
            .collect();
        if granted.len() > most {
            return Err(too_many_rooms(most));
        }
        // A room that the backend itself has just added is not asked about again.
        let is_open = |room: &&Room| {
            self.hooks.asks_about(room)
                && (wish.rooms.contains(room) || !access.invited().contains(room))
        };
        let about = line.about(access);
        let asked: Vec<_> = granted.iter().filter(is_open).collect();
        let answers = asked.iter().map(|room| self.may_join(line, &about, room));
        let answers = few_at_once(answers.collect()).await;
        let mut barred = Vec::new();
        for (room, answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(()) => {}
                Err(refusal) if refusal.code != Code::Refused || !wish.keeps_rest => {
                    return Err(refusal);
                }
                Err(refusal) if barred.len() + 1 == granted.len() => return Err(refusal),
                Err(_) => barred.push(room.clone()),
            }
        }
        Ok(barred)
    }

    /// Asks the backend whether somebody may join `room`, unless it has just said so.
    ///
    /// # Errors
    /// `refused`, `hook_failed`; both name the room.
    pub async fn may_join(
        &self,
        line: &Line,
        about: &Arc<About>,
        room: &Room,
    ) -> Result<(), Refusal> {
        let asked = Asked::of(about, room);
        if self.agreed.has(asked, self.clock.now()) {
            return Ok(());
        }
        let question = Subscribe {
            about: about.clone(),
            room: room.clone(),
            trace: line.trace,
        };
        if self.hooks.subscribe(question).await? == Consent::Given {
            self.agreed.note(asked, self.clock.now());
        }
        Ok(())
    }
}
