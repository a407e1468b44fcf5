//! What the backend says to who wants a stream: whether it may have one, and with what; whether of these rooms.

use std::sync::Arc;

use crate::auth::{Access, Added};
use crate::hooks::{Consent, Kind, few_at_once};
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::session::Answer;
use crate::session::admission::{Invited, Wish, may_use, too_many_rooms};
use crate::wire::hook::{About, Connect, Subscribe, Welcome};

use super::agreed::Asked;
use super::context::Context;
use super::directory::may_be_joined;
use super::emit::too_large;
use super::voice::{Entrance, Line};

/// What a client is told first at most, in bytes of payload: it waits with its stream until the client takes it.
const FIRST: usize = 64 * 1024;

impl Wish {
    /// The rooms that it means, as long as `access` is what it has.
    fn wanted(&self, access: &Access) -> Vec<Room> {
        let own = access.rooms.iter().filter(|_| self.takes_own);
        let own = own.filter(|room| !self.rooms.contains(room));
        self.rooms.iter().chain(own).cloned().collect()
    }

    /// Whether it is a poll, of which nothing is kept: not a stream whose session is polled.
    fn is_poll(&self) -> bool {
        self.transport == Transport::LongPoll && self.dialect == Dialect::Native
    }

    /// Whether the backend is to be asked in any case, and has it told something first. Of a poll that goes on a yes that
    /// is not old is enough.
    fn begins(&self) -> bool {
        !self.is_poll() || !self.resumes
    }
}

impl Context {
    /// Whether the backend is asked anything about who wants a stream.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.hooks.has(Kind::Connect) || self.hooks.has(Kind::Subscribe)
    }

    /// Asks the backend about who wants a stream. Where `connect` says yes, that stands at the `entrance` at once.
    ///
    /// # Errors
    /// `refused`, `hook_failed`; what it is refused anyway.
    pub async fn invite(
        &self,
        line: &Line,
        access: Arc<Access>,
        wish: &Wish,
        entrance: &Entrance,
    ) -> Result<Invited, Refusal> {
        let mut invited = self.connected(line, access, wish, entrance).await?;
        invited.barred = self.barred(line, &invited.access, wish).await?;
        Ok(invited)
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
        entrance: &Entrance,
    ) -> Result<Invited, Refusal> {
        may_use(&access, wish.transport)?;
        let mut invited = Invited::from(access);
        if !self.hooks.has(Kind::Connect) {
            return Ok(invited);
        }
        let about = line.about(&invited.access);
        let wanted = wish.wanted(&invited.access);
        let asked = wish.is_poll().then(|| Asked::to_connect(&about, &wanted));
        let known = asked.filter(|_| !wish.begins());
        if known.is_some_and(|asked| self.agreed.has(asked, self.clock.now())) {
            return Ok(invited);
        }
        let turn = self.agreed.turn();
        let question = Connect {
            about,
            rooms: wanted,
            resumes: wish.resumes,
            says: wish.says.clone(),
            trace: line.trace,
        };
        let (welcome, consent) = self.hooks.connect(question).await?;
        let Welcome {
            rooms,
            claims,
            first,
        } = welcome;
        if !wish.is_poll() {
            entrance.admits(invited.access.clone());
        }
        let told = first.iter().map(|first| first.data.as_bytes().len());
        if told.sum::<usize>() > FIRST {
            return Err(too_large(&format!("`first` has more than {FIRST} bytes")));
        }
        if let Some(asked) = asked.filter(|_| consent == Consent::Given) {
            self.agreed.note(asked, turn, self.clock.now());
        }
        // There is nothing that would keep them for the next poll.
        let adds = !rooms.is_empty() || !claims.is_empty();
        if adds && !wish.is_poll() {
            let added = Added { claims, rooms };
            invited.access = invited.access.with(Arc::new(added));
            entrance.admits(invited.access.clone());
            can_have_added(&invited.access)?;
        }
        if wish.begins() {
            invited.first = first;
        }
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
            self.asks_about(room) && (wish.rooms.contains(room) || !access.invited().contains(room))
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

    /// Whether the `subscribe` hook is asked about `room`. A companion is as open as the room that it tells of.
    #[must_use]
    pub fn asks_about(&self, room: &Room) -> bool {
        self.hooks.asks_about(&subject(room))
    }

    /// From now on the backend is asked anew whether whoever is called so may join `room`: it has just had it leave.
    pub fn takes_back(&self, principal: &str, room: &Room) {
        self.agreed.take_back(principal, &subject(room));
    }

    /// Asks the backend whether somebody may join `room`, or look into it, unless it has just said so.
    ///
    /// # Errors
    /// `refused`, `hook_failed`; both name the room.
    pub async fn may_join(
        &self,
        line: &Line,
        about: &Arc<About>,
        room: &Room,
    ) -> Result<(), Refusal> {
        let subject = subject(room);
        let asked = Asked::of(about, &subject);
        if self.agreed.has(asked, self.clock.now()) {
            return Ok(());
        }
        let turn = self.agreed.turn();
        let question = Subscribe {
            about: about.clone(),
            room: subject,
            trace: line.trace,
        };
        let answer = self.hooks.subscribe(question).await;
        let consent = answer.map_err(|refusal| refusal.room(room.clone()))?;
        if consent == Consent::Given {
            self.agreed.note(asked, turn, self.clock.now());
        }
        Ok(())
    }

    /// Who is in `room`, for a client that the backend is asked about first.
    pub async fn seen(&self, line: &Line, access: &Arc<Access>, room: Room) -> Answer {
        let asked = async {
            if access.may_see(&room) && self.asks_about(&room) {
                self.may_join(line, &line.about(access), &room).await?;
            }
            self.judge_in_time(access)
        };
        match asked.await {
            Ok(access) => self.presence(&access, room),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }
}

/// What the backend is asked about where `room` is wanted.
fn subject(room: &Room) -> Room {
    let seen = room.tells_of().and_then(|name| Room::parse(name).ok());
    seen.unwrap_or_else(|| room.clone())
}

/// Whether the rooms that the backend has added to it can be had. Else it would be refused for good what is no mistake of
/// its client's, or read what is the gateway's own.
fn can_have_added(access: &Access) -> Result<(), Refusal> {
    let can = |room: &&Room| may_be_joined(room).is_ok() && access.may_subscribe(room);
    let Some(room) = access.invited().iter().find(|room| !can(room)) else {
        return Ok(());
    };
    tracing::warn!(%room, "what `connect` answers has a room that nobody can be made to join");
    let message = "the backend lets into a room that nobody can be let into";
    let detail = format!("hook connect: `rooms` has {room}");
    Err(Refusal::new(Code::HookFailed, message).operator(detail))
}
