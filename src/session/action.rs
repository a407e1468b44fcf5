//! What a session wants done.

use std::sync::Arc;

use crate::auth::Access;
use crate::bus::Past;
use crate::bus::rooms::Delivery;
use crate::model::code::{Code, Refusal};
use crate::model::event::Offer;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::secret::Secret;
use crate::model::start::Start;
use crate::wire::client::Ref;
use crate::wire::control::{Ack, Control};

use super::deed::Deed;
use super::emits::Emission;

/// Something that the driver of a session must do, in the order given.
#[derive(Debug)]
pub enum Action {
    /// Send a control message.
    Send(Control),
    /// Send events.
    Deliver(Vec<Delivery>),
    /// Send a Ping frame.
    Ping,
    /// Answer a client message: where it came from, and only if it has a name or was refused.
    Answer(Answer),
    /// Ask the outside, and go on with its answer before the actions that follow.
    Ask(Ask),
    /// End the stream as the row of `code` says.
    End {
        /// Why.
        code: Code,
        /// In words (a close reason).
        reason: String,
    },
}

/// Something whose answer is a later input.
#[derive(Debug)]
pub enum Ask {
    /// Verify a credential, and give [`super::Input::Authenticated`].
    Authenticate(Option<Ref>, Secret),
    /// Begin to read, and give [`super::Input::Opened`].
    Open {
        /// The rooms.
        rooms: Vec<Room>,
        /// From where.
        start: Start,
    },
    /// Change the rooms of a stream that goes on, and give [`super::Input::Opened`].
    Lift {
        /// Rooms to join from now on.
        join: Vec<Room>,
        /// Rooms to leave.
        leave: Vec<Room>,
        /// Whether it is somebody else's now, who was anonymous.
        is_renamed: bool,
    },
    /// Publish, and give [`super::Input::Published`] before the next message is read; or [`super::Input::Answered`] once
    /// it was confirmed, where that is waited for.
    Publish {
        /// Which message is answered.
        reference: Option<Ref>,
        /// Who publishes.
        access: Arc<Access>,
        /// What.
        offer: Offer,
    },
    /// Do something to the streams of others, and give [`super::Input::Answered`].
    Do {
        /// Which message is answered.
        reference: Option<Ref>,
        /// Who wants it.
        access: Arc<Access>,
        /// What.
        deed: Deed,
    },
    /// Confirm an event, and give [`super::Input::Answered`].
    Confirm {
        /// Which message is answered.
        reference: Option<Ref>,
        /// Whose credential came with it, where it came by another request.
        by: Option<Arc<Access>>,
        /// The event.
        id: Position,
    },
    /// Tell the backend something, or publish it, and give [`super::Input::Told`] before the next message is read.
    Emit {
        /// Which message is answered.
        reference: Option<Ref>,
        /// Who emits.
        access: Arc<Access>,
        /// What becomes of it.
        emission: Emission,
    },
    /// Take a step of joining a room, and give [`super::Input::Joined`].
    Join {
        /// Which message is answered.
        reference: Option<Ref>,
        /// The room.
        room: Room,
        /// From where.
        past: Past,
        /// Whether its state is owed once it is joined.
        snapshot: bool,
    },
    /// Leave a room, and give [`super::Input::Left`].
    Leave {
        /// Which message is answered.
        reference: Option<Ref>,
        /// The room.
        room: Room,
    },
    /// Look who is in a room, and give [`super::Input::Published`].
    Presence {
        /// Which message is answered.
        reference: Option<Ref>,
        /// Who asks.
        access: Arc<Access>,
        /// Where.
        room: Room,
    },
    /// Follow the backend, and give [`super::Input::Opened`] if that changes the rooms.
    Follow(Step),
    /// Look at the client's rights again, and give [`super::Input::Judged`] if they have changed.
    Judge,
    /// Have the signed URL anew that showed these rights, and give [`super::Input::Extended`].
    Extend(Arc<Access>),
    /// Read now, and give [`super::Input::Batch`], even an empty one.
    Read,
}

/// What a stream does because the backend says so.
#[derive(Debug)]
pub enum Step {
    /// It joins a room, at its place.
    Enter(Room),
    /// It leaves a room.
    Exit(Room),
    /// Whatever join of this room is under way goes no further.
    Bar(Room),
}

/// The answer to a client message.
#[derive(Debug)]
pub enum Answer {
    /// It was done.
    Done(Ack),
    /// It was refused.
    Refused(Option<Ref>, Refusal),
}

impl Answer {
    /// It was done, and there is nothing more to say.
    #[must_use]
    pub fn done(reference: Option<Ref>) -> Self {
        Self::Done(Ack {
            reference,
            ..Ack::default()
        })
    }

    /// It was done to `room`.
    #[must_use]
    pub fn in_room(reference: Option<Ref>, room: Room) -> Self {
        Self::Done(Ack {
            reference,
            room: Some(room),
            ..Ack::default()
        })
    }

    /// The same answer, under the name of the message.
    #[must_use]
    pub fn with_reference(self, reference: Option<Ref>) -> Self {
        match self {
            Self::Done(ack) => Self::Done(Ack { reference, ..ack }),
            Self::Refused(_, refusal) => Self::Refused(reference, refusal),
        }
    }
}
