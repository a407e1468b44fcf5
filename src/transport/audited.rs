//! What of a stream's steps goes into the audit log.

use crate::auth::Access;
use crate::session::{Action, Answer, Ask, Input, Session};
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

/// Whether `input` is about a publish.
pub(super) fn is_publish(input: &Input) -> bool {
    if let Input::Message { message, .. } = input {
        return message.as_ref().is_ok_and(ClientMessage::is_publish);
    }
    matches!(input, Input::Published { .. })
}

/// Records what a step has made of `session`: who its client is, once that is known and whenever that or its rooms are
/// others, and what it was refused. What was refused to a request of its own is recorded there.
pub(super) fn record(
    entry: &mut Entry,
    session: &Session,
    actions: &[Action],
    is_publish: bool,
    is_posted: bool,
) {
    for action in actions {
        match action {
            Action::Ask(Ask::Open { .. } | Ask::Lift { .. }) => {
                if let Some(access) = session.access() {
                    entry.known(who(access), session.rooms());
                }
            }
            Action::Answer(Answer::Refused(_, refusal)) if !is_posted => {
                entry.refused(refusal, is_publish);
            }
            Action::Ask(_)
            | Action::Answer(_)
            | Action::Send(_)
            | Action::Deliver(_)
            | Action::Ping
            | Action::End { .. } => {}
        }
    }
}
