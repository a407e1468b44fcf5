//! L3, sans-I/O: what a client may do, when it is idle, late or must leave.
//!
//! A [`Session`] is stepped with [`Input`]s and answers with [`Action`]s. It knows no socket, no bus and no
//! clock: what needs the outside (a token verified, a room joined, an event published) is an action whose answer
//! is a later input. Each transport only carries out actions and encodes what is to be sent.

mod action;
pub mod admission;
mod aside;
mod deadlines;
pub mod deed;
pub mod emits;
pub mod first;
mod input;
mod messages;
mod moved;
mod moves;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use action::{Action, Answer, Ask, Step};
pub use input::{Input, Now};
pub use settings::Settings;

use crate::auth::Access;
use crate::bus::moves::Who;
use crate::bus::reader::Batch;
use crate::limit::bucket::Bucket;
use crate::model::code::{Advice, Code, Refusal};
use crate::model::decree::{Decree, Revocation, revoked};
use crate::model::gap::Gap;
use crate::model::id::{Principal, StreamId};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::wire::client::Ref;
use crate::wire::control::{Control, Welcome, millis};
use admission::{Admitted, Invited, Opening, Rooms, Wish, admit_invited, readmit};
use aside::Aside;

/// How much longer somebody may take to say who it is while the backend is asked about it, from each look at it.
const WHILE_ASKING: Duration = Duration::from_secs(1);

/// One client's stream.
#[derive(Debug)]
pub struct Session {
    stream: StreamId,
    transport: Transport,
    settings: Arc<Settings>,
    state: State,
    messages: Bucket,
    /// What is left of our patience with messages beyond the rate.
    patience: Bucket,
    last_write: Moment,
    last_heard: Moment,
    last_ping: Moment,
    /// Whether a Ping is to be answered.
    asked: bool,
    /// Whether the client is still to be told the state of some rooms.
    owes_state: bool,
}

#[derive(Debug)]
enum State {
    /// A WebSocket whose client has not yet said who it is.
    Waiting { opening: Opening, until: Moment },
    /// Admitted; the bus is asked for its place in the log, or has given it.
    Live(Live),
    /// Told to leave: nothing more is read or written.
    Ended,
}

#[derive(Debug)]
struct Live {
    access: Arc<Access>,
    /// When the credential ends.
    expires: Option<Moment>,
    /// Whether the client was told that this is soon.
    noticed: bool,
    /// The rooms joined.
    rooms: Vec<Room>,
    /// Whether the client named its rooms, rather than took its role's.
    named: bool,
    aside: Aside,
}

impl Session {
    /// A stream of a client that was admitted. Its first action asks for its place in the log.
    pub fn admitted(
        stream: StreamId,
        settings: Arc<Settings>,
        access: Arc<Access>,
        opening: &Opening,
        admitted: Admitted,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Self {
        let mut session = Self::new(stream, settings, opening.transport, State::Ended, now);
        session.go_live(access, opening, admitted, now, out);
        session
    }

    /// A WebSocket that must say who it is with its first message.
    #[must_use]
    pub fn waiting(stream: StreamId, settings: Arc<Settings>, opening: Opening, now: Now) -> Self {
        let (transport, until) = (opening.transport, now.moment + settings.auth);
        Self::new(
            stream,
            settings,
            transport,
            State::Waiting { opening, until },
            now,
        )
    }

    fn new(
        stream: StreamId,
        settings: Arc<Settings>,
        transport: Transport,
        state: State,
        now: Now,
    ) -> Self {
        let (last_write, last_heard) = (now.moment, now.moment);
        Self {
            stream,
            transport,
            settings,
            state,
            messages: Bucket::default(),
            patience: Bucket::default(),
            last_write,
            last_heard,
            last_ping: now.moment,
            asked: false,
            owes_state: false,
        }
    }

    /// Whether the client is still to be told the state of some rooms: it does not just read on like others.
    #[must_use]
    pub const fn owes_state(&self) -> bool {
        self.owes_state
    }

    /// From now on the client is owed the state of some rooms, or of none.
    pub const fn set_owes_state(&mut self, owes: bool) {
        self.owes_state = owes;
    }

    /// The stream's name.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        self.stream
    }

    /// How its events go.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// The rooms that are joined.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        match &self.state {
            State::Live(live) => &live.rooms,
            State::Waiting { .. } | State::Ended => &[],
        }
    }

    /// Who the client is, once it has said so.
    #[must_use]
    pub const fn access(&self) -> Option<&Arc<Access>> {
        match &self.state {
            State::Live(live) => Some(&live.access),
            State::Waiting { .. } | State::Ended => None,
        }
    }

    /// Whether the client may have what is published to `room`: its credential says so, or the stream was granted it.
    #[must_use]
    pub fn may_subscribe(&self, room: &Room) -> bool {
        match &self.state {
            State::Live(live) => live.may_subscribe(room),
            State::Waiting { .. } | State::Ended => false,
        }
    }

    /// From now on the stream may have `room`, whatever its credential grants.
    pub fn grant(&mut self, room: &Room) {
        if let State::Live(live) = &mut self.state {
            live.aside.grant(room);
        }
    }

    /// From now on its credential alone says whether the stream may have `room`.
    pub fn revoke(&mut self, room: &Room) {
        if let State::Live(live) = &mut self.state {
            live.aside.revoke(room);
        }
    }

    /// Who the client has said it is.
    fn principal(&self) -> Option<&Principal> {
        let principal = &self.access()?.principal;
        (*principal != Principal::Anonymous).then_some(principal)
    }

    /// Whether the client is one that reads events.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.state, State::Live(_))
    }

    /// The client is not listened to until it is answered: it is not silent, and has said in time who it is.
    pub fn is_not_listened_to(&mut self, now: Moment) {
        self.last_heard = now;
        if let State::Waiting { until, .. } = &mut self.state {
            *until = (*until).max(now + WHILE_ASKING);
        }
    }

    /// What it would have once it has a name, where it has none yet.
    #[must_use]
    pub fn wish(&self) -> Option<Wish> {
        let transport = self.transport;
        match &self.state {
            State::Waiting { opening, .. } => Some(opening.into()),
            State::Live(live) if live.access.principal == Principal::Anonymous => Some(Wish {
                transport,
                rooms: live.rooms.clone(),
                takes_own: !live.named,
                resumes: false,
                keeps_rest: true,
            }),
            State::Live(_) | State::Ended => None,
        }
    }

    /// Something was written to the client, other than by an action of this session: no heartbeat is due for a while.
    pub const fn has_written(&mut self, now: Moment) {
        self.last_write = now;
    }

    /// Takes one input, and adds what is to be done to `out`, in order.
    pub fn step(&mut self, input: Input, now: Now, out: &mut Vec<Action>) {
        if matches!(self.state, State::Ended) {
            return;
        }
        match input {
            Input::Heard => self.last_heard = now.moment,
            Input::Ponged if std::mem::take(&mut self.asked) => self.last_heard = now.moment,
            // One that nobody asked for costs what a Ping does.
            Input::Ponged | Input::Pinged => self.pinged(now, out),
            Input::Message { message, by } => self.message(message, by, now, out),
            Input::Authenticated(reference, verdict) => {
                self.authenticated(reference, verdict.map(Invited::from), now, out);
            }
            Input::Invited(reference, invited) => {
                self.authenticated(reference, Ok(*invited), now, out);
            }
            Input::Judged(verdict) => self.judged(verdict, now, out),
            Input::Extended(url) => self.notify(url, now, out),
            Input::Opened {
                cursor,
                gaps,
                recovered,
            } => self.opened(cursor, gaps, recovered, now, out),
            Input::Batch(batch) => self.batch(batch, now, out),
            Input::State(step) => {
                self.last_write = now.moment;
                out.extend(step.into_iter().map(Action::Send));
            }
            Input::Told {
                reference,
                answer,
                ends,
            } => self.told(reference, answer, ends, out),
            Input::Published { reference, answer } => {
                out.push(Action::Answer(answer.with_reference(reference)));
            }
            Input::Answered { reference, answer } => {
                out.push(Action::Answer(answer.with_reference(reference)));
            }
            Input::Joined {
                reference,
                room,
                joining,
                in_answer,
            } => {
                self.joined(reference, room, joining, in_answer, out);
            }
            Input::Moved { room, joins } => self.has_to(room, joins, out),
            Input::Barred { reference, room } => {
                out.push(Action::Answer(Answer::Refused(
                    reference,
                    admission::forbidden(&room),
                )));
            }
            Input::Left { reference, room } => self.left(reference, room, out),
            Input::Due { writable } => self.due(writable, now, out),
            Input::Drain { retry_after } => self.drain(retry_after, out),
            Input::Fault(refusal) => self.end(None, refusal, out),
        }
    }

    /// Ends the stream: the refusal first, then the end that its row of the table says.
    fn end(&mut self, reference: Option<Ref>, refusal: Refusal, out: &mut Vec<Action>) {
        let code = refusal.code;
        let reason = refusal.message.to_string();
        out.push(Action::Answer(Answer::Refused(reference, refusal)));
        self.leave(code, reason, out);
    }

    fn leave(&mut self, code: Code, reason: String, out: &mut Vec<Action>) {
        self.state = State::Ended;
        out.push(Action::End { code, reason });
    }

    fn go_live(
        &mut self,
        access: Arc<Access>,
        opening: &Opening,
        admitted: Admitted,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let Admitted {
            rooms,
            start,
            gaps,
            extra,
            first,
        } = admitted;
        let expires = access.expires_at.map(|at| now.moment + at.since(now.unix));
        let named = !opening.rooms.is_empty();
        out.push(Action::Ask(Ask::Open {
            rooms: rooms.clone(),
            start,
        }));
        self.state = State::Live(Live {
            access,
            expires,
            noticed: false,
            rooms,
            named,
            aside: Aside::new(extra, gaps).with_first(first),
        });
    }

    fn authenticated(
        &mut self,
        reference: Option<Ref>,
        verdict: Result<Invited, Refusal>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let verdict = match self.principal() {
            Some(own) => verdict.and_then(|invited| of_the_same(own, invited)),
            None => verdict,
        };
        let invited = match verdict {
            Ok(invited) => invited,
            // What it has lasts as long as it did: it may try another one until then.
            Err(refusal) if self.principal().is_some() => {
                return out.push(Action::Answer(Answer::Refused(reference, refusal)));
            }
            // A credential that failed is never less than a credential: nobody stays on as anonymous.
            Err(refusal) => return self.end(reference, refusal, out),
        };
        let admitted = match std::mem::replace(&mut self.state, State::Ended) {
            State::Waiting { opening, .. } => {
                let access = invited.access.clone();
                admit_invited(invited, &opening)
                    .map(|admitted| self.go_live(access, &opening, admitted, now, out))
            }
            State::Live(live) => self.lift(live, invited, now, out),
            State::Ended => return,
        };
        match admitted {
            Ok(()) => out.push(Action::Answer(Answer::done(reference))),
            Err(refusal) => self.end(reference, refusal, out),
        }
    }

    /// Who may what has changed. Whoever keeps all that it has hears nothing of it.
    fn judged(&mut self, verdict: Result<Arc<Access>, Refusal>, now: Now, out: &mut Vec<Action>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let access = match verdict {
            Ok(access) => access,
            Err(refusal) => return self.end(None, refusal, out),
        };
        if live.keeps_all_with(&access, self.transport) {
            live.access = access;
            return;
        }
        if let State::Live(live) = std::mem::replace(&mut self.state, State::Ended)
            && let Err(refusal) = self.lift(live, access.into(), now, out)
        {
            self.end(None, refusal, out);
        }
    }

    /// An anonymous client has said who it is, or a client has renewed its credential: it keeps its place and the rooms
    /// that it may keep, and gets its role's rooms if it named none.
    fn lift(
        &mut self,
        live: Live,
        invited: Invited,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Live {
            access: before,
            rooms: held,
            named,
            aside,
            ..
        } = live;
        let Invited {
            access,
            barred,
            first,
        } = invited;
        let own = access.rooms.iter().filter(|_| !named);
        let more = own.chain(added(&access, &before));
        let more = more.filter(|room| !held.contains(room));
        let wanted: Vec<_> = held.iter().chain(more).cloned().collect();
        let aside_of_grants = (aside.extra(), &*barred);
        let Rooms { granted, refused } =
            readmit(&access, self.transport, &wanted, aside_of_grants)?;
        let join = granted
            .iter()
            .filter(|room| !held.contains(room))
            .cloned()
            .collect();
        let leave = refused
            .iter()
            .filter(|room| held.contains(room))
            .cloned()
            .collect();
        let gaps = refused.into_iter().map(Gap::unauthorized).collect();
        let expires = access.expires_at.map(|at| now.moment + at.since(now.unix));
        self.state = State::Live(Live {
            access,
            expires,
            noticed: false,
            rooms: granted,
            named,
            aside: aside.with_gaps(gaps).with_first(first),
        });
        out.push(Action::Ask(Ask::Lift { join, leave }));
        Ok(())
    }

    fn opened(
        &mut self,
        cursor: Option<Position>,
        gaps: Vec<Gap>,
        recovered: Option<bool>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let first = live.aside.take_first();
        let unauthorized = live.aside.take_gaps();
        out.push(Action::Send(Control::Welcome(Welcome {
            stream: self.stream.to_string(),
            cursor,
            rooms: live.rooms.clone(),
            principal: live.access.principal.name().to_owned(),
            role: live.access.role.name.to_string(),
            heartbeat_ms: millis(self.settings.heartbeat),
            expires_in_ms: live.access.expires_at.map(|at| millis(at.since(now.unix))),
            recovered: recovered.map(|whole| whole && unauthorized.is_empty()),
            ts: now.unix,
        })));
        if !first.is_empty() {
            let stream = self.stream.to_string();
            let first = first::deliveries(first, Some(&stream), cursor, now);
            out.push(Action::Deliver(first));
        }
        out.extend(
            unauthorized
                .into_iter()
                .chain(gaps)
                .map(|gap| Action::Send(Control::Gap(gap))),
        );
        self.last_write = now.moment;
    }

    /// Gaps first, then events. A batch of neither is the answer to a heartbeat's read: its cursor moved by
    /// reading, not by taking silence for completeness.
    fn batch(&mut self, batch: Batch, now: Now, out: &mut Vec<Action>) {
        let Batch {
            gaps,
            mut events,
            decrees,
            cursor,
            fallen,
            ..
        } = batch;
        if let Some(room) = fallen {
            return self.end(None, admission::fallen(room), out);
        }
        let end = decrees
            .iter()
            .find(|(_, decree)| self.is_revoked_by(decree))
            .map(|(seq, _)| *seq);
        if let Some(end) = end {
            events.retain(|event| event.event().position.seq < end);
        }
        let is_due = now.moment >= self.last_write + self.settings.heartbeat;
        let is_silent = gaps.is_empty() && events.is_empty();
        if !is_silent || decrees.is_empty() || is_due {
            self.last_write = now.moment;
            // Whoever is ended is not told how far it would have come: what it was not given lies before that.
            if is_silent && end.is_none() {
                let ts = now.unix;
                out.push(Action::Send(Control::Heartbeat { cursor, ts }));
            }
        }
        out.extend(gaps.into_iter().map(|gap| Action::Send(Control::Gap(gap))));
        if !events.is_empty() {
            out.push(Action::Deliver(events));
        }
        if end.is_some() {
            self.end(None, revoked(), out);
        } else if let Some((_, decree)) = decrees.last() {
            self.heed(decree, out);
        }
    }

    /// Whether this stream is one that `decree` ends.
    fn is_revoked_by(&self, decree: &Decree) -> bool {
        match decree {
            Decree::Revoked(Revocation::Stream(stream)) => *stream == self.stream,
            Decree::Revoked(revocation) => self
                .access()
                .is_some_and(|access| revocation.covers(access.bearer())),
            Decree::Rights | Decree::Moved(_) | Decree::Forgotten => false,
        }
    }

    /// Who reads here, for the log.
    #[must_use]
    pub fn who(&self) -> Option<Who<'_>> {
        self.access().map(|access| Who {
            stream: Some(self.stream),
            principal: access.principal.name(),
        })
    }

    /// Whether this stream is one that `decree` moves.
    #[must_use]
    pub fn is_moved_by(&self, decree: &Decree) -> bool {
        let moved = decree.moved().zip(self.access());
        moved.is_some_and(|(moved, access)| moved.whom.covers(self.stream, &access.principal))
    }

    fn drain(&mut self, retry_after: Duration, out: &mut Vec<Action>) {
        out.push(Action::Send(Control::bye(
            Code::Draining,
            Some(retry_after),
        )));
        self.leave(Code::Draining, "draining".into(), out);
    }
}

impl Live {
    /// Whether the client may have what is published to `room`.
    fn may_subscribe(&self, room: &Room) -> bool {
        self.access.may_subscribe(room) || self.aside.grants(room)
    }

    /// Whether a client with `access` may go on as it is, and gets nothing more.
    fn keeps_all_with(&self, access: &Access, transport: Transport) -> bool {
        let expires = self.access.expires_at == access.expires_at;
        let own = access.rooms.iter().filter(|_| !self.named);
        let mut more = own.chain(added(access, &self.access));
        let gets_more = more.any(|room| !self.rooms.contains(room));
        expires
            && !gets_more
            && self.access.role.name == access.role.name
            && access.may_use(transport)
            && self.rooms.len() <= access.role.limits.rooms_per_stream
            && self
                .rooms
                .iter()
                .all(|room| access.may_subscribe(room) || self.aside.grants(room))
    }
}

/// The rooms that a backend has added to what was before.
fn added<'a>(access: &'a Access, before: &'a Access) -> impl Iterator<Item = &'a Room> {
    let added = access.invited().iter();
    added.filter(|room| !before.invited().contains(room))
}

/// A stream is its principal's for good: what it was told, and its name, are nobody else's.
fn of_the_same(own: &Principal, invited: Invited) -> Result<Invited, Refusal> {
    if invited.access.principal == *own {
        Ok(invited)
    } else {
        let message = "this credential is somebody else's: open a stream with it";
        Err(Refusal::new(Code::Forbidden, message))
    }
}

/// Whether a stream that ends so ends abruptly, after its last whole frame, so that its client comes back.
#[must_use]
pub fn ends_abruptly(code: Code) -> bool {
    code.row().advice == Advice::ComeBack
}
