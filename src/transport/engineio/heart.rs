//! Heartbeats: the server asks, the client answers, and one that does not is given up.

use std::time::Duration;

use crate::model::time::Moment;

/// The heartbeats of one session.
#[derive(Clone, Copy, Debug)]
pub struct Heart {
    /// From a sign of life to the next question, in milliseconds: thousands of sessions pay for each byte.
    interval: u32,
    /// From a question to the end, in milliseconds.
    timeout: u32,
    /// When it was heard last, or began.
    heard: Moment,
    is_asked: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The client is to be asked.
    Ask,
    /// It has not answered in time.
    GiveUp,
}

impl Heart {
    /// That of a session which begins `now`.
    #[must_use]
    pub fn new(interval: Duration, timeout: Duration, now: Moment) -> Self {
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        Self {
            interval: millis(interval),
            timeout: millis(timeout),
            heard: now,
            is_asked: false,
        }
    }

    /// The client has given a sign of life.
    pub const fn hear(&mut self, now: Moment) {
        self.heard = now;
        self.is_asked = false;
    }

    /// It has as much time to answer from `now` on.
    pub fn wait(&mut self, now: Moment) {
        self.heard = now.before(span(self.interval));
    }

    /// Whether an answer is due.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// When something is due.
    #[must_use]
    pub fn due(&self) -> Moment {
        let asks = self.heard + span(self.interval);
        if self.is_asked {
            asks + span(self.timeout)
        } else {
            asks
        }
    }

    /// What is due `now`, if anything is. Whoever asks for it does it.
    pub fn beat(&mut self, now: Moment) -> Option<Beat> {
        if now < self.due() {
            return None;
        }
        if self.is_asked {
            return Some(Beat::GiveUp);
        }
        self.is_asked = true;
        // After a pause of the whole process the client has its time to answer all the same.
        self.heard = self
            .heard
            .max(now.before(span(self.interval) + span(self.timeout) / 2));
        Some(Beat::Ask)
    }
}

fn span(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_asked_after_its_last_sign_of_life_and_given_up_where_it_says_nothing() {
        let at = |ms| Moment::default() + Duration::from_millis(ms);
        let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
        let mut heart = Heart::new(interval, timeout, at(0));
        assert_eq!((heart.beat(at(299)), heart.due()), (None, at(300)));
        assert_eq!(heart.beat(at(300)), Some(Beat::Ask));
        assert_eq!((heart.beat(at(499)), heart.due()), (None, at(500)));
        heart.hear(at(450));
        assert_eq!((heart.beat(at(500)), heart.due()), (None, at(750)));
        assert_eq!(heart.beat(at(750)), Some(Beat::Ask));
        assert_eq!(heart.beat(at(950)), Some(Beat::GiveUp));
    }

    #[test]
    fn whoever_is_not_listened_to_is_given_its_time_again() {
        let at = |ms| Moment::default() + Duration::from_millis(ms);
        let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
        let mut heart = Heart::new(interval, timeout, at(0));
        assert_eq!(heart.beat(at(300)), Some(Beat::Ask));
        assert_eq!(heart.beat(at(500)), Some(Beat::GiveUp));
        heart.wait(at(500));
        assert_eq!((heart.beat(at(699)), heart.is_asked()), (None, true));
        assert_eq!(heart.beat(at(700)), Some(Beat::GiveUp));
    }

    #[test]
    fn after_a_pause_of_the_whole_process_there_is_time_to_answer() {
        let at = |ms| Moment::default() + Duration::from_millis(ms);
        let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
        let mut heart = Heart::new(interval, timeout, at(0));
        assert_eq!(heart.beat(at(5000)), Some(Beat::Ask));
        assert_eq!(heart.beat(at(5050)), None);
    }
}
