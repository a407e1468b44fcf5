//! One poll that waits: it has its connection on loan, and gives it back with its answer.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll as Step, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::ReadBuf;

use crate::bus::Subscription;
use crate::bus::reader::Place;
use crate::bus::wake::Seat;
use crate::lifecycle::tasks::Guest;
use crate::model::code::Code;
use crate::model::decree::{Decree, Move};
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::telemetry::metrics::labels::End;
use crate::transport::context::Context;
use crate::transport::format::Ending;
use crate::transport::long_poll::{CREDIT, Style, Waiting};
use crate::wire::control::Control;

use super::ending::Ended;
use super::form::Form;
use super::prepared::Prepared;
use super::stream::{Round, Turn};
use super::{Borrowed, Io, Schedule};

/// What is kept of what a client sends before it has its answer, in bytes: its next request. Whoever sends more is not
/// heard any more.
const AHEAD: usize = 16 * 1024;

/// A connection that is lent while a poll waits on it.
pub trait Lent: Send {
    /// Its bytes.
    fn io(&mut self) -> &mut dyn Io;

    /// It goes on with its next request, which begins with the bytes `ahead`.
    fn give_back(self: Box<Self>, ahead: &[u8]);

    /// It is not given back any more.
    fn keep(self: Box<Self>) -> Box<dyn Io>;
}

/// A poll that a request was granted, before it has its connection.
pub struct Parked {
    /// What it waits for.
    pub waiting: Box<Waiting>,
    /// How its answer is written.
    pub style: Style,
}

/// A poll on its connection.
pub(super) struct Poll {
    lent: Box<dyn Lent>,
    /// The head of its answer, as far as it is known.
    head: Box<[u8]>,
    style: Style,
    /// Whether no request follows.
    closes: bool,
    state: State,
    seat: Arc<Seat>,
    ahead: Vec<u8>,
    pub(super) schedule: Schedule,
    guest: Guest,
}

enum State {
    Waiting(Box<Waiting>, Subscription),
    /// What the socket has not taken yet; empty where it is only to be flushed.
    Answering(Bytes),
}

impl Poll {
    /// Begins to wait.
    pub(super) fn begin(
        context: &Context,
        seat: Arc<Seat>,
        borrowed: Borrowed,
        guest: Guest,
    ) -> Self {
        let Borrowed {
            lent,
            parked: Parked { mut waiting, style },
            head,
            closes,
        } = borrowed;
        let subscription = waiting.subscribe(context, seat.clone());
        Self {
            lent,
            head,
            style,
            closes,
            state: State::Waiting(waiting, subscription),
            seat,
            ahead: Vec::new(),
            schedule: Schedule::default(),
            guest,
        }
    }

    pub(super) const fn form(&self) -> Form {
        Form::Poll(self.style)
    }

    /// When it wants a turn though nothing happens, at the latest.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Waiting(waiting, _) => {
                let leaves = self.schedule.leaves.into_iter();
                leaves.chain([waiting.until()]).min()
            }
            State::Answering(_) => None,
        }
    }

    /// Where it reads, if a read for it is one for all who are there.
    pub(super) fn place(&self) -> Option<Place> {
        self.reads_like_others()?.place()
    }

    /// Whether it takes what was prepared.
    pub(super) fn takes(&self, prepared: &Prepared) -> bool {
        let reads = self.reads_like_others();
        reads.is_some_and(|subscription| subscription.is_at(&prepared.place))
            && !self.is_moved_by(&prepared.batch.decrees)
    }

    /// Whether a move that was decreed `at` this position concerns it.
    pub(super) fn is_to_move(&self, moved: &Move, at: Position) -> bool {
        match &self.state {
            State::Waiting(waiting, subscription) => {
                subscription.opened() < at.seq && waiting.is_moved_by(moved)
            }
            State::Answering(_) => false,
        }
    }

    /// Whether it has to stop at one of these decrees.
    fn is_moved_by(&self, decrees: &[(u64, Arc<Decree>)]) -> bool {
        let State::Waiting(waiting, _) = &self.state else {
            return false;
        };
        let mut decrees = decrees.iter();
        decrees.any(|(_, decree)| decree.moved().is_some_and(|one| waiting.is_moved_by(one)))
    }

    fn reads_like_others(&self) -> Option<&Subscription> {
        match &self.state {
            State::Waiting(waiting, subscription) if waiting.is_like_others() => Some(subscription),
            State::Waiting(..) | State::Answering(_) => None,
        }
    }

    /// Is answered with what was prepared.
    pub(super) fn take(&mut self, bytes: &Bytes) -> Turn {
        if let State::Waiting(waiting, _) = &mut self.state {
            waiting.ends(End::Answered);
        }
        self.answer(bytes)
    }

    /// Is answered, if there is anything to tell or it has waited long enough.
    pub(super) fn turn(&mut self, context: &Context, round: &mut Round<'_>) -> Turn {
        self.seat.is_served();
        if let State::Answering(_) = self.state {
            return self.write();
        }
        if self.hear(round.scratch).is_err() {
            return Turn::Gone;
        }
        let is_due = self.deadline().is_some_and(|due| round.now.moment >= due);
        let State::Waiting(waiting, subscription) = &mut self.state else {
            return Turn::Waits;
        };
        let live = subscription.cursor().seq;
        let (batch, may_go_on) = loop {
            let mut batch = subscription.read_as(CREDIT, Some(waiting.who()));
            let may_go_on = waiting.heeds(context, &mut batch);
            waiting.keep_own(&mut batch);
            // A read ends at a change of rights, and what comes after it may have rung already.
            if !(may_go_on && batch.is_empty() && batch.more) {
                break (batch, may_go_on);
            }
        };
        if batch.is_empty() && !is_due && may_go_on {
            return Turn::Waits;
        }
        let answering = State::Answering(Bytes::new());
        let State::Waiting(waiting, _) = mem::replace(&mut self.state, answering) else {
            return Turn::Waits;
        };
        let answer = waiting.answer(context, batch, Some(live));
        let is_bye = |control: &Control| matches!(control, Control::Bye { .. });
        let is_told_to_leave = answer.control.iter().any(is_bye) && !self.closes;
        self.closes |= is_told_to_leave;
        let bytes = self.style.answer(&answer, is_told_to_leave, round.now.unix);
        *round.bytes = round.bytes.saturating_sub(bytes.len());
        self.answer(&bytes)
    }

    /// Writes its answer, of which `bytes` are all but the beginning.
    fn answer(&mut self, bytes: &Bytes) -> Turn {
        let (head, waker) = (mem::take(&mut self.head), self.waker());
        let parts = [IoSlice::new(&head), IoSlice::new(bytes)];
        let io = Pin::new(self.lent.io());
        let written = match io.poll_write_vectored(&mut Cx::from_waker(&waker), &parts) {
            Step::Ready(Ok(count)) => count,
            Step::Ready(Err(error)) => return self.failed(&error),
            Step::Pending => 0,
        };
        let rest = match written.checked_sub(head.len()) {
            Some(written) => bytes.slice(written..),
            None => [&head[written..], bytes].concat().into(),
        };
        self.state = State::Answering(rest);
        self.write()
    }

    fn write(&mut self) -> Turn {
        match self.try_write() {
            Ok(false) => Turn::Waits,
            Ok(true) if self.closes => Turn::Ends(Ending::Clean),
            Ok(true) => Turn::Returns,
            Err(error) => self.failed(&error),
        }
    }

    /// Hands over what there is, as far as the socket takes it; says whether that is all.
    fn try_write(&mut self) -> io::Result<bool> {
        let waker = self.waker();
        let (mut cx, io) = (Cx::from_waker(&waker), self.lent.io());
        if let State::Answering(rest) = &mut self.state {
            while !rest.is_empty() {
                match Pin::new(&mut *io).poll_write(&mut cx, rest)? {
                    Step::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Step::Ready(count) => rest.advance(count),
                    Step::Pending => return Ok(false),
                }
            }
        }
        Ok(Pin::new(io).poll_flush(&mut cx)?.is_ready())
    }

    /// Keeps what the client sends before it has its answer.
    fn hear(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let waker = self.waker();
        let mut cx = Cx::from_waker(&waker);
        while self.ahead.len() < AHEAD {
            let mut buf = ReadBuf::new(scratch);
            let read = Pin::new(self.lent.io()).poll_read(&mut cx, &mut buf)?;
            match (read, buf.filled()) {
                (Step::Pending, _) => break,
                (Step::Ready(()), []) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (Step::Ready(()), bytes) => self.ahead.extend_from_slice(bytes),
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: &io::Error) -> Turn {
        if let (State::Waiting(waiting, _), io::ErrorKind::TimedOut) =
            (&mut self.state, error.kind())
        {
            waiting.ends(End::Code(Code::Slow));
        }
        Turn::Gone
    }

    fn waker(&self) -> Waker {
        self.seat.clone().into()
    }

    /// It was answered, and its connection goes on.
    pub(super) fn give_back(self) {
        self.lent.give_back(&self.ahead);
        // Only now: nobody shall take what goes on for something that has ended.
        drop(self.guest);
    }

    /// It was answered, and its connection ends.
    pub(super) fn ended(self, ending: Ending) -> Ended {
        Ended {
            form: Form::Poll(self.style),
            io: self.lent.keep(),
            rest: Bytes::new(),
            ending,
            decoder: None,
            guest: self.guest,
        }
    }
}
