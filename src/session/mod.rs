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
mod identity;
mod input;
mod messages;
mod moved;
mod moves;
mod reading;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use action::{Action, Answer, Ask, Step};
pub use input::{Input, Now};
pub use settings::Settings;

use crate::auth::Access;
use crate::limit::bucket::Bucket;
use crate::model::code::{Advice, Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::id::{Principal, StreamId};
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::wire::client::Ref;
use crate::wire::control::Control;
use admission::{Admitted, Invited, Opening, Wish};
use aside::Aside;

/// How much longer somebody may take to say who it is while the backend is asked about it, from each look at it.
const WHILE_ASKING: Duration = Duration::from_secs(1);

/// One client's stream.
#[derive(Debug)]
pub struct Session {
    stream: StreamId,
    transport: Transport,
    dialect: Dialect,
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
        let mut session = Self::new(stream, settings, opening, State::Ended, now);
        session.go_live(access, opening, admitted, now, out);
        session
    }

    /// A WebSocket that must say who it is with its first message.
    #[must_use]
    pub fn waiting(stream: StreamId, settings: Arc<Settings>, opening: Opening, now: Now) -> Self {
        let until = now.moment + settings.auth;
        let mut session = Self::new(stream, settings, &opening, State::Ended, now);
        session.state = State::Waiting { opening, until };
        session
    }

    fn new(
        stream: StreamId,
        settings: Arc<Settings>,
        opening: &Opening,
        state: State,
        now: Now,
    ) -> Self {
        let (last_write, last_heard) = (now.moment, now.moment);
        Self {
            stream,
            transport: opening.transport,
            dialect: opening.dialect,
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

    /// In which language.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// From now on its events go so.
    pub const fn is_carried_by(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// The rooms that are joined.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        match &self.state {
            State::Live(live) => &live.rooms,
            State::Waiting { .. } | State::Ended => &[],
        }
    }

    /// Those of them that are granted to the stream itself.
    #[must_use]
    pub fn extra(&self) -> &[Room] {
        match &self.state {
            State::Live(live) => live.aside.extra(),
            State::Waiting { .. } | State::Ended => &[],
        }
    }

    /// Whether its rooms are its own, rather than its role's.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.named)
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
                dialect: self.dialect,
                rooms: live.rooms.clone(),
                takes_own: !live.named,
                resumes: false,
                keeps_rest: true,
                says: None,
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
            Input::Uncounted(message) => self.answer_to(message.reference, message.want, out),
            Input::Authenticated(reference, verdict) => {
                self.authenticated(reference, verdict.map(Invited::from), now, out);
            }
            Input::Invited(reference, invited) => {
                self.authenticated(reference, Ok(*invited), now, out);
            }
            Input::Judged(verdict, unasked) => self.judged(verdict, unasked, now, out),
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
        let named = opening.is_named();
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
}

/// Whether a stream that ends so ends abruptly, after its last whole frame, so that its client comes back.
#[must_use]
pub fn ends_abruptly(code: Code) -> bool {
    code.row().advice == Advice::ComeBack
}
