//! What of a stream's steps goes into the audit log.

use crate::auth::Access;
use crate::session::{Action, Answer, Ask, Input, Session, Step};
use crate::telemetry::audit::{Entry, Who};
use crate::wire::client::ClientMessage;

/// Whose rights these are, as the audit log names it.
#[must_use]
pub fn who(access: &Access) -> Who<'_> {
    Who {
        principal: &access.principal,
        role: &access.role.name,
    }
}

/// What a client's own message may be refused as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A publish.
    Publish,
    /// Whatever else it may say.
    Other,
}

impl Wish {
    /// The one that `input` is about; nothing where it is none, and a refusal is the stream's end.
    pub(super) fn of(input: &Input) -> Option<Self> {
        if let Input::Message { message, .. } = input {
            let is_publish = message.as_ref().is_ok_and(ClientMessage::is_publish);
            return Some(if is_publish {
                Self::Publish
            } else {
                Self::Other
            });
        }
        let is_published = matches!(input, Input::Published { .. });
        let is_known = matches!(
            input,
            Input::Authenticated(..) | Input::Answered { .. } | Input::Told { .. }
        );
        is_published
            .then_some(Self::Publish)
            .or(is_known.then_some(Self::Other))
    }
}

/// Records what a step has made of `session`: who its client is, once that is known and whenever that or its rooms are
/// others, and what of its `wish` was refused.
pub(super) fn record(entry: &mut Entry, session: &Session, actions: &[Action], wish: Option<Wish>) {
    for action in actions {
        match (action, wish) {
            (Action::Ask(ask), _) if changes_rooms(ask) => {
                if let Some(access) = session.access() {
                    entry.known(who(access), session.rooms());
                }
            }
            (Action::Answer(Answer::Refused(_, refusal)), Some(wish)) => {
                entry.refused(refusal, wish == Wish::Publish);
            }
            (_, _) => {}
        }
    }
}

/// Whether its client is another, or has other rooms.
const fn changes_rooms(ask: &Ask) -> bool {
    let follows = matches!(ask, Ask::Follow(Step::Enter(_) | Step::Exit(_)));
    follows || matches!(ask, Ask::Open { .. } | Ask::Lift { .. })
}
