//! Decrees: entries of the log that are for all readers, whatever their rooms.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::code::{Code, Refusal};
use crate::model::decree::{Bearer, Decree, Revocation};
use crate::model::time::UnixMillis;
use crate::sync::{Mutex, lock};

use super::moves::{Moves, Who};

/// How many revocations are kept; beyond them one more is refused rather than one forgotten, because a credential whose
/// revocation is forgotten is good again.
const CAPACITY: usize = 100_000;
/// How many changes of rights are kept. They are for readers that are behind: one that takes nothing is given up within
/// `timeouts.write_stall`, and a configuration is not read so often in that time. Were it, a reader behind all of them
/// would be judged at the oldest that is kept, and not before.
const RIGHTS: usize = 1024;

/// The decrees of a log, by seq.
#[derive(Debug, Default)]
pub struct Decrees {
    held: BTreeMap<u64, Held>,
    rights: BTreeSet<u64>,
    moves: Moves,
}

#[derive(Debug)]
struct Held {
    decree: Arc<Decree>,
    /// From then on it says nothing, because what it revokes has ended.
    until: Option<UnixMillis>,
}

/// A revocation that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What.
    pub revocation: Revocation,
    /// Until when; for ever, where nothing says when its credentials end.
    pub until: Option<UnixMillis>,
}

impl Decrees {
    /// Whether one more can be kept.
    ///
    /// # Errors
    /// `unavailable`: too many revocations are held.
    pub fn check(&self, decree: &Decree) -> Result<(), Refusal> {
        let held = self.held.len() - self.rights.len();
        if matches!(decree, Decree::Revoked(_)) && held >= CAPACITY {
            let message = "100000 revocations are held already; say until when they have to hold";
            return Err(Refusal::new(Code::Unavailable, message));
        }
        Ok(())
    }

    /// Keeps `decree` as entry `seq`, at least until then.
    pub fn push(&mut self, seq: u64, decree: Decree, until: Option<UnixMillis>) {
        if decree.moved().is_some() {
            return self.moves.push(seq, Arc::new(decree));
        }
        if decree == Decree::Rights {
            self.rights.insert(seq);
            if self.rights.len() > RIGHTS
                && let Some(oldest) = self.rights.pop_first()
            {
                self.held.remove(&oldest);
            }
        }
        let decree = Arc::new(decree);
        self.held.insert(seq, Held { decree, until });
    }

    /// Whether everybody is to read on for the move that was just kept: who does is never behind those that are kept.
    #[must_use]
    pub const fn calls_all(&self) -> bool {
        self.moves.calls_all()
    }

    /// Whether a move beyond `after` is not kept any more.
    #[must_use]
    pub const fn has_forgotten(&self, after: u64) -> bool {
        self.moves.has_forgotten(after)
    }

    /// Those beyond `after`, up to `upto`, but for moves.
    #[must_use]
    pub fn between(&self, after: u64, upto: u64) -> Vec<(u64, Arc<Decree>)> {
        if self.held.is_empty() || after >= upto {
            return Vec::new();
        }
        let range = self.held.range(after + 1..=upto);
        range
            .map(|(seq, held)| (*seq, held.decree.clone()))
            .collect()
    }

    /// The moves beyond `after`, up to `upto`.
    pub fn moves_between(&self, after: u64, upto: u64) -> impl Iterator<Item = (u64, Arc<Decree>)> {
        self.moves.between(after, upto)
    }

    /// The first decree beyond `after` at which `who` stops to read, because what comes after it may be read otherwise: a
    /// change of rights, or a move of its own.
    #[must_use]
    pub fn next_stop(&self, after: u64, who: Option<Who<'_>>) -> Option<u64> {
        let moved = who.and_then(|who| self.moves.next(after, who));
        self.next_rights(after).into_iter().chain(moved).min()
    }

    /// Where many who are beyond `after` stop together: at a change of rights, or before more moves than each of them
    /// shall look at.
    #[must_use]
    pub fn next_stop_of_all(&self, after: u64) -> Option<u64> {
        let moved = self.moves.stop_of_all(after);
        self.next_rights(after).into_iter().chain(moved).min()
    }

    fn next_rights(&self, after: u64) -> Option<u64> {
        self.rights.range(after + 1..).next().copied()
    }

    /// Forgets what says nothing any more at `now`.
    pub fn expire(&mut self, now: UnixMillis) {
        self.held
            .retain(|_, held| held.until.is_none_or(|until| now < until));
    }
}

/// The revocations that hold, for whoever comes with a credential. Where there are none nobody waits for anybody.
#[derive(Debug, Default)]
pub struct Revocations {
    any: AtomicBool,
    /// By what they name: a token's id, a subject, a key.
    by_name: Mutex<HashMap<Arc<str>, Vec<Revoked>>>,
}

/// Whether what holds until `one` holds longer than what holds until `other`.
fn outlives(one: Option<UnixMillis>, other: Option<UnixMillis>) -> bool {
    other.is_some_and(|other| one.is_none_or(|one| one > other))
}

impl Revocations {
    /// From now on `revoked` holds too.
    pub fn add(&self, revoked: Revoked) {
        let name = match &revoked.revocation {
            Revocation::Token(name) | Revocation::Key(name) => name.clone(),
            Revocation::Subject { subject, .. } => subject.clone(),
            // The stream ends, and who opened it may open another.
            Revocation::Stream(_) => return,
        };
        let mut by_name = lock(&self.by_name);
        let same = by_name.entry(name).or_default();
        // One that holds longer stays: what it was promised for does not end with a shorter one.
        same.retain(|held| {
            !held.revocation.is_part_of(&revoked.revocation) || outlives(held.until, revoked.until)
        });
        same.push(revoked);
        self.any.store(true, Ordering::Release);
    }

    /// Whether the credential of `bearer` is revoked.
    #[must_use]
    pub fn cover(&self, bearer: Bearer<'_>) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let by_name = lock(&self.by_name);
        let names = [bearer.token, Some(bearer.principal.name())];
        let mut held = names
            .into_iter()
            .flatten()
            .filter_map(|name| by_name.get(name))
            .flatten();
        held.any(|held| held.revocation.covers(bearer))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Revoked> {
        lock(&self.by_name).values().flatten().cloned().collect()
    }

    /// Forgets those whose credentials have ended at `now`.
    pub fn expire(&self, now: UnixMillis) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut by_name = lock(&self.by_name);
        by_name.retain(|_, same| {
            same.retain(|held| held.until.is_none_or(|until| now < until));
            !same.is_empty()
        });
        self.any.store(!by_name.is_empty(), Ordering::Release);
    }
}

#[cfg(all(test, not(gatecast_loom)))]
mod tests {
    use super::*;
    use crate::model::decree::{Move, Whom};
    use crate::model::id::{Principal, StreamId};
    use crate::model::room::Room;

    fn revoked(id: &str, until: Option<u64>) -> Revoked {
        Revoked {
            revocation: Revocation::Token(id.into()),
            until: until.map(UnixMillis),
        }
    }

    fn covers(held: &Revocations, token: &str) -> bool {
        let principal = Principal::Subject {
            issuer: "".into(),
            subject: "ann".into(),
        };
        held.cover(Bearer {
            principal: &principal,
            token: Some(token),
            issued: None,
        })
    }

    #[test]
    fn a_revocation_holds_until_its_credential_has_ended() {
        let held = Revocations::default();
        assert!(!covers(&held, "one"));
        held.add(revoked("one", Some(100)));
        held.add(revoked("two", None));
        assert!(covers(&held, "one") && covers(&held, "two") && !covers(&held, "three"));
        held.expire(UnixMillis(99));
        assert!(covers(&held, "one"));
        held.expire(UnixMillis(100));
        assert!(!covers(&held, "one") && covers(&held, "two"));
        assert_eq!(held.all(), [revoked("two", None)]);
    }

    #[test]
    fn what_is_said_twice_is_held_once() {
        let held = Revocations::default();
        let subject = |before| Revoked {
            revocation: Revocation::Subject {
                subject: "ann".into(),
                issuer: None,
                before: UnixMillis(before),
            },
            until: None,
        };
        held.add(subject(10));
        held.add(subject(20));
        assert_eq!(held.all(), [subject(20)]);
    }

    #[test]
    fn a_revocation_that_ends_sooner_takes_nothing_from_one_that_holds_longer() {
        let held = Revocations::default();
        held.add(revoked("one", None));
        held.add(revoked("one", Some(100)));
        held.add(revoked("two", Some(300)));
        held.add(revoked("two", Some(100)));
        held.expire(UnixMillis(200));
        assert!(covers(&held, "one") && covers(&held, "two"));
        held.add(revoked("two", None));
        assert_eq!(held.all().len(), 2);
    }

    #[test]
    fn readers_are_given_what_lies_between_and_stop_at_a_change_of_rights() {
        let mut decrees = Decrees::default();
        let revocation = Decree::Revoked(Revocation::Key("tv".into()));
        decrees.push(3, revocation.clone(), None);
        decrees.push(5, Decree::Rights, None);
        decrees.push(8, revocation, Some(UnixMillis(10)));
        let seqs = |after, upto| -> Vec<u64> {
            let between = decrees.between(after, upto);
            between.into_iter().map(|(seq, _)| seq).collect()
        };
        assert_eq!(seqs(0, 9), [3, 5, 8]);
        assert_eq!(seqs(3, 8), [5, 8]);
        assert_eq!(seqs(8, 8), [0; 0]);
        assert_eq!(
            (decrees.next_stop(0, None), decrees.next_stop(5, None)),
            (Some(5), None)
        );
        decrees.expire(UnixMillis(10));
        assert_eq!(decrees.between(0, 9).len(), 2);
    }

    #[test]
    fn whoever_reads_stops_at_its_own_move_or_at_a_change_of_rights_whichever_comes_first() {
        let mut decrees = Decrees::default();
        let moved = Decree::Moved(Move {
            whom: Whom::Principal("ann".into()),
            room: Room::of_stream(StreamId::from_random(1)),
            joins: true,
        });
        for seq in [10, 20] {
            decrees.push(seq, moved.clone(), None);
        }
        decrees.push(15, Decree::Rights, None);
        let stop = |after, principal| {
            let stream = None;
            decrees.next_stop(after, Some(Who { stream, principal }))
        };
        assert_eq!(
            (stop(0, "ann"), stop(10, "ann"), stop(15, "ann")),
            (Some(10), Some(15), Some(20))
        );
        assert_eq!((stop(0, "bob"), stop(15, "bob")), (Some(15), None));
        assert_eq!(
            (decrees.next_stop(0, None), decrees.next_stop_of_all(0)),
            (Some(15), Some(15))
        );
        assert_eq!(
            (
                decrees.between(0, 30).len(),
                decrees.moves_between(0, 30).count()
            ),
            (1, 2)
        );
        let revocation = Decree::Revoked(Revocation::Key("tv".into()));
        assert!(decrees.check(&revocation).is_ok());
    }

    #[test]
    fn changes_of_rights_are_bounded_and_revocations_refused_beyond_their_bound() {
        let mut decrees = Decrees::default();
        let rights = RIGHTS as u64;
        for seq in 1..=rights + 5 {
            decrees.push(seq, Decree::Rights, None);
        }
        assert_eq!(decrees.held.len(), RIGHTS);
        let revocation = Decree::Revoked(Revocation::Key("tv".into()));
        for seq in 0..CAPACITY as u64 {
            assert!(decrees.check(&revocation).is_ok());
            decrees.push(10_000 + seq, revocation.clone(), None);
        }
        let refusal = decrees.check(&revocation).unwrap_err();
        assert_eq!(refusal.code, Code::Unavailable);
        assert!(decrees.check(&Decree::Rights).is_ok());
    }
}
