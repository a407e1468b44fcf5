//! What a backend says to a client's message, and has its stream do.

use crate::model::code::{Code, Refusal};
use crate::model::room::Room;
use crate::wire::client::Ref;

use super::{Action, Answer, Ask, Session, State};

impl Session {
    /// The backend has answered a message of the client's, and may want it gone.
    pub(super) fn told(
        &mut self,
        reference: Option<Ref>,
        answer: Answer,
        ends: bool,
        out: &mut Vec<Action>,
    ) {
        out.push(Action::Answer(answer.with_reference(reference)));
        if ends {
            self.end(None, disconnected(), out);
        }
    }

    /// The backend has the stream join `room`, or leave it, because of a message of its client's: that has no place in the
    /// log, and so it joins from now on.
    pub(super) fn has_to(&mut self, room: Room, joins: bool, out: &mut Vec<Action>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        if !joins {
            return out.push(live.exit(&room));
        }
        let entered = live.enter(&room);
        out.extend(match entered {
            Some(Action::Ask(Ask::Follow(_))) => Some(Action::Ask(Ask::Lift {
                join: vec![room],
                leave: Vec::new(),
                is_renamed: false,
            })),
            told => told,
        });
    }
}

fn disconnected() -> Refusal {
    Refusal::new(Code::Disconnected, "the backend ended this stream")
}
