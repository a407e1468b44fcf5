//! What the backend has agreed to of late: a herd that comes back asks about the same rooms as before, and a poll about
//! itself and its own rooms each time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::model::room::Room;
use crate::model::time::Moment;
use crate::wire::hook::About;

/// How long a yes holds: a right that the backend takes back is missed for that long at most.
const HOLDS: Duration = Duration::from_secs(30);
/// How many are known at once: some 2 MB, once they are in use.
const MOST: usize = 1 << 14;

/// How many places there are for what was taken back. What shares a place is asked about anew: more is forgotten than
/// must be, and never less.
const PLACES: usize = 1 << 10;

/// Until when it has agreed, by all that it knew when it did.
#[derive(Default)]
pub struct Agreed {
    known: OnceLock<Cache<Asked, Yes>>,
    /// How often anything was taken back.
    turns: AtomicU64,
    /// The turn before which nothing counts.
    forgotten: AtomicU64,
    /// The turn before which nothing counts of who shares that place.
    taken: OnceLock<Box<[AtomicU64]>>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    about: [u8; 32],
    place: usize,
}

/// When a question was asked, among all that is taken back.
#[derive(Clone, Copy, Debug)]
pub struct Turn(u64);

#[derive(Clone, Copy, Debug)]
struct Yes {
    until: Moment,
    turn: Turn,
}

/// What is made of the texts of a question, with their lengths, so that no two questions read alike.
#[derive(Clone)]
struct Texts(Sha256);

impl Texts {
    fn of(room: &str, principal: &str) -> Self {
        let mut texts = Self(Sha256::new());
        texts.add(room);
        texts.add(principal);
        texts
    }

    fn add(&mut self, text: &str) {
        self.0.update(text.len().to_be_bytes());
        self.0.update(text);
    }

    /// Where it stands that this was taken from that principal.
    fn place(&self) -> usize {
        let hash = self.0.clone().finalize();
        hash.iter()
            .take(2)
            .fold(0, |place, byte| place << 8 | usize::from(*byte))
            % PLACES
    }
}

impl Asked {
    /// Whether whoever `about` is about may join `room`. By which stream, and how it is reached, makes no difference.
    #[must_use]
    pub fn of(about: &About, room: &Room) -> Self {
        Self::made_of(about, room.as_str(), &[])
    }

    /// Whether whoever `about` is about may have these rooms in one answer: what the `connect` hook is asked of a poll.
    #[must_use]
    pub fn to_connect(about: &About, rooms: &[Room]) -> Self {
        // No room has an empty name.
        Self::made_of(about, "", rooms)
    }

    fn made_of(about: &About, room: &str, rooms: &[Room]) -> Self {
        let mut texts = Texts::of(room, &about.principal);
        let place = texts.place();
        texts.add(&about.role);
        texts.add(&serde_json::to_string(&about.claims).unwrap_or_default());
        texts.add(&about.headers.len().to_string());
        for (name, value) in &about.headers {
            texts.add(name);
            texts.add(value);
        }
        rooms.iter().for_each(|room| texts.add(room.as_str()));
        Self {
            about: texts.0.finalize().into(),
            place,
        }
    }
}

impl Agreed {
    /// Whether it has agreed to that.
    #[must_use]
    pub fn has(&self, asked: Asked, now: Moment) -> bool {
        let yes = self.known.get().and_then(|known| known.get(&asked));
        yes.is_some_and(|yes| now < yes.until && self.counts(asked, yes.turn))
    }

    /// To be taken before a question is asked.
    #[must_use]
    pub fn turn(&self) -> Turn {
        Turn(self.turns.load(Ordering::SeqCst))
    }

    /// It has just agreed to what it was asked in that turn. It does not count if it was taken back meanwhile.
    pub fn note(&self, asked: Asked, turn: Turn, now: Moment) {
        let until = now + HOLDS;
        let known = self.known.get_or_init(|| Cache::new(MOST));
        known.insert(asked, Yes { until, turn });
    }

    /// Nothing that it was asked before now counts any more: there is another hook.
    pub fn forget(&self) {
        self.forgotten.fetch_max(self.next(), Ordering::SeqCst);
        if let Some(known) = self.known.get() {
            known.clear();
        }
    }

    /// The backend has `principal` leave `room`: nothing counts any more that it has said of these before.
    pub fn take_back(&self, principal: &str, room: &Room) {
        let places = || (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        let taken = self.taken.get_or_init(places);
        if let Some(place) = taken.get(Texts::of(room.as_str(), principal).place()) {
            place.fetch_max(self.next(), Ordering::SeqCst);
        }
    }

    fn next(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn counts(&self, asked: Asked, turn: Turn) -> bool {
        let taken = self.taken.get().and_then(|taken| taken.get(asked.place));
        let taken = taken.map_or(0, |taken| taken.load(Ordering::SeqCst));
        turn.0 >= taken.max(self.forgotten.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dialect::Dialect;
    use crate::model::id::StreamId;
    use crate::model::transport::Transport;

    fn about(principal: &str, headers: &[(&str, &str)]) -> About {
        let text = |text: &str| text.to_owned();
        About {
            stream: None,
            principal: text(principal),
            role: text("viewer"),
            transport: Transport::Sse,
            dialect: Dialect::Native,
            claims: Default::default(),
            headers: headers.iter().map(|(n, v)| (text(n), text(v))).collect(),
        }
    }

    #[test]
    fn a_yes_holds_for_half_a_minute_for_whom_it_was_said_to_and_where() {
        let (agreed, now) = (Agreed::default(), Moment::default());
        let room = |name| Room::parse(name).unwrap();
        let (ann, tab) = (about("ann", &[]), room("tab:7"));
        agreed.note(Asked::of(&ann, &tab), agreed.turn(), now);
        let later = now + Duration::from_secs(29);
        assert!(agreed.has(Asked::of(&ann, &tab), later));
        assert!(!agreed.has(Asked::of(&ann, &tab), now + HOLDS));
        let elsewhere = About {
            stream: Some(StreamId::from_random(1)),
            transport: Transport::WebSocket,
            dialect: Dialect::SocketIo,
            ..ann.clone()
        };
        assert!(agreed.has(Asked::of(&elsewhere, &tab), later));
        for (about, name) in [
            (about("bob", &[]), "tab:7"),
            (about("ann", &[("x-tenant", "1")]), "tab:7"),
            (ann.clone(), "tab:8"),
        ] {
            assert!(!agreed.has(Asked::of(&about, &room(name)), later), "{name}");
        }
        agreed.forget();
        assert!(!agreed.has(Asked::of(&ann, &tab), now));
    }

    #[test]
    fn a_yes_to_what_was_asked_before_it_was_taken_back_does_not_count() {
        let (agreed, now) = (Agreed::default(), Moment::default());
        let room = |name| Room::parse(name).unwrap();
        let (ann, bob, tab) = (about("ann", &[]), about("bob", &[]), room("tab:7"));
        let all = [
            Asked::of(&ann, &tab),
            Asked::of(&bob, &tab),
            Asked::of(&ann, &room("tab:8")),
            Asked::to_connect(&ann, std::slice::from_ref(&tab)),
        ];
        let known = |agreed: &Agreed| all.map(|asked| agreed.has(asked, now));
        let turn = agreed.turn();
        agreed.take_back("ann", &tab);
        all.iter().for_each(|asked| agreed.note(*asked, turn, now));
        assert_eq!(known(&agreed), [false, true, true, true]);
        agreed.note(all[0], agreed.turn(), now);
        assert_eq!(known(&agreed), [true; 4]);
        let turn = agreed.turn();
        agreed.forget();
        all.iter().for_each(|asked| agreed.note(*asked, turn, now));
        assert_eq!(known(&agreed), [false; 4]);
    }
}
