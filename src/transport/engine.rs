//! What all transports do alike: find whatever concerns a session except its socket, and carry out its actions except
//! sending.

mod asking;
mod busy;
mod doing;
mod emitting;
mod inquiring;
mod pending;
mod reading;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::auth::Access;
use crate::bus::Subscription;
use crate::bus::rooms::Delivery;
use crate::bus::wake::Seat;
use crate::model::code::Code;
use crate::model::decree::Move;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::session::{Action, Answer, Ask, Input, Now, Session};
use crate::telemetry::metrics::labels::End;
use crate::telemetry::metrics::{Given, Meter};
use crate::wire::control::Control;

use super::audited::{Wish, record};
use super::context::Context;
use super::delivery::{Size, count};
use super::granted::Caller;
use super::registry::Registration;
use busy::{Busy, Held};
use pending::Pending;

/// A session with its place in the log. What a delivery looks at comes first, in one or two lines of memory.
#[repr(C)]
pub(crate) struct Engine {
    subscription: Option<Subscription>,
    /// What its client waits for, before its next message is looked at.
    busy: Option<Box<Held>>,
    /// What it waits for while its next messages are looked at.
    pending: Option<Box<Pending>>,
    session: Session,
    context: Arc<Context>,
    size: Size,
    meter: Meter,
    /// Where it is called from.
    seat: Arc<Seat>,
    /// Who asked for it.
    caller: Box<Caller>,
    registration: Option<Registration>,
    /// Where the answer to the message at hand goes, if not onto the stream.
    reply: Option<oneshot::Sender<Answer>>,
}

/// What is to be sent, in order.
#[derive(Debug)]
pub(crate) enum Output {
    Control(Control),
    Events(Vec<Delivery>),
    Ping,
    End { code: Code, reason: String },
}

impl Engine {
    /// The engine of `session`, whose events go out in this `size` and count by this `meter`.
    pub(crate) fn new(
        context: Arc<Context>,
        session: Session,
        seat: Arc<Seat>,
        size: Size,
        meter: Meter,
        caller: Box<Caller>,
    ) -> Self {
        Self {
            caller,
            context,
            session,
            size,
            meter,
            seat,
            subscription: None,
            registration: None,
            busy: None,
            pending: None,
            reply: None,
        }
    }

    /// Its session.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// Where it is called from.
    pub(super) const fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Whether a move that was decreed `at` this position concerns it: whoever came later was judged by all that stood then.
    pub(super) fn is_to_move(&self, moved: &Move, at: Position) -> bool {
        let access = self.session.access();
        let covers =
            |access: &Arc<Access>| moved.whom.covers(self.session.stream(), &access.principal);
        let opened = self.subscription.as_ref().map(Subscription::opened);
        access.is_some_and(covers) && opened.is_some_and(|opened| opened < at.seq)
    }

    /// Its place in the log, once it reads.
    pub(super) const fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// From now on its events go so.
    pub(super) fn is_carried_by(&mut self, transport: Transport) {
        self.session.is_carried_by(transport);
        self.meter.is_carried_by(transport);
        if let Some(voice) = &mut self.caller.voice {
            voice.is_carried_by(transport);
        }
    }

    /// Whatever called it from where it sits has been looked at.
    pub(super) fn is_served(&self) {
        self.seat.is_served();
    }

    /// What carries it ends for this reason, because of what the client did or did not.
    pub(super) fn is_ended(&mut self, code: Code) {
        self.meter.ends(End::Code(code));
        self.ends(code);
    }

    /// The backend is told why it ends.
    fn ends(&mut self, code: Code) {
        if let Some(voice) = &mut self.caller.voice {
            voice.ends(code);
        }
    }

    /// Who asked for it.
    pub(crate) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// From now on the stream also takes messages that come by other requests.
    pub(crate) fn register(&mut self, access: &Access) {
        let (stream, principal) = (self.session.stream(), access.principal.clone());
        let registration =
            self.context
                .streams
                .register(stream, principal, self.seat.clone().into());
        self.registration = Some(registration);
    }

    /// Whether the client's messages must wait, because the answer to the last one is still due.
    pub(crate) const fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Whether the backend is asked something for it.
    fn is_asking(&self) -> bool {
        self.busy.as_ref().is_some_and(|held| held.busy.is_asking())
    }

    /// How much later than it should it may leave, so that its client hears what the backend says.
    pub(crate) fn patience(&self) -> Duration {
        if self.is_asking() {
            self.context.rules().drain / 4
        } else {
            Duration::ZERO
        }
    }

    /// When it wants a turn though nothing happens, at the latest.
    pub(crate) fn deadline(&self, writable: bool) -> Option<Moment> {
        self.session.deadline(writable)
    }

    /// The next input that is not the socket's; of the log only if the socket is `writable`, and so has room for what
    /// it gives. What comes later calls the seat.
    pub(crate) fn next(&mut self, writable: bool, now: Moment) -> Option<Input> {
        if self.is_asking() {
            self.session.is_not_listened_to(now);
        }
        // A heartbeat would read what is live, and the state that is being told comes before it.
        let busy = self.busy.as_ref().map(|held| &held.busy);
        let has_room = writable && !matches!(busy, Some(Busy::Telling(_)));
        if self.deadline(has_room).is_some_and(|due| now >= due) {
            return Some(Input::Due { writable: has_room });
        }
        if writable && let Some(late) = self.late() {
            return Some(late);
        }
        if let Some(mut held) = self.busy.take() {
            self.reply = held.reply.take();
            return self.go_on(held, writable);
        }
        if let Some(posted) = self.registration.as_ref().and_then(Registration::next) {
            self.reply = Some(posted.reply);
            return Some(Input::Message {
                message: posted.message,
                // What the backend has added to the stream is its own's, by whichever way it speaks.
                by: Some(self.with_added(posted.by)),
            });
        }
        writable.then(|| self.read()).flatten()
    }

    /// Carries out the first actions of a session that was admitted.
    pub(crate) fn start(&mut self, actions: Vec<Action>, now: Now) -> Vec<Output> {
        if let Some(entry) = self.meter.entry() {
            record(entry, &self.session, &actions, None);
        }
        if let Some(voice) = &mut self.caller.voice {
            voice.look(&self.session);
        }
        self.carry_out(actions.into(), now)
    }

    /// Steps the session and carries out what it wants; returns what is to be sent.
    pub(crate) fn run(&mut self, input: Input, now: Now) -> Vec<Output> {
        let mut actions = VecDeque::new();
        self.step(input, now, &mut actions);
        let outputs = self.carry_out(actions, now);
        // What has no answer by now, and waits for none, gets none: that to the next input is not its own.
        self.reply = None;
        outputs
    }

    fn carry_out(&mut self, mut actions: VecDeque<Action>, now: Now) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(control) => {
                    if let Control::Gap(gap) = &control {
                        self.meter.gap(gap.reason);
                    }
                    outputs.push(Output::Control(control));
                }
                Action::Deliver(events) => {
                    let opened = self.subscription.as_ref().map(Subscription::opened);
                    count(&self.meter, &events, self.size, opened, now.moment);
                    outputs.push(Output::Events(events));
                }
                Action::Ping => outputs.push(Output::Ping),
                Action::End { code, reason } => {
                    self.ends(code);
                    self.meter.ends(End::Code(code));
                    outputs.push(Output::End { code, reason });
                }
                Action::Answer(answer) => outputs.extend(self.answer(answer)),
                Action::Ask(ask) => {
                    // What was decreed before it reads is not read, and may have come after its rights were looked at.
                    if let Ask::Open { .. } | Ask::Lift { .. } = ask {
                        actions.push_back(Action::Ask(Ask::Judge));
                    }
                    if let Some(input) = self.ask(ask) {
                        self.step(input, now, &mut actions);
                    }
                }
            }
        }
        outputs
    }

    /// What follows from an action comes before the actions that were already waiting.
    fn step(&mut self, input: Input, now: Now, actions: &mut VecDeque<Action>) {
        let mut new = Vec::new();
        self.note(&input);
        // What was refused to a request of its own is recorded there.
        let wish = Wish::of(&input).filter(|_| self.reply.is_none());
        self.session.step(input, now, &mut new);
        if let Some(voice) = &mut self.caller.voice {
            voice.look(&self.session);
        }
        if let Some(entry) = self.meter.entry() {
            record(entry, &self.session, &new, wish);
        }
        new.into_iter()
            .rev()
            .for_each(|action| actions.push_front(action));
    }

    /// Counts what only the input tells: how far behind a read was, and the past of a room, which goes out among the
    /// control messages or in an answer.
    fn note(&self, input: &Input) {
        if let Input::Batch(batch) = input
            && !batch.events.is_empty()
        {
            self.meter.read(batch.waiting);
        }
        if let Input::Joined {
            joining, in_answer, ..
        } = input
        {
            self.meter.deliver(joining.events.iter().map(|event| Given {
                bytes: event.envelope_len(),
                latency: None,
            }));
            let gaps = joining.gaps.iter().filter(|_| *in_answer);
            gaps.for_each(|gap| self.meter.gap(gap.reason));
        }
    }

    fn answer(&mut self, answer: Answer) -> Option<Output> {
        if let Some(reply) = self.reply.take() {
            // Whoever asked may be gone; what was done stays done.
            let _ = reply.send(answer);
            return None;
        }
        match answer {
            Answer::Done(ack) => ack
                .reference
                .is_some()
                .then_some(Output::Control(Control::Ack(Box::new(ack)))),
            Answer::Refused(reference, refusal) => {
                self.meter.refused(refusal.code);
                self.context.metrics.limited(&refusal);
                Some(Output::Control(Control::error(reference, refusal)))
            }
        }
    }
}
