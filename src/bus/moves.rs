//! Moves of streams, by seq and by whom they concern: whoever reads finds its own at once, however many there are.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use crate::model::decree::{Decree, Whom};
use crate::model::id::StreamId;

/// How many are kept. A stream that is behind one that was forgotten may have missed its own, and is ended.
const MOVES: usize = 16_384;
/// After so many everybody is called to read on, also those in whose rooms nothing happens: only who takes nothing for
/// long falls behind what is kept.
const CALL: u64 = MOVES as u64 / 4;
/// Moves that one read for many may pass: each of them looks at them all.
const PASSED: usize = 8;

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Its name, where it is a stream.
    pub stream: Option<StreamId>,
    /// The principal, by the name that it is shown by.
    pub principal: &'a str,
}

/// The moves of a log.
#[derive(Debug, Default)]
pub(super) struct Moves {
    kept: BTreeMap<u64, Arc<Decree>>,
    by_stream: HashMap<StreamId, VecDeque<u64>>,
    by_principal: HashMap<Arc<str>, VecDeque<u64>>,
    /// How many there were.
    count: u64,
    /// The newest that is not kept any more.
    forgotten: u64,
}

impl Moves {
    /// Keeps `decree`, which is one, as entry `seq`.
    pub(super) fn push(&mut self, seq: u64, decree: Arc<Decree>) {
        self.count += 1;
        match decree.moved().map(|moved| &moved.whom) {
            Some(Whom::Stream(stream)) => self.by_stream.entry(*stream).or_default().push_back(seq),
            Some(Whom::Principal(name)) => {
                let same = self.by_principal.entry(name.clone()).or_default();
                same.push_back(seq);
            }
            None => {}
        }
        self.kept.insert(seq, decree);
        if self.kept.len() > MOVES
            && let Some((oldest, decree)) = self.kept.pop_first()
        {
            self.forgotten = oldest;
            match decree.moved().map(|moved| &moved.whom) {
                Some(Whom::Stream(stream)) => drop_oldest(&mut self.by_stream, stream),
                Some(Whom::Principal(name)) => drop_oldest(&mut self.by_principal, name),
                None => {}
            }
        }
    }

    /// Whether everybody is to read on for the one that was just kept.
    pub(super) const fn calls_all(&self) -> bool {
        self.count.is_multiple_of(CALL)
    }

    /// Whether one beyond `after` is not kept any more.
    pub(super) const fn has_forgotten(&self, after: u64) -> bool {
        self.forgotten > after
    }

    /// The first beyond `after` that concerns `who`.
    pub(super) fn next(&self, after: u64, who: Who<'_>) -> Option<u64> {
        if self
            .kept
            .last_key_value()
            .is_none_or(|(newest, _)| *newest <= after)
        {
            return None;
        }
        let stream = who.stream.and_then(|stream| self.by_stream.get(&stream));
        let principal = self.by_principal.get(who.principal);
        let own = [stream, principal].into_iter().flatten();
        own.filter_map(|seqs| seqs.get(seqs.partition_point(|seq| *seq <= after)))
            .min()
            .copied()
    }

    /// Where many who are beyond `after` stop, before there are more than each of them shall look at.
    pub(super) fn stop_of_all(&self, after: u64) -> Option<u64> {
        let beyond = self.kept.range(after + 1..).nth(PASSED);
        beyond.map(|(seq, _)| seq - 1)
    }

    /// Those beyond `after`, up to `upto`.
    pub(super) fn between(
        &self,
        after: u64,
        upto: u64,
    ) -> impl Iterator<Item = (u64, Arc<Decree>)> {
        let range = (after < upto).then(|| self.kept.range(after + 1..=upto));
        range
            .into_iter()
            .flatten()
            .map(|(seq, decree)| (*seq, decree.clone()))
    }
}

fn drop_oldest<K: Eq + Hash>(by: &mut HashMap<K, VecDeque<u64>>, whom: &K) {
    if let Some(seqs) = by.get_mut(whom) {
        seqs.pop_front();
        if seqs.is_empty() {
            by.remove(whom);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decree::Move;
    use crate::model::room::Room;

    const ANN: Who<'static> = Who {
        stream: None,
        principal: "ann",
    };

    fn moved(whom: Whom) -> Arc<Decree> {
        let room = Room::of_stream(StreamId::from_random(1));
        let joins = true;
        Arc::new(Decree::Moved(Move { whom, room, joins }))
    }

    fn of_ann() -> Arc<Decree> {
        moved(Whom::Principal("ann".into()))
    }

    #[test]
    fn whoever_reads_stops_at_its_own_and_those_who_read_together_before_there_are_too_many() {
        let mut moves = Moves::default();
        let stream = StreamId::from_random(7);
        for seq in 1..=PASSED as u64 {
            moves.push(10 * seq, of_ann());
        }
        moves.push(200, moved(Whom::Stream(stream)));
        let own = Who {
            stream: Some(stream),
            principal: "bob",
        };
        assert_eq!(
            (moves.next(0, ANN), moves.next(10, ANN), moves.next(80, ANN)),
            (Some(10), Some(20), None)
        );
        assert_eq!(
            (moves.next(0, own), moves.next(200, own)),
            (Some(200), None)
        );
        assert_eq!(
            (moves.stop_of_all(0), moves.stop_of_all(10)),
            (Some(199), None)
        );
        let between: Vec<_> = moves.between(70, 200).map(|(seq, _)| seq).collect();
        assert_eq!(between, [80, 200]);
        assert_eq!(moves.between(200, 200).count(), 0);
    }

    #[test]
    fn they_are_bounded_and_who_may_have_missed_one_is_known() {
        let mut moves = Moves::default();
        let mut calls = 0;
        for seq in 1..=MOVES as u64 {
            moves.push(seq, of_ann());
            calls += usize::from(moves.calls_all());
        }
        assert_eq!((moves.kept.len(), calls), (MOVES, 4));
        assert!(!moves.has_forgotten(0));
        moves.push(
            MOVES as u64 + 1,
            moved(Whom::Stream(StreamId::from_random(7))),
        );
        assert_eq!(
            (moves.kept.len(), moves.by_principal["ann"].len()),
            (MOVES, MOVES - 1)
        );
        assert!(moves.has_forgotten(0) && !moves.has_forgotten(1));
        for seq in 0..MOVES as u64 {
            moves.push(2 * MOVES as u64 + seq, of_ann());
        }
        assert!(moves.by_stream.is_empty());
    }
}
