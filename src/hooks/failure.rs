//! Why a call has no answer.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::breaker::Shut;
use crate::outbound::error::{Error, Fault};
use crate::wire::hook::Misunderstood;

/// What a failure says of the hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is in trouble.
    Trouble,
    /// It is there.
    There,
    /// Nothing.
    Nothing,
}

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
    /// There is an answer, and its body is larger than it may be.
    TooLarge(Error),
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
            Self::None(_)
            | Self::Status(..)
            | Self::TooLarge(_)
            | Self::Encoded
            | Self::Misunderstood(_) => true,
        }
    }

    /// What it says of the hook, of a call that had `had` of the hook's `timeout`. One that answers that it does not like
    /// this call, or in words that are not understood, is there: else a client that finds out what it stumbles over could
    /// shut it for everybody. And a call that has waited for its place is no measure of a backend that takes its time:
    /// else a crowd could.
    pub(super) fn sign(&self, had: Duration, timeout: Duration) -> Sign {
        match self {
            Self::None(error) if error.fault == Fault::TimedOut && had < timeout / 4 * 3 => {
                Sign::Nothing
            }
            Self::None(_) => Sign::Trouble,
            Self::Status(status, _)
                if status.is_server_error() || matches!(status.as_u16(), 408 | 429) =>
            {
                Sign::Trouble
            }
            Self::Status(..) | Self::TooLarge(_) | Self::Encoded | Self::Misunderstood(_) => {
                Sign::There
            }
            Self::Shut(_) | Self::Crowded(_) | Self::Stopping => Sign::Nothing,
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
            Self::TooLarge(error) => write!(f, "{error}"),
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

    const TIMEOUT: Duration = Duration::from_secs(2);

    #[test]
    fn a_hook_that_does_not_like_a_call_is_not_in_trouble() {
        for (status, sign) in [
            (301, Sign::There),
            (400, Sign::There),
            (404, Sign::There),
            (408, Sign::Trouble),
            (422, Sign::There),
            (429, Sign::Trouble),
            (500, Sign::Trouble),
            (503, Sign::Trouble),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = Failure::Status(status, None);
            assert_eq!(failure.sign(TIMEOUT, TIMEOUT), sign, "{status}");
        }
        let large = Failure::TooLarge(Error::new(Fault::TooLarge, "x"));
        for failure in [Failure::Misunderstood(Misunderstood("x".into())), large] {
            assert_eq!(failure.sign(TIMEOUT, TIMEOUT), Sign::There, "{failure}");
        }
    }

    #[test]
    fn a_call_that_had_little_of_the_timeout_says_nothing_when_its_time_is_over() {
        let none = |fault| Failure::None(Error::new(fault, "x"));
        for (had, sign) in [
            (2000, Sign::Trouble),
            (1500, Sign::Trouble),
            (1499, Sign::Nothing),
            (0, Sign::Nothing),
        ] {
            let had = Duration::from_millis(had);
            let late = none(Fault::TimedOut).sign(had, TIMEOUT);
            assert_eq!(late, sign, "{had:?}");
            let broken = none(Fault::Broken).sign(had, TIMEOUT);
            assert_eq!(broken, Sign::Trouble, "{had:?}");
        }
    }
}
