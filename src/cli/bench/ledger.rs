//! What one client has of a run: every event once and in order, in a few bytes while all is well.

use std::ops::Range;

/// The numbers that have arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Everything below has arrived, except what is in `holes`.
    next: u32,
    /// Ascending, none of them empty.
    holes: Vec<Range<u32>>,
}

/// How an event arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// After all that came before it.
    InOrder,
    /// For the first time, after one that should follow it.
    Late,
    /// Not for the first time.
    Again,
}

impl Ledger {
    /// Takes down the arrival of `seq`.
    pub(super) fn arrived(&mut self, seq: u32) -> Arrival {
        if seq >= self.next {
            if seq > self.next {
                self.holes.push(self.next..seq);
            }
            self.next = seq.saturating_add(1);
            return Arrival::InOrder;
        }
        match self.holes.iter().position(|hole| hole.contains(&seq)) {
            Some(at) => {
                let hole = self.holes[at].clone();
                let rest = [hole.start..seq, seq + 1..hole.end];
                let rest = rest.into_iter().filter(|part| !part.is_empty());
                self.holes.splice(at..=at, rest);
                Arrival::Late
            }
            None => Arrival::Again,
        }
    }

    /// How many of the first `count` have not arrived. Those `in_doubt`, of which nobody knows whether they were
    /// published, are not missed.
    pub(super) fn missing(&self, count: u32, in_doubt: &[u32]) -> u64 {
        let rest = self.next.min(count)..count;
        let missing = self.holes.iter().chain([&rest]);
        missing
            .map(|hole| {
                let excused = in_doubt.iter().filter(|seq| hole.contains(seq)).count();
                hole.len() - excused
            })
            .sum::<usize>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_late_event_fills_its_hole_and_one_that_comes_again_is_told() {
        let mut ledger = Ledger::default();
        let arrivals = [0, 4, 2, 2, 1, 3, 5].map(|seq| ledger.arrived(seq));
        use Arrival::{Again, InOrder, Late};
        assert_eq!(
            arrivals,
            [InOrder, InOrder, Late, Again, Late, Late, InOrder]
        );
        assert_eq!((ledger.missing(6, &[]), ledger.missing(9, &[7])), (0, 2));
        assert!(ledger.holes.is_empty());
    }

    proptest! {
        #[test]
        fn it_knows_what_a_set_would_know(
            arrivals in prop::collection::vec(0_u32..40, 0..80),
            in_doubt in prop::collection::btree_set(0_u32..40, 0..5),
        ) {
            let (mut ledger, mut set) = (Ledger::default(), BTreeSet::new());
            for seq in arrivals {
                let last = set.last().copied();
                let expected = match (set.insert(seq), last) {
                    (false, _) => Arrival::Again,
                    (true, Some(last)) if seq < last => Arrival::Late,
                    (true, _) => Arrival::InOrder,
                };
                prop_assert_eq!(ledger.arrived(seq), expected);
            }
            let missing = (0..40).filter(|seq| !set.contains(seq) && !in_doubt.contains(seq)).count();
            let in_doubt: Vec<u32> = in_doubt.into_iter().collect();
            prop_assert_eq!(ledger.missing(40, &in_doubt), missing as u64);
        }
    }
}
