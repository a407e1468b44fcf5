//! What happens to a session.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Access;
use crate::bus::Joining;
use crate::bus::reader::Batch;
use crate::model::code::Refusal;
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};
use crate::wire::client::{ClientMessage, Malformed, Ref};
use crate::wire::control::{Control, SignedUrl};

use super::Answer;
use super::admission::Invited;

/// The time, on both of its scales.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines.
    pub moment: Moment,
    /// For people and tokens.
    pub unix: UnixMillis,
}

/// Something that a session must know.
#[derive(Debug)]
pub enum Input {
    /// The client is alive.
    Heard,
    /// The client sent a Pong.
    Ponged,
    /// The client sent a Ping, or another message that its transport answers.
    Pinged,
    /// The client sent a message.
    Message {
        /// The message.
        message: Result<ClientMessage, Malformed>,
        /// Whose credential came with it, where it came by another request: a stream lends nobody its rights.
        by: Option<Arc<Access>>,
    },
    /// The client wants this as a part of a message that was counted.
    Uncounted(ClientMessage),
    /// The answer to [`super::Ask::Authenticate`].
    Authenticated(Option<Ref>, Result<Arc<Access>, Refusal>),
    /// The same where the backend was asked about the client, and has let it in.
    Invited(Option<Ref>, Box<Invited>),
    /// The answer to [`super::Ask::Extend`]: a URL that lives longer, where there is one.
    Extended(Option<SignedUrl>),
    /// The answer to [`super::Ask::Open`] and [`super::Ask::Lift`].
    Opened {
        /// What `welcome` tells.
        cursor: Option<Position>,
        /// What the start itself tells to be missing.
        gaps: Vec<Gap>,
        /// Where a cursor was brought: whether nothing is missing.
        recovered: Option<bool>,
    },
    /// The log has something, or answers [`super::Ask::Read`].
    Batch(Batch),
    /// A step of the state of its rooms, which comes once everything else has been given.
    State(Vec<Control>),
    /// The answer to [`super::Ask::Judge`]; and of the rooms that it would get by it those about which the backend is to be
    /// asked first.
    Judged(Result<Arc<Access>, Refusal>, Vec<Room>),
    /// The answer to [`super::Ask::Publish`] and [`super::Ask::Presence`].
    Published {
        /// Which message is answered.
        reference: Option<Ref>,
        /// With what.
        answer: Answer,
    },
    /// The answer to [`super::Ask::Do`] or [`super::Ask::Confirm`], or to a publish that has waited for confirmations. It
    /// may come when others were answered meanwhile.
    Answered {
        /// Which message is answered.
        reference: Option<Ref>,
        /// With what.
        answer: Answer,
    },
    /// The answer to [`super::Ask::Emit`].
    Told {
        /// Which message is answered.
        reference: Option<Ref>,
        /// With what.
        answer: Answer,
        /// Whether the backend has the stream ended.
        ends: bool,
    },
    /// The answer to [`super::Ask::Join`]: one step, or the last.
    Joined {
        /// Which message is answered.
        reference: Option<Ref>,
        /// The room.
        room: Room,
        /// What the step gave.
        joining: Joining,
        /// Whether the past goes with the answer, and not onto the stream: the client asked by another request,
        /// whose response may overtake the stream. Only if both come in one piece can it know what it has.
        in_answer: bool,
    },
    /// The answer to [`super::Ask::Join`] where the room is no longer granted: the next step is not taken.
    Barred {
        /// Which message is answered.
        reference: Option<Ref>,
        /// The room.
        room: Room,
    },
    /// The backend has the stream join a room or leave it, because of a message of its client's.
    Moved {
        /// The room.
        room: Room,
        /// Whether it joins it.
        joins: bool,
    },
    /// The answer to [`super::Ask::Leave`].
    Left {
        /// Which message is answered.
        reference: Option<Ref>,
        /// The room.
        room: Room,
    },
    /// The deadline has come.
    Due {
        /// Whether everything said so far has left: a heartbeat behind unwritten bytes would prove nothing, and
        /// pile up.
        writable: bool,
    },
    /// The gateway is draining.
    Drain {
        /// When this client should come back.
        retry_after: Duration,
    },
    /// The client broke the protocol of its transport.
    Fault(Refusal),
}
