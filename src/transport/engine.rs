//! What all transports do alike: find whatever concerns a session except its socket, and carry out its actions except
//! sending.

mod asking;
mod doing;
mod emitting;
mod inquiring;
mod pending;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::bus::reader::{Batch, Credit, Place};
use crate::bus::rooms::Delivery;
use crate::bus::state::Told;
use crate::bus::wake::Seat;
use crate::bus::{Joining, Past, Subscription};
use crate::model::code::{Code, Refusal};
use crate::model::decree::Decree;
use crate::model::event::Event;
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::Moment;
use crate::session::{Action, Answer, Ask, Input, Now, Session};
use crate::telemetry::metrics::labels::End;
use crate::telemetry::metrics::{Given, Meter};
use crate::wire::client::Ref;
use crate::wire::control::Control;

use super::CREDIT;
use super::audited::{Wish, record};
use super::context::Context;
use super::delivery::{Size, count};
use super::granted::Caller;
use super::publishing::{Answered, Later};
use super::registry::Registration;
use emitting::Emitting;
use inquiring::Inquiry;
use pending::Pending;

/// A session with its place in the log. What a delivery looks at comes first, in one or two lines of memory.
#[repr(C)]
pub(crate) struct Engine {
    subscription: Option<Subscription>,
    /// What its client waits for, before its next message is looked at.
    busy: Option<Box<Busy>>,
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

enum Busy {
    /// A credential whose key is being fetched.
    Fetching {
        reference: Option<Ref>,
        credential: Result<Credential, Refusal>,
        fetch: Pin<Box<dyn Future<Output = ()> + Send>>,
    },
    /// A join whose past is longer than one step.
    Joining {
        reference: Option<Ref>,
        room: Room,
        past: Past,
        /// Whether the room was taken away meanwhile.
        is_barred: bool,
    },
    /// The state of some rooms, which is longer than one step: what is live comes behind it.
    Telling(Told),
    /// What the backend is told.
    Emitting(Emitting),
    /// What the backend is asked.
    Inquiring(Inquiry),
    /// A publish whose log answers later.
    Publishing {
        reference: Option<Ref>,
        answer: Pin<Box<dyn Future<Output = Answered> + Send>>,
    },
    /// A deed of a service that has many under way.
    Doing {
        reference: Option<Ref>,
        answer: Later,
    },
}

impl Busy {
    /// Whether it is the backend that it waits for.
    const fn is_asking(&self) -> bool {
        match self {
            Self::Emitting(_) | Self::Inquiring(_) => true,
            Self::Fetching { .. }
            | Self::Joining { .. }
            | Self::Telling(_)
            | Self::Publishing { .. }
            | Self::Doing { .. } => false,
        }
    }
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

    /// Its place in the log, once it reads.
    pub(super) const fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// Whatever called it from where it sits has been looked at.
    pub(super) fn is_served(&self) {
        self.seat.is_served();
    }

    /// The connection was given up, because the client took nothing.
    pub(super) fn was_slow(&mut self) {
        self.meter.ends(End::Code(Code::Slow));
        self.ends(Code::Slow);
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
        self.busy.as_deref().is_some_and(Busy::is_asking)
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
        let has_room = writable && !matches!(self.busy.as_deref(), Some(Busy::Telling(_)));
        if self.deadline(has_room).is_some_and(|due| now >= due) {
            return Some(Input::Due { writable: has_room });
        }
        if writable && let Some(late) = self.late() {
            return Some(late);
        }
        if let Some(busy) = self.busy.take() {
            return self.go_on(busy, writable);
        }
        if let Some(posted) = self.registration.as_ref().and_then(Registration::next) {
            self.reply = Some(posted.reply);
            return Some(Input::Message {
                message: posted.message,
                by: Some(posted.by),
            });
        }
        writable.then(|| self.read()).flatten()
    }

    /// A step of what the client waits for. A join's comes before what is live, because its answer ends it.
    fn go_on(&mut self, mut busy: Box<Busy>, writable: bool) -> Option<Input> {
        match &mut *busy {
            Busy::Inquiring(_) | Busy::Emitting(_) => return self.asked(busy, writable),
            Busy::Joining {
                reference,
                room,
                past,
                is_barred,
            } if writable => {
                // A heartbeat reads between two steps, and may have read that rights have changed.
                if *is_barred || !self.session.may_subscribe(room) {
                    return Some(Input::Barred {
                        reference: reference.take(),
                        room: room.clone(),
                    });
                }
                let joining = self.past_of(room, *past, CREDIT)?;
                return Some(Input::Joined {
                    reference: reference.take(),
                    room: room.clone(),
                    joining,
                    in_answer: false,
                });
            }
            Busy::Joining { .. } => {}
            Busy::Telling(told) if writable => {
                let step = told.step(CREDIT.bytes);
                if !told.is_over() {
                    self.busy = Some(busy);
                }
                return Some(Input::State(step));
            }
            Busy::Telling(_) => {}
            Busy::Fetching {
                reference,
                credential,
                fetch,
            } => {
                let waker = self.seat.clone().into();
                if fetch.as_mut().poll(&mut Cx::from_waker(&waker)).is_ready() {
                    let verdict = self.authenticate(credential.clone());
                    return self.known(reference.take(), verdict);
                }
            }
            Busy::Doing { reference, answer } => {
                let waker = self.seat.clone().into();
                if let Poll::Ready(answer) = answer.as_mut().poll(&mut Cx::from_waker(&waker)) {
                    let reference = reference.take();
                    return Some(Input::Answered { reference, answer });
                }
            }
            Busy::Publishing { reference, answer } => {
                let waker = self.seat.clone().into();
                if let Poll::Ready(answer) = answer.as_mut().poll(&mut Cx::from_waker(&waker)) {
                    return self.published(reference.take(), answer);
                }
            }
        }
        let is_first = matches!(*busy, Busy::Joining { .. } | Busy::Telling(_));
        self.busy = Some(busy);
        (writable && !is_first).then(|| self.read()).flatten()
    }

    /// What the log has for it; and once that is all, the state that its client is owed.
    fn read(&mut self) -> Option<Input> {
        loop {
            let (batch, told) = self.take()?;
            if batch.is_empty() {
                let told = told.filter(|told| !told.is_over());
                return told.map(|told| self.tell(told));
            }
            // What is empty now held only events that are not for its client.
            let batch = self.own(batch);
            if !batch.is_empty() {
                return Some(Input::Batch(batch));
            }
        }
    }

    /// What the log has for it, even if that is nothing.
    fn read_now(&mut self) -> Option<Input> {
        let who = self.session.who();
        let batch = self.subscription.as_mut()?.read_as(CREDIT, who);
        Some(Input::Batch(self.own(batch)))
    }

    fn take(&mut self) -> Option<(Batch, Option<Told>)> {
        let subscription = self.subscription.as_mut()?;
        if !self.session.owes_state() || self.busy.is_some() {
            let batch = subscription.read_as(CREDIT, self.session.who());
            return Some((batch, None));
        }
        // It may have left one of them since.
        let wishes = &mut self.caller.wishes;
        wishes.keep_owed(|room| subscription.has(room));
        self.session.set_owes_state(!wishes.owed().is_empty());
        Some(subscription.read_to_state(CREDIT, self.session.who(), wishes.owed()))
    }

    /// Begins to tell the state that its client is owed.
    fn tell(&mut self, mut told: Told) -> Input {
        self.caller.wishes.keep_owed(|_| false);
        self.session.set_owes_state(false);
        let step = told.step(CREDIT.bytes);
        if !told.is_over() {
            self.busy = Some(Box::new(Busy::Telling(told)));
        }
        Input::State(step)
    }

    /// What of `batch` is for its client.
    pub(super) fn own(&mut self, mut batch: Batch) -> Batch {
        if !batch.gaps.is_empty() {
            self.owe(&batch.gaps);
        }
        let is_for_all = |event: &Delivery| event.event().is_for_all();
        if !batch.events.iter().all(is_for_all) {
            batch
                .events
                .retain(|event| self.is_for_client(event.event()));
        }
        batch
    }

    /// A step of joining `room`, and what of its past is for its client.
    pub(super) fn past_of(&mut self, room: &Room, past: Past, credit: Credit) -> Option<Joining> {
        let who = &self.session.access()?.principal;
        let mut joining = self.subscription.as_mut()?.join(room, past, credit, who);
        joining
            .events
            .retain(|event| self.is_for_client(event.event()));
        Some(joining)
    }

    fn is_for_client(&self, event: &Event) -> bool {
        let access = self.session.access();
        access.is_some_and(|access| self.caller.wishes.lets(event, access.principal.name()))
    }

    /// Something is missing, and its client may be owed the state instead.
    pub(super) fn owe(&mut self, gaps: &[Gap]) {
        self.caller.wishes.owe_lost(gaps);
        let owes = !self.caller.wishes.owed().is_empty();
        self.session.set_owes_state(owes);
    }

    /// Whether it has not read as far as where `event` stands, though that is in a room of its own.
    pub(crate) fn lags_behind(&self, event: &Delivery) -> bool {
        let lags = |subscription: &Subscription| {
            let seq = event.event().position.seq;
            subscription.has(event.room()) && !subscription.has_read(seq)
        };
        self.subscription.as_ref().is_some_and(lags)
    }

    /// What is for those who have nothing else to read, if it is for its client.
    pub(crate) fn takes_flash(&self, flash: &Delivery) -> bool {
        let is_at_the_head = |subscription: &Subscription| {
            subscription.has(flash.room()) && subscription.has_followed(flash.event().position.seq)
        };
        self.reads_on().is_some_and(is_at_the_head) && self.is_for_client(flash.event())
    }

    /// Whether it has to stop at one of these decrees.
    pub(crate) fn is_moved_by(&self, decrees: &[(u64, Arc<Decree>)]) -> bool {
        let mut decrees = decrees.iter();
        decrees.any(|(_, decree)| self.session.is_moved_by(decree))
    }

    /// From now on it reads its own room, if it reads at all. That room is none of its client's: nobody is told of it.
    pub(crate) fn is_addressed(&mut self) -> bool {
        let room = Room::of_stream(self.session.stream());
        let reader = self.subscription.as_mut().zip(self.session.access());
        let joined = reader.map(|(subscription, access)| {
            subscription.join(&room, Start::Now, CREDIT, &access.principal)
        });
        joined.is_some()
    }

    /// Its place in the log, if all it does is to read on from there.
    pub(crate) fn place(&self) -> Option<Place> {
        self.reads_on()?.place()
    }

    /// Whether all it does is to read on from `place`.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        self.reads_on().is_some_and(|own| own.is_at(place))
    }

    fn reads_on(&self) -> Option<&Subscription> {
        let is_free = self.busy.is_none() && self.session.is_live() && !self.session.owes_state();
        let subscription = self.subscription.as_ref().filter(|_| is_free)?;
        // Who still reads its past does so by itself: it counts as a replay, and not as live.
        subscription
            .has_followed(subscription.opened())
            .then_some(subscription)
    }

    /// What was read at its place, up to `cursor`, is given to it too.
    pub(crate) fn follow(&mut self, cursor: Position, now: Moment) {
        self.session.has_written(now);
        if let Some(subscription) = &mut self.subscription {
            subscription.follow(cursor);
        }
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
        self.carry_out(actions, now)
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
                    if let Ask::Open { .. } = ask {
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
