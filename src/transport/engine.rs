//! What all drivers do alike: wait for whatever concerns a session except its socket, and carry out its
//! actions except sending.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::bus::rooms::Delivery;
use crate::bus::{Opened, Past, Subscription};
use crate::model::code::Code;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::Moment;
use crate::session::{Action, Answer, Ask, Input, Session};
use crate::telemetry::metrics::labels::End;
use crate::telemetry::metrics::{Given, Meter};
use crate::wire::client::Ref;
use crate::wire::control::Control;

use super::alarm::Alarm;
use super::context::{Context, come_back};
use super::delivery::{Size, count};
use super::registry::{Posted, Registration};
use super::turn::Turn;
use super::{ANSWER, CREDIT};

/// A session with its place in the log and its timer.
pub(crate) struct Engine {
    context: Arc<Context>,
    session: Session,
    size: Size,
    meter: Meter,
    subscription: Option<Subscription>,
    /// What was visible when reading began.
    opened: Option<Position>,
    /// The last step's.
    now: Moment,
    /// A join whose past is longer than one step.
    joining: Option<Join>,
    registration: Option<Registration>,
    /// Where the answer to the message at hand goes, if not onto the stream.
    reply: Option<oneshot::Sender<Answer>>,
    alarm: Alarm,
    turn: Turn,
}

struct Join {
    reference: Option<Ref>,
    room: Room,
    past: Past,
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
    pub(crate) fn new(context: Arc<Context>, session: Session, size: Size, meter: Meter) -> Self {
        Self {
            alarm: Alarm::new(context.clock.clone()),
            turn: Turn::new(&context),
            opened: None,
            now: Moment::default(),
            context,
            session,
            size,
            meter,
            subscription: None,
            joining: None,
            registration: None,
            reply: None,
        }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The connection was given up, because the client took nothing.
    pub(super) const fn was_slow(&mut self) {
        self.meter.ends(End::Code(Code::Slow));
    }

    /// From now on the stream also takes messages that come by other requests.
    pub(crate) fn register(&mut self, access: &Access) {
        let stream = self.session.stream().clone();
        self.registration = Some(
            self.context
                .streams
                .register(stream, access.principal.clone()),
        );
    }

    /// Whether the client's messages must wait, because the answer to the last one is still due.
    pub(crate) const fn is_busy(&self) -> bool {
        self.joining.is_some()
    }

    /// The next input that is not the socket's; of the log only if there is `room` for what it gives. Dropping
    /// the future loses nothing.
    pub(crate) async fn next(&mut self, room: bool) -> Input {
        self.alarm.set(self.session.deadline(room));
        let busy = self.is_busy();
        let posted = tokio::select! {
            biased;
            () = self.turn.come() => return Input::Drain { retry_after: come_back() },
            () = self.alarm.rung() => return Input::Due { writable: room },
            posted = next_posted(&mut self.registration), if !busy => posted,
            input = next_from_log(&mut self.subscription, &mut self.joining), if room => return input,
        };
        self.reply = Some(posted.reply);
        Input::Message {
            message: posted.message,
            by: Some(posted.by),
        }
    }

    /// Carries out the first actions of a session that was admitted.
    pub(crate) async fn start(&mut self, actions: Vec<Action>) -> Vec<Output> {
        self.carry_out(actions.into()).await
    }

    /// Steps the session and carries out what it wants; returns what is to be sent.
    pub(crate) async fn run(&mut self, input: Input) -> Vec<Output> {
        let mut actions = VecDeque::new();
        self.step(input, &mut actions);
        self.carry_out(actions).await
    }

    async fn carry_out(&mut self, mut actions: VecDeque<Action>) -> Vec<Output> {
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
                    count(&self.meter, &events, self.size, self.opened, self.now);
                    outputs.push(Output::Events(events));
                }
                Action::Ping => outputs.push(Output::Ping),
                Action::End { code, reason } => {
                    self.meter.ends(End::Code(code));
                    outputs.push(Output::End { code, reason });
                }
                Action::Answer(answer) => outputs.extend(self.answer(answer)),
                Action::Ask(ask) => {
                    if let Some(input) = self.ask(ask).await {
                        self.step(input, &mut actions);
                    }
                }
            }
        }
        outputs
    }

    /// What follows from an action comes before the actions that were already waiting.
    fn step(&mut self, input: Input, actions: &mut VecDeque<Action>) {
        let (mut new, now) = (Vec::new(), self.context.now());
        self.now = now.moment;
        self.note(&input);
        self.session.step(input, now, &mut new);
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

    /// Asks what the session cannot know. A join is only noted: its steps are taken as the socket has room.
    async fn ask(&mut self, ask: Ask) -> Option<Input> {
        match ask {
            Ask::Authenticate(reference, token) => {
                let (authority, unix) = (&self.context.authority, self.context.clock.unix());
                let verdict = Credential::from_token(token.expose())
                    .and_then(|credential| authority.identify(&credential, unix));
                Some(Input::Authenticated(reference, verdict))
            }
            Ask::Open { rooms, start } => Some(self.open(rooms, start)),
            Ask::Lift { join, leave } => self.lift(&join, &leave),
            Ask::Publish {
                reference,
                access,
                offer,
            } => {
                let answer = self.context.publish(&access, offer).await;
                Some(Input::Published { reference, answer })
            }
            Ask::Join {
                reference,
                room,
                past,
            } if self.reply.is_some() => {
                let joining = self.subscription.as_mut()?.join(&room, past, ANSWER);
                Some(Input::Joined {
                    reference,
                    room,
                    joining,
                    in_answer: true,
                })
            }
            Ask::Join {
                reference,
                room,
                past,
            } => {
                self.joining = Some(Join {
                    reference,
                    room,
                    past,
                });
                None
            }
            Ask::Leave { reference, room } => {
                self.subscription.as_mut()?.leave(&room);
                Some(Input::Left { reference, room })
            }
            Ask::Read => Some(Input::Batch(self.subscription.as_mut()?.read(CREDIT))),
        }
    }

    fn open(&mut self, rooms: Vec<Room>, start: Start) -> Input {
        let Opened {
            subscription,
            gaps,
            cursor,
            recovered,
            visible,
        } = self.context.bus.subscribe(rooms, start);
        self.subscription = Some(subscription);
        self.opened = Some(visible);
        Input::Opened {
            cursor,
            gaps,
            recovered,
        }
    }

    fn lift(&mut self, join: &[Room], leave: &[Room]) -> Option<Input> {
        let subscription = self.subscription.as_mut()?;
        leave.iter().for_each(|room| _ = subscription.leave(room));
        join.iter()
            .for_each(|room| _ = subscription.join(room, Start::Now, CREDIT));
        let cursor = Some(subscription.cursor());
        Some(Input::Opened {
            cursor,
            gaps: Vec::new(),
            recovered: None,
        })
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
                .then_some(Output::Control(Control::Ack(ack))),
            Answer::Refused(reference, refusal) => {
                self.meter.refused(refusal.code);
                Some(Output::Control(Control::error(reference, refusal)))
            }
        }
    }
}

async fn next_posted(registration: &mut Option<Registration>) -> Posted {
    match registration {
        Some(registration) => registration.next().await,
        None => std::future::pending().await,
    }
}

/// A step of the join at hand comes before what is live, because its answer ends it.
async fn next_from_log(
    subscription: &mut Option<Subscription>,
    joining: &mut Option<Join>,
) -> Input {
    let Some(subscription) = subscription else {
        return std::future::pending().await;
    };
    if let Some(Join {
        reference,
        room,
        past,
    }) = joining.take()
    {
        let joining = subscription.join(&room, past, CREDIT);
        return Input::Joined {
            reference,
            room,
            joining,
            in_answer: false,
        };
    }
    Input::Batch(subscription.next_batch(CREDIT).await)
}
