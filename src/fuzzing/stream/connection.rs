//! One connection: the engine that the transports run, a wire that a client may leave unread, and the account of both.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::ledger::{Asked, Ledger};
use super::record::{Record, position};
use crate::auth::Access;
use crate::fuzzing::assert_tells_why;
use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::model::position::Position;
use crate::session::{Action, Answer, Input};
use crate::transport::context::{Context, come_back};
use crate::transport::engine::{Engine, Output};
use crate::transport::registry::Posted;
use crate::wire::client::{ClientMessage, Malformed};
use crate::wire::control::Control;

/// A stream that is open, or has ended and is not read to its end.
pub(super) struct Connection {
    context: Arc<Context>,
    engine: Engine,
    ledger: Ledger,
    /// What was written and is not received.
    wire: VecDeque<Told>,
    /// What the client sent and the gateway has not read.
    inbox: VecDeque<Sent>,
    ended: bool,
    /// How a client that cannot send has its messages carried.
    posts: Option<(StreamId, Arc<Access>)>,
    waits: Option<oneshot::Receiver<Answer>>,
    /// The rooms and the size of the event in the message at hand.
    offer: Option<Offer>,
}

/// What a client knows once it has received one thing more.
pub(super) struct Told {
    pub(super) cursor: Option<Position>,
    pub(super) rooms: BTreeSet<usize>,
}

/// An event as a client offers it: its rooms, and the bytes of its payload.
pub(super) type Offer = (Vec<usize>, usize);

/// What a client sends.
#[derive(Clone)]
pub(super) enum Sent {
    /// A message, what it asks for by which name, where it has one, and what it publishes.
    Message(String, Option<(i64, Asked)>, Option<Offer>),
    Ping,
    Pong,
    Binary,
}

impl Connection {
    pub(super) fn new(context: Arc<Context>, engine: Engine, ledger: Ledger) -> Self {
        Self {
            context,
            engine,
            ledger,
            wire: VecDeque::new(),
            inbox: VecDeque::new(),
            ended: false,
            posts: None,
            waits: None,
            offer: None,
        }
    }

    /// The client has its messages carried by requests of their own.
    pub(super) fn register(&mut self, stream: StreamId, access: Arc<Access>) {
        self.engine.register(&access);
        self.posts = Some((stream, access));
    }

    /// The client sends; one that has requests of its own for it sends nothing but messages.
    pub(super) fn send(&mut self, sent: Sent) {
        if self.posts.is_none() || matches!(sent, Sent::Message(..)) {
            self.inbox.push_back(sent);
        }
    }

    /// The next thing that was written.
    pub(super) fn receive(&mut self) -> Option<Told> {
        self.wire.pop_front()
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Lets the gateway do what it can: write while the wire is empty, read what was sent, look at the time.
    pub(super) fn pump(&mut self, record: &mut Record) {
        let mut dues = 0;
        while !self.ended {
            let ready = self.wire.is_empty();
            self.ledger.note(record);
            self.ledger.before_step(record);
            let Some(input) = self.next(ready).or_else(|| self.read(ready, record)) else {
                return;
            };
            dues += u32::from(matches!(input, Input::Due { .. }));
            assert!(dues < 8, "an alarm that rings and rings");
            self.run(input, record);
        }
    }

    /// What the client sent, where the gateway reads on: as the WebSocket driver does, or by a request.
    fn read(&mut self, ready: bool, record: &Record) -> Option<Input> {
        if self.waits.is_some() || self.engine.is_busy() || !(ready || self.posts.is_some()) {
            return None;
        }
        let (text, asked) = match self.inbox.pop_front()? {
            Sent::Ping => return Some(Input::Pinged),
            Sent::Pong => return Some(Input::Ponged),
            Sent::Binary => return Some(Input::Fault(binary())),
            Sent::Message(text, asked, offer) => {
                self.offer = offer;
                (text, asked)
            }
        };
        if let Some((reference, asked)) = asked {
            self.ledger.ask(reference, asked);
            self.ledger.hand_over(reference, record);
        }
        let message = ClientMessage::parse(&text);
        if self.posts.is_none() {
            return Some(Input::Message { message, by: None });
        }
        self.post(message);
        self.next(ready)
    }

    /// What the driver of a stream finds.
    fn next(&mut self, ready: bool) -> Option<Input> {
        if self.context.draining.has_begun() {
            let retry_after = come_back();
            return Some(Input::Drain { retry_after });
        }
        self.engine.next(ready, self.context.clock.now())
    }

    fn post(&mut self, message: Result<ClientMessage, Malformed>) {
        let Some((stream, access)) = &self.posts else {
            return;
        };
        let registry = &self.context.streams;
        let mailbox = registry.find(*stream, &access.principal).unwrap();
        let (reply, answer) = oneshot::channel();
        let by = access.clone();
        assert!(mailbox.post(Posted { message, by, reply }).is_ok());
        self.waits = Some(answer);
    }

    /// Steps the session as a driver does, and judges what it writes.
    pub(super) fn run(&mut self, input: Input, record: &mut Record) {
        let outputs = self.engine.run(input, self.context.now());
        self.note_publish(record);
        self.write(outputs, record);
    }

    /// Whether the message at hand has published its event is seen by the head of the log.
    fn note_publish(&mut self, record: &mut Record) {
        if self.context.bus.head().seq == record.head() {
            return;
        }
        let (rooms, size) = self.offer.take().expect("a message that publishes");
        assert!(self.ledger.who().is_some_and(|who| who.may_publish(&rooms)));
        record.publish(rooms, size, self.context.clock.unix());
        assert_eq!(self.context.bus.head(), position(record.head()));
    }

    /// Carries out the first actions of a session that was admitted.
    pub(super) fn start(&mut self, actions: Vec<Action>, record: &Record) {
        let outputs = self.engine.start(actions, self.context.now());
        self.write(outputs, record);
    }

    fn write(&mut self, outputs: Vec<Output>, record: &Record) {
        self.ledger.note(record);
        if let Some(answer) = self.waits.as_mut().and_then(|wait| wait.try_recv().ok()) {
            self.waits = None;
            self.answer(answer, record);
        }
        for output in outputs {
            assert!(!self.ended, "{output:?} after the end");
            match output {
                Output::Control(control) => {
                    self.ledger.control(&control, record);
                    self.tell(control.cursor());
                }
                Output::Events(events) => {
                    for event in events {
                        self.ledger.events(std::slice::from_ref(&event), record);
                        self.tell(Some(event.event().position));
                    }
                }
                Output::Ping => self.tell(None),
                Output::End { code, reason } => {
                    assert!(!reason.is_empty(), "{code:?}");
                    self.ended = true;
                }
            }
        }
    }

    fn answer(&mut self, answer: Answer, record: &Record) {
        match answer {
            Answer::Done(ack) => self.ledger.control(&Control::Ack(Box::new(ack)), record),
            Answer::Refused(reference, refusal) => {
                assert_tells_why(&refusal);
                self.ledger.refused(reference.as_ref());
            }
        }
        self.tell(None);
    }

    fn tell(&mut self, cursor: Option<Position>) {
        self.wire.push_back(Told {
            cursor,
            rooms: self.ledger.rooms(),
        });
    }

    /// Nothing is under way any more: everything was settled and answered.
    pub(super) fn assert_settled(&self) {
        assert!(self.ended || self.inbox.is_empty() && self.waits.is_none());
        if !self.ended {
            self.ledger.assert_settled();
        }
    }
}

fn binary() -> Refusal {
    Refusal::new(Code::UnsupportedData, "only text messages are spoken here")
}
