//! What is said once a minute for each thing, and not for each of more things than a log can bear.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::time::Moment;

/// How long a thing is not said again.
const PAUSE: Duration = Duration::from_secs(60);
/// Things that are said in that time: more of them are somebody who makes them up.
const MOST: usize = 64;
/// What of a name is remembered, in bytes.
const NAME: usize = 256;

/// What was said of late.
#[derive(Default)]
pub struct Seldom(Mutex<HashMap<Box<str>, Moment>>);

impl Seldom {
    /// Whether `name` may be said now; if so, it counts as said.
    pub fn is_due(&self, name: &str, now: Moment) -> bool {
        let name = &name[..name.floor_char_boundary(NAME)];
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: &Moment| now.since(*at) >= PAUSE;
        if said.get(name).is_some_and(|at| !is_old(at)) {
            return false;
        }
        if said.len() >= MOST {
            said.retain(|_, at| !is_old(at));
        }
        let is_due = said.len() < MOST;
        if is_due {
            said.insert(name.into(), now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn each_thing_is_said_once_a_minute() {
        let seldom = Seldom::default();
        let said = [("a", 0), ("a", 59), ("b", 59), ("a", 60), ("a", 61)]
            .map(|(name, seconds)| seldom.is_due(name, at(seconds)));
        assert_eq!(said, [true, false, true, true, false]);
    }

    #[test]
    fn who_makes_things_up_fills_neither_the_log_nor_the_memory() {
        let seldom = Seldom::default();
        let long = "x".repeat(10_000);
        let said = (0..1000).filter(|number| seldom.is_due(&format!("{number}{long}"), at(0)));
        assert_eq!(said.count(), MOST);
        assert!(
            seldom
                .0
                .lock()
                .unwrap()
                .keys()
                .all(|name| name.len() <= NAME)
        );
        assert!(!seldom.is_due("a", at(59)));
        assert!(seldom.is_due("a", at(60)), "the old ones make room");
        assert_eq!(seldom.0.lock().unwrap().len(), 1);
    }
}
