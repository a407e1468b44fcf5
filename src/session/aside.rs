//! What few streams have: kept apart, because thousands of streams would pay for it.

use crate::model::gap::Gap;
use crate::model::room::Room;
use crate::wire::hook::First;

/// What few streams have.
#[derive(Debug, Default)]
pub(super) struct Aside(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Rooms that are granted to this stream though its credential does not grant them.
    extra: Vec<Room>,
    /// The gaps that were known before the stream was opened.
    gaps: Vec<Gap>,
    /// What the backend has it told first.
    first: Vec<First>,
}

impl Aside {
    pub(super) fn new(extra: Vec<Room>, gaps: Vec<Gap>) -> Self {
        let is_empty = extra.is_empty() && gaps.is_empty();
        let kept = || Kept {
            extra,
            gaps,
            first: Vec::new(),
        };
        Self((!is_empty).then(|| Box::new(kept())))
    }

    /// The same, and what the backend has it told first.
    pub(super) fn with_first(mut self, first: Vec<First>) -> Self {
        if !first.is_empty() {
            self.0.get_or_insert_default().first = first;
        }
        self
    }

    /// What it is told first, which is told once; the gaps are to be taken behind it.
    pub(super) fn take_first(&mut self) -> Vec<First> {
        let kept = self.0.as_mut();
        kept.map_or_else(Vec::new, |kept| std::mem::take(&mut kept.first))
    }

    /// The same rooms, and other gaps.
    pub(super) fn with_gaps(self, gaps: Vec<Gap>) -> Self {
        Self::new(self.0.map(|kept| kept.extra).unwrap_or_default(), gaps)
    }

    /// The gaps, which are told once.
    pub(super) fn take_gaps(&mut self) -> Vec<Gap> {
        let Some(kept) = self.0.take() else {
            return Vec::new();
        };
        let Kept { extra, gaps, .. } = *kept;
        *self = Self::new(extra, Vec::new());
        gaps
    }

    /// Whether `room` is granted to the stream itself.
    pub(super) fn grants(&self, room: &Room) -> bool {
        self.extra().contains(room)
    }

    /// The rooms that are granted to the stream itself.
    pub(super) fn extra(&self) -> &[Room] {
        self.0.as_ref().map_or(&[], |kept| &kept.extra)
    }

    /// From now on `room` is granted to the stream itself.
    pub(super) fn grant(&mut self, room: &Room) {
        let kept = self.0.get_or_insert_default();
        if !kept.extra.contains(room) {
            kept.extra.push(room.clone());
        }
    }

    /// `room` is not granted to the stream itself any more.
    pub(super) fn revoke(&mut self, room: &Room) {
        if let Some(kept) = &mut self.0 {
            kept.extra.retain(|one| one != room);
            if kept.extra.is_empty() && kept.gaps.is_empty() && kept.first.is_empty() {
                self.0 = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_takes_no_memory_and_gaps_are_told_once() {
        let room = |name| Room::parse(name).unwrap();
        let mut aside = Aside::new(Vec::new(), vec![Gap::unauthorized(room("a"))]);
        aside.grant(&room("b"));
        aside.grant(&room("b"));
        assert_eq!((aside.take_gaps().len(), aside.take_gaps().len()), (1, 0));
        assert_eq!(aside.extra(), [room("b")]);
        assert!(aside.grants(&room("b")) && !aside.grants(&room("a")));
        aside.revoke(&room("b"));
        assert!(aside.0.is_none());
    }
}
