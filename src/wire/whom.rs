//! Whose streams are meant, as a service's messages and a backend's answers say it.

use crate::model::code::Refusal;
use crate::model::decree::Whom;
use crate::model::id::StreamId;

use super::client::{Fields, bad, text};

/// The longest name of a principal that is looked for, in bytes: the log keeps it with the move.
pub const PRINCIPAL: usize = 1024;

/// Takes `stream` or `principal`, of which there is one at most.
///
/// # Errors
/// `bad_request`: both, or one that nobody can have.
pub(super) fn take(fields: &mut Fields<'_>) -> Result<Option<Whom>, Refusal> {
    match (text(fields, "stream")?, text(fields, "principal")?) {
        (None, None) => Ok(None),
        (Some(name), None) => Ok(Some(Whom::Stream(stream("stream", &name)?))),
        (None, Some(name)) if (1..=PRINCIPAL).contains(&name.len()) => {
            Ok(Some(Whom::Principal(name.into())))
        }
        (None, Some(_)) => Err(bad(format!("`principal` is 1 to {PRINCIPAL} bytes"))),
        (Some(_), Some(_)) => Err(bad("either `stream` or `principal`, not both")),
    }
}

/// The stream that `name` is the name of.
///
/// # Errors
/// `bad_request`: no stream can have it; `field` is where it stands.
pub(super) fn stream(field: &str, name: &str) -> Result<StreamId, Refusal> {
    let stream = StreamId::from_client(name);
    stream.ok_or_else(|| bad(format!("`{field}` is the name that a `welcome` told")))
}
