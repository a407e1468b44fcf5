//! Who is in a room, for those who may see it.

use crate::auth::Access;
use crate::bus::reader::Credit;
use crate::model::code::{Code, Refusal};
use crate::model::room::Room;
use crate::session::Answer;
use crate::wire::control::Ack;
use crate::wire::presence::Page;

use super::context::Context;

/// What the answer to a message holds: as much as a batch of events may, so that a client that reads slowly is no more
/// of a burden than by those.
const ANSWER: Credit = Credit {
    events: 1000,
    bytes: 64 * 1024,
};

impl Context {
    /// Who is in `room`, in the order of names and behind `after`, as much as `credit` allows.
    ///
    /// # Errors
    /// `forbidden`, naming the room, where `access` may not see it; `not_tracked` where nobody looks who is there.
    pub fn members(
        &self,
        access: &Access,
        room: &Room,
        after: Option<&str>,
        credit: Credit,
    ) -> Result<Page, Refusal> {
        if !access.may_see(room) {
            let message = format!("this credential may not see who is in {room}");
            return Err(Refusal::new(Code::Forbidden, message).room(room.clone()));
        }
        let page = self.bus.presence(room, after, credit);
        page.ok_or_else(|| {
            let message = format!("nobody looks who is in {room}: its policy has no presence");
            Refusal::new(Code::NotTracked, message).room(room.clone())
        })
    }

    /// The same as the answer to a client message.
    #[must_use]
    pub fn presence(&self, access: &Access, room: Room) -> Answer {
        match self.members(access, &room, None, ANSWER) {
            Ok(Page {
                count,
                members,
                more,
            }) => Answer::Done(Ack {
                room: Some(room),
                count: Some(count),
                members: Some(members),
                more: more.then_some(true),
                ..Ack::default()
            }),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }
}
