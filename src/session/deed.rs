//! What a service has done to the streams of others.

use std::sync::Arc;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::decree::Whom;
use crate::model::room::Room;
use crate::wire::client::{Ref, Which};

use super::{Action, Ask};

/// One such deed.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Streams join a room, or leave it.
    Move {
        /// Whose.
        whom: Whom,
        /// The room.
        room: Room,
        /// Whether they join it.
        joins: bool,
    },
    /// Streams end, for good.
    Disconnect(Whom),
    /// It is told which there are.
    List(Which),
}

impl Deed {
    /// The streams of `whom` join `room`.
    #[must_use]
    pub const fn join(whom: Whom, room: Room) -> Self {
        let joins = true;
        Self::Move { whom, room, joins }
    }

    /// The streams of `whom` leave `room`.
    #[must_use]
    pub const fn leave(whom: Whom, room: Room) -> Self {
        let joins = false;
        Self::Move { whom, room, joins }
    }

    /// Whether `access` may have it done.
    ///
    /// # Errors
    /// `forbidden`: it is no service's.
    pub fn allowed(self, access: &Access) -> Result<Self, Refusal> {
        if access.is_service() {
            return Ok(self);
        }
        let message = "only a role with `service = true` may do this";
        Err(Refusal::new(Code::Forbidden, message))
    }

    /// What its driver is asked for it.
    pub(super) fn ask(
        self,
        reference: Option<Ref>,
        access: Arc<Access>,
    ) -> Result<Action, Refusal> {
        let deed = self.allowed(&access)?;
        Ok(Action::Ask(Ask::Do {
            reference,
            access,
            deed,
        }))
    }
}
