//! One poll that waits: it has its connection on loan, and gives it back with its answer.

use std::io;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use crate::bus::Subscription;
use crate::bus::reader::Place;
use crate::bus::wake::Seat;
use crate::lifecycle::tasks::Guest;
use crate::model::code::Code;
use crate::model::decree::{Decree, Move};
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::telemetry::metrics::labels::End;
use crate::transport::context::Context;
use crate::transport::engineio::door::Claim;
use crate::transport::format::Ending;
use crate::transport::long_poll::{CREDIT, Style, Waiting};
use crate::wire::control::Control;

use super::ending::Ended;
use super::form::Form;
use super::prepared::Prepared;
use super::stream::{Round, Turn};
use super::{Borrowed, Loan, Schedule};

/// What a request waits for, before its connection is lent.
pub enum Parked {
    /// A poll, and how its answer is written.
    Poll {
        /// What it waits for.
        waiting: Box<Waiting>,
        /// How its answer is written.
        style: Style,
    },
    /// What a session has to say.
    Session(Claim),
}

/// A poll on its connection.
pub(super) struct Poll {
    loan: Loan,
    style: Style,
    state: State,
    seat: Arc<Seat>,
    pub(super) schedule: Schedule,
    guest: Guest,
}

enum State {
    Waiting(Box<Waiting>, Subscription),
    Answering,
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
            loan,
            mut waiting,
            style,
        } = borrowed;
        let subscription = waiting.subscribe(context, seat.clone());
        Self {
            loan,
            style,
            state: State::Waiting(waiting, subscription),
            seat,
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
            State::Answering => None,
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
            State::Answering => false,
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
            State::Waiting(..) | State::Answering => None,
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
        if let State::Answering = self.state {
            return self.write();
        }
        let waker = self.waker();
        if self.loan.hear(&waker, round.scratch).is_err() {
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
        let State::Waiting(waiting, _) = mem::replace(&mut self.state, State::Answering) else {
            return Turn::Waits;
        };
        let answer = waiting.answer(context, batch, Some(live));
        let is_bye = |control: &Control| matches!(control, Control::Bye { .. });
        let is_told_to_leave = answer.control.iter().any(is_bye) && !self.loan.closes();
        if is_told_to_leave {
            self.loan.is_last();
        }
        let bytes = self.style.answer(&answer, is_told_to_leave, round.now.unix);
        *round.bytes = round.bytes.saturating_sub(bytes.len());
        self.answer(&bytes)
    }

    /// Writes its answer, of which `bytes` are all but the beginning.
    fn answer(&mut self, bytes: &Bytes) -> Turn {
        self.state = State::Answering;
        let waker = self.waker();
        let written = self.loan.answer(&waker, bytes);
        self.after(written)
    }

    fn write(&mut self) -> Turn {
        let waker = self.waker();
        let written = self.loan.write(&waker);
        self.after(written)
    }

    fn after(&mut self, written: io::Result<bool>) -> Turn {
        match written {
            Ok(false) => Turn::Waits,
            Ok(true) if self.loan.closes() => Turn::Ends(Ending::Clean),
            Ok(true) => Turn::Returns,
            Err(error) => self.failed(&error),
        }
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
        self.loan.give_back();
        // Only now: nobody shall take what goes on for something that has ended.
        drop(self.guest);
    }

    /// It was answered, and its connection ends.
    pub(super) fn ended(self, ending: Ending) -> Ended {
        Ended {
            transport: Transport::LongPoll,
            is_chunked: false,
            io: self.loan.keep(),
            rest: Bytes::new(),
            ending,
            decoder: None,
            guest: self.guest,
        }
    }
}
