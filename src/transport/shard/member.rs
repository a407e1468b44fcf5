//! Who is served in a loop: streams, polls that wait, and sessions of several streams.

use bytes::Bytes;

use crate::bus::reader::Place;
use crate::bus::rooms::Delivery;
use crate::model::code::Refusal;
use crate::model::decree::Move;
use crate::model::id::StreamId;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::session::Now;
use crate::transport::context::Context;
use crate::transport::engine::Engine;
use crate::transport::format::Ending;

use super::Schedule;
use super::ending::Ended;
use super::form::Form;
use super::mux::Mux;
use super::orders::Seen;
use super::poll::Poll;
use super::prepared::Prepared;
use super::stream::{Round, Stream, Turn};

/// One of those.
pub(super) enum Member {
    Stream(Box<Stream>),
    Poll(Box<Poll>),
    Mux(Box<Mux>),
}

/// Calls the same method of whichever it is.
macro_rules! either {
    ($member:expr, $inner:ident => $call:expr) => {
        match $member {
            Self::Stream($inner) => $call,
            Self::Poll($inner) => $call,
            Self::Mux($inner) => $call,
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

    /// How what it reads at its place is written.
    pub(super) fn form(&self) -> Option<Form> {
        match self {
            Self::Stream(stream) => Some(stream.form()),
            Self::Poll(poll) => Some(poll.form()),
            Self::Mux(mux) => mux.form(),
        }
    }

    /// Where it reads, if a read for it is one for all who are there.
    pub(super) fn place(&self) -> Option<Place> {
        either!(self, one => one.place())
    }

    /// Whether it takes what was prepared.
    pub(super) fn takes(&self, prepared: &Prepared) -> bool {
        either!(self, one => one.takes(prepared))
    }

    /// Takes what was prepared, as far as its socket does.
    pub(super) fn take(&mut self, prepared: &Prepared, bytes: &Bytes, now: Now) -> Turn {
        match self {
            Self::Stream(stream) => stream.take(prepared, bytes, now.moment),
            Self::Poll(poll) => poll.take(bytes),
            Self::Mux(mux) => mux.take(prepared, bytes, now),
        }
    }

    /// Whether one that reads on the seat of this `number` has not read as far as where `event` stands, and could.
    pub(super) fn lags_behind(&self, number: usize, event: &Delivery) -> bool {
        match self {
            Self::Stream(stream) => stream.lags_behind(event),
            Self::Poll(_) => false,
            Self::Mux(mux) => mux.lags_behind(number, event),
        }
    }

    /// In which form that one takes what is volatile, if that is for it now.
    pub(super) fn takes_flash(&self, number: usize, event: &Delivery) -> Option<Form> {
        match self {
            Self::Stream(stream) => stream.takes_flash(event).then(|| stream.form()),
            Self::Poll(_) => None,
            Self::Mux(mux) => mux.takes_flash(number, event),
        }
    }

    /// Writes what is volatile, as far as its socket takes it.
    pub(super) fn hand_over(&mut self, bytes: &Bytes, now: Now) -> Turn {
        match self {
            Self::Stream(stream) => stream.hand_over(bytes),
            Self::Poll(_) => Turn::Waits,
            Self::Mux(mux) => mux.hand_over(bytes, now),
        }
    }

    /// Does what there is to do.
    pub(super) fn turn(&mut self, context: &Context, round: &mut Round<'_>) -> Turn {
        match self {
            Self::Stream(stream) => stream.turn(round),
            Self::Poll(poll) => poll.turn(context, round),
            Self::Mux(mux) => mux.turn(round),
        }
    }

    /// Its streams; a poll is none.
    pub(super) fn engines(&self) -> Vec<&Engine> {
        match self {
            Self::Stream(stream) => vec![stream.engine()],
            Self::Poll(_) => Vec::new(),
            Self::Mux(mux) => mux.engines().collect(),
        }
    }

    /// How operators see one of them.
    pub(super) fn seen(&self, engine: &Engine, now: Moment) -> Seen {
        match self {
            Self::Stream(stream) => stream.seen(now),
            Self::Poll(_) => Seen::of(engine, now, 0, false),
            Self::Mux(mux) => mux.seen(engine, now),
        }
    }

    /// How many of its streams a move concerns that was decreed `at` this position, and whether it concerns it at all.
    pub(super) fn to_move(&self, moved: &Move, at: Position) -> (usize, bool) {
        match self {
            Self::Stream(stream) => {
                let is_meant = stream.engine().is_to_move(moved, at);
                (usize::from(is_meant), is_meant)
            }
            Self::Poll(poll) => (0, poll.is_to_move(moved, at)),
            Self::Mux(mux) => {
                let streams = mux.to_move(moved, at);
                (streams, streams > 0)
            }
        }
    }

    /// From now on this stream reads its own room, if it is one of its own.
    pub(super) fn address(&mut self, stream: StreamId) -> bool {
        match self {
            Self::Stream(one) => one.session().stream() == stream && one.is_addressed(),
            Self::Poll(_) => false,
            Self::Mux(mux) => mux.address(stream),
        }
    }

    /// Ends this stream of its own with a refusal.
    pub(super) fn dismiss(&mut self, stream: StreamId, refusal: Refusal, now: Now) -> Option<Turn> {
        match self {
            Self::Stream(one) => one.dismiss(refusal, now).map(Turn::Ends),
            Self::Poll(_) => None,
            Self::Mux(mux) => mux.dismiss(stream, refusal, now),
        }
    }

    /// Its connection goes on with the next request, where it was lent.
    pub(super) fn give_back(self) {
        match self {
            Self::Stream(_) | Self::Mux(_) => {}
            Self::Poll(poll) => poll.give_back(),
        }
    }

    /// What is left of it at its end.
    pub(super) fn ended(self, ending: Ending) -> Option<Ended> {
        match self {
            Self::Stream(stream) => Some(stream.ended(ending)),
            Self::Poll(poll) => Some(poll.ended(ending)),
            Self::Mux(mux) => mux.ended_as(ending),
        }
    }
}
