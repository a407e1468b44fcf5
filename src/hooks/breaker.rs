//! A hook that fails again and again is left alone for a while, and then tried by one call.

use std::time::Duration;

use crate::model::time::Moment;

/// So many failures in a row, and it opens.
pub(super) const FAILURES: u32 = 5;
/// How long it stays open at first, at most; twice as long after each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it stays open at most.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whether a hook may be called.
#[derive(Debug)]
pub(super) struct Breaker(State);

#[derive(Debug)]
enum State {
    /// It may; the last so many calls have failed.
    Closed { failures: u32 },
    /// It may not before then. So often in a row was that so.
    Open { until: Moment, times: u32 },
    /// It may not, because one call tries it.
    Probed { times: u32 },
}

/// The right to make one call, to be given back with what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// One among many.
    Ordinary,
    /// The one call that tries.
    Probe,
}

/// Why there is no call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// It is open, for so long.
    For(Duration),
    /// Another call tries.
    Probed,
}

/// What became of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// It has opened.
    Opened,
    /// It was tried, and stays open.
    Reopened,
    /// It has closed.
    Closed,
}

impl Breaker {
    pub(super) const fn new() -> Self {
        Self(State::Closed { failures: 0 })
    }

    /// Whether a call would be let through `now`.
    pub(super) fn look(&self, now: Moment) -> Result<(), Shut> {
        match self.0 {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < until => Err(Shut::For(until.since(now))),
            State::Open { .. } => Ok(()),
            State::Probed { .. } => Err(Shut::Probed),
        }
    }

    /// Lets a call through, or not.
    pub(super) fn ask(&mut self, now: Moment) -> Result<Right, Shut> {
        self.look(now)?;
        match self.0 {
            State::Open { times, .. } => {
                self.0 = State::Probed { times };
                Ok(Right::Probe)
            }
            State::Closed { .. } | State::Probed { .. } => Ok(Right::Ordinary),
        }
    }

    /// A call was answered. One that began before it opened says nothing about now.
    pub(super) fn succeeded(&mut self, right: Right) -> Change {
        match (&self.0, right) {
            (State::Probed { .. }, Right::Probe) => {
                *self = Self::new();
                Change::Closed
            }
            (State::Closed { .. }, _) => {
                *self = Self::new();
                Change::None
            }
            (State::Open { .. } | State::Probed { .. }, _) => Change::None,
        }
    }

    /// A call failed; `jitter` makes a pause of at most as long.
    pub(super) fn failed(
        &mut self,
        right: Right,
        now: Moment,
        jitter: impl FnOnce(Duration) -> Duration,
    ) -> Change {
        let (times, change) = match (&mut self.0, right) {
            (State::Closed { failures }, _) => {
                *failures += 1;
                if *failures < FAILURES {
                    return Change::None;
                }
                (1, Change::Opened)
            }
            (State::Probed { times }, Right::Probe) => (times.saturating_add(1), Change::Reopened),
            (State::Open { .. } | State::Probed { .. }, _) => return Change::None,
        };
        let until = now + jitter(pause(times));
        self.0 = State::Open { until, times };
        change
    }

    /// A call was ended by whoever had made it. If it was to try, the next one may.
    pub(super) fn abandoned(&mut self, right: Right, now: Moment) {
        if let (State::Probed { times }, Right::Probe) = (&self.0, right) {
            self.0 = State::Open {
                until: now,
                times: *times,
            };
        }
    }
}

/// How long it stays open when it opens so often in a row.
fn pause(times: u32) -> Duration {
    let doublings = times.saturating_sub(1).min(10);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    fn fail(breaker: &mut Breaker, now: Moment) -> Change {
        let right = breaker.ask(now).unwrap();
        breaker.failed(right, now, |pause| pause)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 1..FAILURES {
            assert_eq!(fail(&mut breaker, at(0)), Change::None);
        }
        assert_eq!(fail(&mut breaker, at(0)), Change::Opened);
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_answer_among_them_begins_anew() {
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                assert_eq!(fail(&mut breaker, at(0)), Change::None);
            }
            let right = breaker.ask(at(0)).unwrap();
            assert_eq!(breaker.succeeded(right), Change::None);
        }
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(0)), Err(Shut::For(Duration::from_secs(1))));
    }

    #[test]
    fn after_a_pause_one_call_tries_and_its_answer_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(1)), Ok(Right::Probe));
        assert_eq!(breaker.ask(at(1)), Err(Shut::Probed));
        assert_eq!(breaker.succeeded(Right::Probe), Change::Closed);
        assert_eq!(breaker.ask(at(1)), Ok(Right::Ordinary));
        assert_eq!(fail(&mut breaker, at(1)), Change::None, "it begins anew");
    }

    #[test]
    fn probes_that_fail_make_the_pause_longer_up_to_half_a_minute() {
        let (mut breaker, mut now, mut pauses) = (opened(), at(0), Vec::new());
        for _ in 0..8 {
            let Err(Shut::For(pause)) = breaker.ask(now) else {
                panic!("not open");
            };
            pauses.push(pause.as_secs());
            now = now + pause;
            assert_eq!(fail(&mut breaker, now), Change::Reopened);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_probe_that_is_abandoned_makes_room_for_another() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(1)), Ok(Right::Probe));
        breaker.abandoned(Right::Probe, at(1));
        assert_eq!(breaker.ask(at(1)), Ok(Right::Probe));
        breaker.abandoned(Right::Ordinary, at(1));
        assert_eq!(breaker.ask(at(1)), Err(Shut::Probed));
    }

    #[test]
    fn what_began_before_it_opened_neither_closes_it_nor_keeps_it_open() {
        let mut breaker = opened();
        assert_eq!(breaker.succeeded(Right::Ordinary), Change::None);
        let late = breaker.failed(Right::Ordinary, at(9), |pause| pause);
        assert_eq!(late, Change::None);
        assert_eq!(breaker.ask(at(1)), Ok(Right::Probe));
        assert_eq!(breaker.succeeded(Right::Ordinary), Change::None);
        assert_eq!(breaker.ask(at(1)), Err(Shut::Probed));
    }
}
