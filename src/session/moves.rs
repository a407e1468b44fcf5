//! What a session does at a decree at which it stops: it is judged anew, or moved.

use crate::model::code::{Code, Refusal};
use crate::model::decree::{Decree, Move};
use crate::model::room::Room;
use crate::wire::control::Control;

use super::admission::too_many_rooms;
use super::{Action, Ask, Live, Session, State, Step};

impl Session {
    /// What follows from the last decree of a batch, before anything is read that comes after it.
    pub(super) fn heed(&mut self, decree: &Decree, out: &mut Vec<Action>) {
        match decree {
            Decree::Rights => out.push(Action::Ask(Ask::Judge)),
            Decree::Forgotten => self.end(None, too_far_behind(), out),
            Decree::Moved(moved) if self.is_moved_by(decree) => self.moved(moved, out),
            Decree::Moved(_) | Decree::Revoked(_) => {}
        }
    }

    fn moved(&mut self, Move { room, joins, .. }: &Move, out: &mut Vec<Action>) {
        if let State::Live(live) = &mut self.state {
            let action = if *joins {
                live.enter(room)
            } else {
                Some(live.exit(room))
            };
            out.extend(action);
        }
    }
}

impl Live {
    /// It joins `room`, whatever its credential grants. The bound of its rooms holds: whoever has too many is told.
    pub(super) fn enter(&mut self, room: &Room) -> Option<Action> {
        let is_there = self.rooms.contains(room);
        let most = self.access.role.limits.rooms_per_stream;
        if !is_there && self.rooms.len() >= most {
            let refusal = too_many_rooms(most).room(room.clone());
            return Some(Action::Send(Control::error(None, refusal)));
        }
        self.aside.grant(room);
        (!is_there).then(|| {
            self.rooms.push(room.clone());
            Action::Ask(Ask::Follow(Step::Enter(room.clone())))
        })
    }

    /// It leaves `room`. From then on its rooms are its own, and not its role's: it does not get this one back with those.
    pub(super) fn exit(&mut self, room: &Room) -> Action {
        self.aside.revoke(room);
        self.access = self.access.without_room(room);
        self.named = true;
        let before = self.rooms.len();
        self.rooms.retain(|one| one != room);
        let (was_there, room) = (self.rooms.len() < before, room.clone());
        Action::Ask(Ask::Follow(if was_there {
            Step::Exit(room)
        } else {
            Step::Bar(room)
        }))
    }
}

/// Moves that it has not read are not known any more: to go on would be to be wrong in silence.
fn too_far_behind() -> Refusal {
    let message = "the stream was too slow to know which rooms it is in; come back with its cursor";
    Refusal::new(Code::Slow, message)
}
