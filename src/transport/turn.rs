//! When a stream's turn to leave comes: a drain spreads its ends, so that the clients do not come back as one.

use std::time::Duration;

use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Draining;
use crate::lifecycle::random;
use crate::model::time::Moment;

use super::context::Context;

/// One stream's turn; it comes once.
pub(super) struct Turn {
    draining: Draining,
    clock: Clock,
    window: Duration,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Staying,
    /// The gateway drains; this stream leaves then.
    Leaving(Moment),
    Gone,
}

impl Turn {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            draining: context.draining.clone(),
            clock: context.clock.clone(),
            window: context.rules().drain_window,
            state: State::Staying,
        }
    }

    /// Returns once, when it is this stream's turn. Dropping the future loses nothing.
    pub(super) async fn come(&mut self) {
        if let State::Staying = self.state {
            self.draining.begun().await;
            let pause = random::between(Duration::ZERO, self.window);
            self.state = State::Leaving(self.clock.now() + pause);
        }
        match self.state {
            State::Leaving(at) => self.clock.sleep_until(at).await,
            State::Staying | State::Gone => std::future::pending().await,
        }
        self.state = State::Gone;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::lifecycle::drain::Drain;

    #[test]
    fn the_turns_of_many_streams_are_spread_over_the_window_and_come_once() {
        let (drain, draining) = Drain::new();
        let (clock, hand) = Clock::manual();
        let window = Duration::from_secs(10);
        let mut turns: Vec<Turn> = (0..1000)
            .map(|_| Turn {
                draining: draining.clone(),
                clock: clock.clone(),
                window,
                state: State::Staying,
            })
            .collect();
        let mut due = || {
            turns
                .iter_mut()
                .filter_map(|turn| turn.come().now_or_never())
                .count()
        };
        assert_eq!(due(), 0);
        drain.begin();
        let mut counts = vec![due()];
        for _ in 0..10 {
            hand.advance(Duration::from_secs(1));
            counts.push(due());
        }
        assert_eq!(counts.iter().sum::<usize>(), 1000);
        assert!(
            counts[1..].iter().all(|count| (40..200).contains(count)),
            "{counts:?}"
        );
        assert_eq!(due(), 0);
    }
}
