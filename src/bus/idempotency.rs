//! Publishes that may be sent twice and must be applied once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::code::{Code, Refusal};
use crate::model::id::Principal;
use crate::model::position::Position;
use crate::model::time::Moment;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// How many keys are remembered; beyond them a publish with a new key is refused rather than an old key
/// forgotten, because a forgotten key is a duplicate.
const CAPACITY: usize = 200_000;
/// Keys forgotten in one step, so that no publish waits for thousands of them.
const EXPIRY_STEP: usize = 256;
/// What is kept back for others from a principal that has as many keys itself: nobody's keys crowd out another's,
/// and one busy backend may still have nearly all.
const RESERVE: usize = CAPACITY / 10;

/// What makes two requests the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose key it is: two publishers never share one.
    pub principal: Principal,
    /// The `Idempotency-Key`.
    pub key: Arc<str>,
}

/// A publish that may be a repetition.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// What makes its request the same.
    pub key: Key,
    /// Which event of the request it is.
    pub index: usize,
    /// SHA-256 of the whole request.
    pub fingerprint: [u8; 32],
    /// Why it is refused if it is none: what it needs is gone, and may have been there the first time.
    pub refused_if_new: Option<Box<Refusal>>,
}

/// The keys that came in the last ten minutes, and what they were answered.
#[derive(Debug, Default)]
pub struct Seen {
    requests: HashMap<Key, Request>,
    order: VecDeque<(Moment, Key)>,
    of_one: HashMap<Principal, usize>,
}

#[derive(Debug)]
struct Request {
    fingerprint: [u8; 32],
    answers: Vec<(usize, Position)>,
}

impl Seen {
    /// The position that this publish was given before, or nothing if it is new.
    ///
    /// # Errors
    /// The key came with another body; or no more keys can be remembered; or it is refused because it is new.
    pub fn check(
        &mut self,
        publish: &Idempotency,
        now: Moment,
    ) -> Result<Option<Position>, Refusal> {
        self.expire(now);
        let new = || {
            let refused = publish.refused_if_new.as_deref();
            refused.map_or(Ok(None), |refusal| Err(refusal.clone()))
        };
        match self.requests.get(&publish.key) {
            // Of the request as a whole: a key whose body has changed applies none of its events.
            Some(request) if request.fingerprint != publish.fingerprint => Err(Refusal::new(
                Code::IdempotencyConflict,
                "this Idempotency-Key came before with another body; use a new key for a new request",
            )),
            Some(request) => {
                let mut answers = request.answers.iter();
                let same = answers.find(|(index, _)| *index == publish.index);
                same.map_or_else(new, |(_, answer)| Ok(Some(*answer)))
            }
            None if self.is_full_for(&publish.key.principal) => Err(Refusal::new(
                Code::Overloaded,
                "too many idempotency keys in the last ten minutes",
            )
            .limit("idempotency_keys")
            .retry_after(Duration::from_secs(60))),
            None => new(),
        }
    }

    /// Remembers the answer of a publish that was applied; refusals are not kept.
    pub fn keep(&mut self, publish: Idempotency, answer: Position, now: Moment) {
        let Idempotency {
            key,
            index,
            fingerprint,
            ..
        } = publish;
        let request = self.requests.entry(key.clone()).or_insert_with(|| {
            *self.of_one.entry(key.principal.clone()).or_default() += 1;
            self.order.push_back((now, key));
            Request {
                fingerprint,
                answers: Vec::with_capacity(1),
            }
        });
        request.answers.push((index, answer));
    }

    fn is_full_for(&self, principal: &Principal) -> bool {
        let of_one = self.of_one.get(principal).copied().unwrap_or_default();
        let reserve = if of_one >= RESERVE { RESERVE } else { 0 };
        self.requests.len() >= CAPACITY - reserve
    }

    /// Forgets the keys whose ten minutes are over.
    pub fn expire(&mut self, now: Moment) {
        for _ in 0..EXPIRY_STEP {
            let is_over = |(kept, _): &(Moment, Key)| now.since(*kept) >= KEPT;
            let Some((_, key)) = self.order.pop_front_if(|front| is_over(front)) else {
                return;
            };
            self.requests.remove(&key);
            if let Some(count) = self.of_one.get_mut(&key.principal) {
                *count -= 1;
                if *count == 0 {
                    self.of_one.remove(&key.principal);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::position::Epoch;

    fn publish(key: &str, body: u8) -> Idempotency {
        event(key, body, 0)
    }

    fn event(key: &str, body: u8, index: usize) -> Idempotency {
        let key = Key {
            principal: Principal::Anonymous,
            key: key.into(),
        };
        Idempotency {
            key,
            index,
            fingerprint: [body; 32],
            refused_if_new: None,
        }
    }

    #[test]
    fn a_key_is_answered_the_same_for_ten_minutes_and_refused_with_another_body() {
        let at = |seconds| Moment::from_origin(Duration::from_secs(seconds));
        let answer = Position {
            epoch: Epoch::from_random(1),
            seq: 3,
        };
        let mut seen = Seen::default();
        assert_eq!(seen.check(&publish("a", 1), at(0)), Ok(None));
        seen.keep(publish("a", 1), answer, at(0));
        assert_eq!(seen.check(&publish("a", 1), at(599)), Ok(Some(answer)));
        let conflict = seen.check(&publish("a", 2), at(599)).unwrap_err();
        assert_eq!(conflict.code, Code::IdempotencyConflict);
        assert_eq!(seen.check(&publish("b", 2), at(599)), Ok(None));
        assert_eq!(seen.check(&publish("a", 2), at(600)), Ok(None));
        assert!(seen.requests.is_empty() && seen.order.is_empty() && seen.of_one.is_empty());
    }

    #[test]
    fn another_body_is_refused_for_every_event_though_the_first_was_never_applied() {
        let answer = Position {
            epoch: Epoch::from_random(1),
            seq: 3,
        };
        let mut seen = Seen::default();
        seen.keep(event("a", 1, 1), answer, Moment::default());
        assert_eq!(seen.check(&event("a", 1, 0), Moment::default()), Ok(None));
        assert!(seen.check(&event("a", 2, 0), Moment::default()).is_err());
    }

    #[test]
    fn what_can_be_applied_no_more_is_answered_only_where_it_was() {
        let answer = Position {
            epoch: Epoch::from_random(1),
            seq: 3,
        };
        let late = |key, body, index| Idempotency {
            refused_if_new: Some(Box::new(Refusal::new(Code::UnknownStream, "gone"))),
            ..event(key, body, index)
        };
        let mut seen = Seen::default();
        seen.keep(publish("a", 1), answer, Moment::default());
        let mut told = |one| {
            let told = seen.check(&one, Moment::default());
            told.map_err(|refusal| refusal.code)
        };
        assert_eq!(told(late("a", 1, 0)), Ok(Some(answer)));
        assert_eq!(told(late("a", 2, 0)), Err(Code::IdempotencyConflict));
        assert_eq!(told(late("a", 1, 1)), Err(Code::UnknownStream));
        assert_eq!(told(late("b", 1, 0)), Err(Code::UnknownStream));
    }

    #[test]
    fn one_principal_cannot_take_the_keys_of_all() {
        let answer = Position {
            epoch: Epoch::from_random(1),
            seq: 3,
        };
        let mut seen = Seen::default();
        for n in 0..CAPACITY - RESERVE {
            seen.keep(publish(&n.to_string(), 1), answer, Moment::default());
        }
        let refusal = seen
            .check(&publish("more", 1), Moment::default())
            .unwrap_err();
        assert_eq!(
            (refusal.code, refusal.limit),
            (Code::Overloaded, Some("idempotency_keys"))
        );
        let mut other = publish("more", 1);
        other.key.principal = Principal::ApiKey("other".into());
        assert_eq!(seen.check(&other, Moment::default()), Ok(None));
    }
}
