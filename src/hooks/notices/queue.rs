//! What is to be told: in order for each stream, and no more than is bounded. It knows no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::hooks::sign::MessageId;
use crate::model::id::StreamId;
use crate::model::time::Moment;
use crate::telemetry::metrics::labels::Told;

/// What stays in order: one stream's news, or a single one of no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Stream(StreamId),
    Alone(u64),
}

/// One thing to tell.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) to: Told,
    pub(super) id: MessageId,
    pub(super) body: Bytes,
    /// When it happened.
    pub(super) since: Moment,
    /// How often it was sent.
    pub(super) attempts: u32,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In all.
    pub(super) news: usize,
    /// In all, in bytes, with what each needs besides its body.
    pub(super) bytes: usize,
    /// For one stream.
    pub(super) of_lane: usize,
    /// For one stream, in bytes.
    pub(super) bytes_of_lane: usize,
}

impl Bounds {
    /// 65,536 and 64 MiB in all, 256 and 256 KiB for one stream.
    pub(super) const DEFAULT: Self = Self {
        news: 1 << 16,
        bytes: 64 << 20,
        of_lane: 256,
        bytes_of_lane: 256 << 10,
    };

    /// What of them is for the hook `to`. One may leave rooms as often as one likes, and the end of a stream is told all
    /// the same: there is always room for it in its lane, and half of all.
    const fn of(self, to: Told) -> Self {
        match to {
            Told::Disconnect => self,
            Told::Unsubscribe => Self {
                news: self.news / 2,
                bytes: self.bytes / 2,
                of_lane: self.of_lane - 1,
                bytes_of_lane: self.bytes_of_lane / 2,
            },
        }
    }
}

/// What one takes besides its body, about.
const OVERHEAD: usize = 256;

/// What waits.
pub(super) struct Queue {
    bounds: Bounds,
    lanes: HashMap<Lane, Waiting>,
    /// Lanes whose first may be sent now, by whom it is for.
    ready: [VecDeque<Lane>; 2],
    /// Lanes whose first is to be sent again, by when.
    later: [BTreeMap<(Moment, u64), Lane>; 2],
    news: usize,
    bytes: usize,
    next: u64,
}

/// What waits in one lane, and whom what is under way of it is for.
#[derive(Default)]
struct Waiting {
    news: VecDeque<News>,
    under_way: Option<Told>,
    /// With what is under way.
    count: usize,
    bytes: usize,
}

impl News {
    fn bytes(&self) -> usize {
        self.body.len() + OVERHEAD
    }
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lanes: HashMap::new(),
            ready: Default::default(),
            later: Default::default(),
            news: 0,
            bytes: 0,
            next: 0,
        }
    }

    /// The lane of `stream`, or one of its own.
    pub(super) fn lane(&mut self, stream: Option<StreamId>) -> Lane {
        self.next += 1;
        stream.map_or(Lane::Alone(self.next), Lane::Stream)
    }

    /// Takes it in, at the end of its lane.
    ///
    /// # Errors
    /// A bound is met, whose name this is: it is not taken.
    pub(super) fn push(&mut self, lane: Lane, news: News) -> Result<(), &'static str> {
        let (bounds, bytes) = (self.bounds.of(news.to), news.bytes());
        if self.news >= bounds.news || self.bytes + bytes > bounds.bytes {
            return Err("too many wait");
        }
        let is_new = !self.lanes.contains_key(&lane);
        let waiting = self.lanes.entry(lane).or_default();
        if waiting.count >= bounds.of_lane || waiting.bytes + bytes > bounds.bytes_of_lane {
            if is_new {
                self.lanes.remove(&lane);
            }
            return Err("too many of this stream wait");
        }
        waiting.count += 1;
        waiting.bytes += bytes;
        self.news += 1;
        self.bytes += bytes;
        let to = news.to;
        waiting.news.push_back(news);
        if is_new {
            self.ready[place(to)].push_back(lane);
        }
        Ok(())
    }

    /// The next one for `to`; it is under way until it is [`Self::done`] or [`Self::again`].
    pub(super) fn take(&mut self, to: Told) -> Option<(Lane, News)> {
        let lane = self.ready[place(to)].pop_front()?;
        let waiting = self.lanes.get_mut(&lane)?;
        let news = waiting.news.pop_front()?;
        waiting.under_way = Some(to);
        Some((lane, news))
    }

    /// What was under way is over. The one whose turn is next in its lane, by whom it is for.
    pub(super) fn done(&mut self, lane: Lane, news: &News) -> Option<Told> {
        let waiting = self.lanes.get_mut(&lane)?;
        waiting.under_way = None;
        waiting.count -= 1;
        waiting.bytes -= news.bytes();
        self.news -= 1;
        self.bytes -= news.bytes();
        let Some(first) = waiting.news.front() else {
            self.lanes.remove(&lane);
            return None;
        };
        let to = first.to;
        self.ready[place(to)].push_back(lane);
        Some(to)
    }

    /// What was under way is to be sent again, not before `at`; its lane waits for it.
    pub(super) fn again(&mut self, lane: Lane, news: News, at: Moment) {
        self.next += 1;
        let to = news.to;
        if let Some(waiting) = self.lanes.get_mut(&lane) {
            waiting.under_way = None;
            waiting.news.push_front(news);
            self.later[place(to)].insert((at, self.next), lane);
        }
    }

    /// Those of `to` that were for later have their turns, if it is later than that.
    pub(super) fn wake(&mut self, to: Told, now: Moment) {
        let later = &mut self.later[place(to)];
        while let Some(first) = later.first_entry()
            && first.key().0 <= now
        {
            self.ready[place(to)].push_back(first.remove());
        }
    }

    /// All of those have their turns now.
    pub(super) fn hurry(&mut self) {
        for (later, ready) in self.later.iter_mut().zip(&mut self.ready) {
            ready.extend(std::mem::take(later).into_values());
        }
    }

    /// When the first of those has its turn.
    pub(super) fn next_wake(&self, to: Told) -> Option<Moment> {
        let (at, _) = self.later[place(to)].first_key_value()?.0;
        Some(*at)
    }

    /// Whether nothing of `to` waits that is not behind something under way.
    pub(super) fn is_idle(&self, to: Told) -> bool {
        self.ready[place(to)].is_empty() && self.later[place(to)].is_empty()
    }

    /// How many wait or are under way.
    pub(super) const fn len(&self) -> usize {
        self.news
    }

    /// Forgets all of it; how many that were, by whom they were for.
    pub(super) fn clear(&mut self) -> [(Told, usize); 2] {
        let mut left = [(Told::Disconnect, 0), (Told::Unsubscribe, 0)];
        for waiting in self.lanes.values() {
            let all = waiting.news.iter().map(|news| news.to);
            all.chain(waiting.under_way)
                .for_each(|to| left[place(to)].1 += 1);
        }
        *self = Self::new(self.bounds);
        left
    }
}

const fn place(to: Told) -> usize {
    match to {
        Told::Disconnect => 0,
        Told::Unsubscribe => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::time::Moment;

    fn lane(number: u128) -> Lane {
        Lane::Stream(StreamId::from_random(number))
    }

    fn news(to: Told, body: &'static str) -> News {
        News {
            to,
            id: MessageId::random(),
            body: Bytes::from_static(body.as_bytes()),
            since: Moment::default(),
            attempts: 0,
        }
    }

    use Told::{Disconnect, Unsubscribe};

    fn bodies(queue: &mut Queue, to: Told) -> Vec<Bytes> {
        std::iter::from_fn(|| queue.take(to).map(|(_, news)| news.body)).collect()
    }

    #[test]
    fn one_of_a_stream_is_under_way_and_the_next_waits_for_it_whomever_it_is_for() {
        let mut queue = Queue::new(Bounds::DEFAULT);
        for (number, to, body) in [
            (1, Unsubscribe, "1a"),
            (1, Disconnect, "1b"),
            (2, Disconnect, "2a"),
        ] {
            queue.push(lane(number), news(to, body)).unwrap();
        }
        assert_eq!(bodies(&mut queue, Disconnect), ["2a"]);
        let (first, told) = queue.take(Unsubscribe).unwrap();
        assert!(queue.is_idle(Disconnect) && queue.is_idle(Unsubscribe));
        assert_eq!(queue.done(first, &told), Some(Disconnect));
        assert_eq!(bodies(&mut queue, Disconnect), ["1b"]);
    }

    #[test]
    fn what_failed_comes_first_in_its_stream_when_its_time_has_come() {
        let at = |seconds| Moment::default() + std::time::Duration::from_secs(seconds);
        let mut queue = Queue::new(Bounds::DEFAULT);
        queue.push(lane(1), news(Disconnect, "a")).unwrap();
        queue.push(lane(1), news(Disconnect, "b")).unwrap();
        let (first, told) = queue.take(Disconnect).unwrap();
        queue.again(first, told, at(5));
        queue.wake(Disconnect, at(4));
        assert!(queue.take(Disconnect).is_none() && !queue.is_idle(Disconnect));
        assert_eq!(queue.next_wake(Disconnect), Some(at(5)));
        queue.wake(Disconnect, at(5));
        let (first, told) = queue.take(Disconnect).unwrap();
        assert_eq!(told.body, "a");
        queue.again(first, told, at(9));
        queue.hurry();
        assert_eq!(queue.take(Disconnect).unwrap().1.body, "a");
    }

    #[test]
    fn there_is_room_for_the_end_of_a_stream_whatever_it_has_left_before() {
        let (mut queue, bounds) = (Queue::new(Bounds::DEFAULT), Bounds::DEFAULT);
        let large: &'static str = "x".repeat((128 << 10) - OVERHEAD).leak();
        // The first of them has as many as there may be, the second as many bytes, and the others all that is left.
        for (stream, body) in [(1, "a"), (2, large)] {
            while queue.push(lane(stream), news(Unsubscribe, body)).is_ok() {}
        }
        assert_eq!(queue.len(), 255 + 1);
        for stream in 3..200_000 {
            if queue.push(lane(stream), news(Unsubscribe, "a")).is_err() {
                break;
            }
        }
        assert_eq!(queue.len(), bounds.news / 2);
        for stream in 1..=3 {
            queue.push(lane(stream), news(Disconnect, large)).unwrap();
        }
    }

    #[test]
    fn no_more_waits_than_is_bounded_and_what_is_over_makes_room() {
        let bounds = Bounds {
            news: 3,
            bytes: 10_000,
            of_lane: 2,
            bytes_of_lane: 1000,
        };
        let mut queue = Queue::new(bounds);
        let mut push = |number, body| queue.push(lane(number), news(Disconnect, body));
        assert!(push(1, "a").is_ok() && push(1, "b").is_ok());
        assert_eq!(push(1, "c"), Err("too many of this stream wait"));
        assert!(push(2, "a").is_ok());
        assert_eq!(push(3, "a"), Err("too many wait"));
        let (first, told) = queue.take(Disconnect).unwrap();
        assert_eq!(queue.len(), 3, "what is under way takes its room");
        queue.done(first, &told);
        queue.push(lane(3), news(Disconnect, "a")).unwrap();
        let long: &'static str = "x".repeat(800).leak();
        let mut queue = Queue::new(bounds);
        assert!(queue.push(lane(1), news(Disconnect, long)).is_err());
        assert!(queue.lanes.is_empty() && queue.take(Disconnect).is_none());
    }

    proptest! {
        /// Every body names its stream and its place in it.
        #[test]
        fn each_streams_news_are_told_in_order_whatever_fails(
            choices in prop::collection::vec((0_u8..5, 0_u128..4, any::<bool>()), 0..200),
        ) {
            let mut queue = Queue::new(Bounds { of_lane: 8, news: 20, ..Bounds::DEFAULT });
            let (mut pushed, mut told) = ([0_u64; 4], [const { Vec::new() }; 4]);
            let (mut under_way, mut refused) = (Vec::new(), 0);
            for (what, stream, end) in choices {
                let to = if end { Disconnect } else { Unsubscribe };
                match what {
                    0 | 1 => {
                        let number = &mut pushed[usize::try_from(stream).unwrap()];
                        let body = Bytes::from(format!("{stream}.{number}"));
                        match queue.push(lane(stream), News { body, ..news(to, "") }) {
                            Ok(()) => *number += 1,
                            Err(_) => refused += 1,
                        }
                    }
                    2 => under_way.extend(queue.take(to)),
                    3 => if let Some((lane, news)) = under_way.pop() {
                        let body = std::str::from_utf8(&news.body).unwrap();
                        let (stream, number) = body.split_once('.').unwrap();
                        let number: u64 = number.parse().unwrap();
                        told[stream.parse::<usize>().unwrap()].push(number);
                        queue.done(lane, &news);
                    },
                    _ => if let Some((lane, news)) = under_way.pop() {
                        queue.again(lane, news, Moment::default());
                        queue.hurry();
                    },
                }
                let count: u64 = pushed.iter().sum();
                let over: usize = told.iter().map(Vec::len).sum();
                prop_assert_eq!(queue.len(), usize::try_from(count).unwrap() - over);
                let own = queue.lanes.values();
                prop_assert_eq!(queue.bytes, own.map(|waiting| waiting.bytes).sum::<usize>());
            }
            for numbers in &told {
                prop_assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{told:?}");
            }
            let left: usize = queue.clear().iter().map(|(_, count)| count).sum();
            let over: usize = told.iter().map(Vec::len).sum();
            prop_assert_eq!(left + over, usize::try_from(pushed.iter().sum::<u64>()).unwrap());
            prop_assert!(queue.len() == 0 && queue.is_idle(Disconnect));
            let _ = refused;
        }
    }
}
