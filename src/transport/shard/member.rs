//! Who is served in a loop: streams, and polls that wait.

use bytes::Bytes;

use crate::bus::reader::Place;
use crate::model::decree::Move;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::transport::context::Context;
use crate::transport::format::Ending;

use super::Schedule;
use super::ending::Ended;
use super::form::Form;
use super::poll::Poll;
use super::prepared::Prepared;
use super::stream::{Round, Stream, Turn};

/// One of the two.
pub(super) enum Member {
    Stream(Box<Stream>),
    Poll(Box<Poll>),
}

/// Calls the same method of whichever it is.
macro_rules! either {
    ($member:expr, $inner:ident => $call:expr) => {
        match $member {
            Self::Stream($inner) => $call,
            Self::Poll($inner) => $call,
        }
    };
}

impl Member {
    pub(super) const fn schedule(&self) -> &Schedule {
        either!(self, one => &one.schedule)
    }

    pub(super) const fn schedule_mut(&mut self) -> &mut Schedule {
        either!(self, one => &mut one.schedule)
    }

    /// When it wants a turn though nothing happens, at the latest.
    pub(super) fn deadline(&self) -> Option<Moment> {
        either!(self, one => one.deadline())
    }

    pub(super) fn form(&self) -> Form {
        either!(self, one => one.form())
    }

    /// Where it reads, if a read for it is one for all who are there.
    pub(super) fn place(&self) -> Option<Place> {
        either!(self, one => one.place())
    }

    /// Whether it takes what was prepared.
    pub(super) fn takes(&self, prepared: &Prepared) -> bool {
        either!(self, one => one.takes(prepared))
    }

    /// Whether a move that was decreed `at` this position concerns it: whoever came later was judged by all that stood then.
    pub(super) fn is_to_move(&self, moved: &Move, at: Position) -> bool {
        either!(self, one => one.is_to_move(moved, at))
    }

    /// Takes what was prepared, as far as its socket does.
    pub(super) fn take(&mut self, prepared: &Prepared, bytes: &Bytes, now: Moment) -> Turn {
        match self {
            Self::Stream(stream) => stream.take(prepared, bytes, now),
            Self::Poll(poll) => poll.take(bytes),
        }
    }

    /// Does what there is to do.
    pub(super) fn turn(&mut self, context: &Context, round: &mut Round<'_>) -> Turn {
        match self {
            Self::Stream(stream) => stream.turn(round),
            Self::Poll(poll) => poll.turn(context, round),
        }
    }

    /// Its connection goes on with the next request, where it was lent.
    pub(super) fn give_back(self) {
        match self {
            Self::Stream(_) => {}
            Self::Poll(poll) => poll.give_back(),
        }
    }

    /// What is left of it at its end.
    pub(super) fn ended(self, ending: Ending) -> Ended {
        either!(self, one => one.ended(ending))
    }
}
