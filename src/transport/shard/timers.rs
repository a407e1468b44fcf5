//! When the streams of a loop want a turn though nothing happens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::task::{Context as Cx, Poll};

use crate::lifecycle::clock::{Clock, Sleep};
use crate::model::time::Moment;

/// A timer for each stream, and one sleep for all. A stream's deadline moves with every write; its timer is moved when
/// it rings, so that a write costs nothing here: ringing too early costs one turn, which finds nothing due.
pub(super) struct Timers {
    clock: Clock,
    due: BinaryHeap<Reverse<(Moment, usize)>>,
    sleep: Option<(Moment, Sleep)>,
}

impl Timers {
    pub(super) const fn new(clock: Clock) -> Self {
        Self {
            clock,
            due: BinaryHeap::new(),
            sleep: None,
        }
    }

    /// Sees to it that the stream of this `number`, whose timer is `armed`, is called by `deadline`.
    pub(super) fn set(
        &mut self,
        number: usize,
        armed: &mut Option<Moment>,
        deadline: Option<Moment>,
    ) {
        if let Some(deadline) = deadline
            && armed.is_none_or(|armed| armed > deadline)
        {
            *armed = Some(deadline);
            self.due.push(Reverse((deadline, number)));
        }
    }

    /// The next whose timer rings by `now`, and when it was set for: a timer that was set anew meanwhile is not its
    /// stream's.
    pub(super) fn next(&mut self, now: Moment) -> Option<(usize, Moment)> {
        let Reverse((at, number)) = *self.due.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.due.pop();
        Some((number, at))
    }

    /// How many are set, those of streams that have ended included.
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// Keeps those that `is_armed`.
    pub(super) fn retain(&mut self, is_armed: impl Fn(usize, Moment) -> bool) {
        self.due
            .retain(|Reverse((at, number))| is_armed(*number, *at));
    }

    /// Sees to it that the loop is woken when the next timer rings; `Ready` if that is now.
    pub(super) fn poll(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        let Some(Reverse((next, _))) = self.due.peek() else {
            self.sleep = None;
            return Poll::Pending;
        };
        let (at, sleep) = self
            .sleep
            .get_or_insert_with(|| (*next, self.clock.sleep_until(*next)));
        if *at != *next {
            (*at, *sleep) = (*next, self.clock.sleep_until(*next));
        }
        let rung = Pin::new(sleep).poll(cx);
        if rung.is_ready() {
            self.sleep = None;
        }
        rung
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timer_is_set_anew_only_for_an_earlier_time_and_rings_in_order() {
        let (clock, hand) = Clock::manual();
        let at = |seconds| clock.now() + Duration::from_secs(seconds);
        let (ten, twenty, five) = (at(10), at(20), at(5));
        let mut timers = Timers::new(clock.clone());
        let (mut one, mut two) = (None, None);
        timers.set(1, &mut one, Some(ten));
        timers.set(1, &mut one, Some(twenty));
        timers.set(2, &mut two, Some(twenty));
        timers.set(2, &mut two, Some(five));
        assert_eq!((one, two), (Some(ten), Some(five)));
        assert_eq!(timers.next(clock.now()), None);
        hand.advance(Duration::from_secs(20));
        let rung: Vec<_> = std::iter::from_fn(|| timers.next(clock.now())).collect();
        assert_eq!(rung, [(2, five), (1, ten), (2, twenty)]);
    }
}
