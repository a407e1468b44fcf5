//! Why a call has no answer.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::breaker::Shut;
use crate::outbound::error::{Error, Fault};
use crate::wire::hook::Misunderstood;

/// What went wrong with a call.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not made: the hook failed too often of late.
    Shut(Shut),
    /// It was not made: so many were under way that it had no place in time.
    Crowded(usize),
    /// It was not made, or was cut off: the gateway stops.
    Stopping,
    /// There is no answer.
    None(Error),
    /// The answer has this status, and may say when to come back.
    Status(StatusCode, Option<Duration>),
    /// The answer is compressed, which nobody asked for.
    Encoded,
    /// The answer is none.
    Misunderstood(Misunderstood),
}

impl Failure {
    /// Whether the call was made.
    pub(super) const fn was_made(&self) -> bool {
        match self {
            Self::Shut(_) | Self::Crowded(_) | Self::Stopping => false,
            Self::None(_) | Self::Status(..) | Self::Encoded | Self::Misunderstood(_) => true,
        }
    }

    /// Whether it says that the hook is in trouble. One that answers that it does not like this call, or in words that
    /// are not understood, is there: else a client that finds out what it stumbles over could shut it for everybody.
    pub(super) fn is_trouble(&self) -> bool {
        match self {
            Self::None(_) => true,
            Self::Status(status, _) => {
                status.is_server_error() || matches!(status.as_u16(), 408 | 429)
            }
            Self::Shut(_)
            | Self::Crowded(_)
            | Self::Stopping
            | Self::Encoded
            | Self::Misunderstood(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    /// For the operator. Nothing of an answer's body is repeated but names of fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shut(_) => f.write_str("it failed too often of late and is not called"),
            Self::Crowded(most) => write!(f, "{most} calls are under way, and none ended in time"),
            Self::Stopping => f.write_str("the gateway stops"),
            Self::None(Error {
                fault: Fault::TimedOut,
                ..
            }) => f.write_str("no answer in time"),
            Self::None(error) => write!(f, "no answer: {error}"),
            Self::Status(status, _) if status.is_redirection() => {
                write!(f, "the answer is {status}: no redirect is followed")
            }
            Self::Status(status, _) => write!(f, "the answer is {status}"),
            Self::Encoded => f.write_str("the answer is compressed, which nobody asked for"),
            Self::Misunderstood(Misunderstood(why)) => {
                write!(f, "the answer is not understood: {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_does_not_like_a_call_is_not_in_trouble() {
        for (status, trouble) in [
            (301, false),
            (400, false),
            (404, false),
            (408, true),
            (422, false),
            (429, true),
            (500, true),
            (503, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                Failure::Status(status, None).is_trouble(),
                trouble,
                "{status}"
            );
        }
        assert!(!Failure::Misunderstood(Misunderstood("x".into())).is_trouble());
    }
}
