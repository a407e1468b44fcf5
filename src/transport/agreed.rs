//! What the `subscribe` hook has agreed to of late: a herd that comes back asks about the same rooms as before, and a
//! poll about its own each time.

use std::sync::OnceLock;
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

/// Until when it has agreed, by all that it knew when it did.
#[derive(Default)]
pub struct Agreed(OnceLock<Cache<Asked, Moment>>);

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked([u8; 32]);

impl Asked {
    /// Whether whoever `about` is about may join `room`. By which stream, and how it is reached, makes no difference.
    #[must_use]
    pub fn of(about: &About, room: &Room) -> Self {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        };
        add(room.as_str());
        add(&about.principal);
        add(&about.role);
        add(&serde_json::to_string(&about.claims).unwrap_or_default());
        for (name, value) in &about.headers {
            add(name);
            add(value);
        }
        Self(hash.finalize().into())
    }
}

impl Agreed {
    /// Whether it has agreed to that.
    #[must_use]
    pub fn has(&self, asked: Asked, now: Moment) -> bool {
        let known = self.0.get().and_then(|known| known.get(&asked));
        known.is_some_and(|until| now < until)
    }

    /// It has just agreed.
    pub fn note(&self, asked: Asked, now: Moment) {
        let known = self.0.get_or_init(|| Cache::new(MOST));
        known.insert(asked, now + HOLDS);
    }

    /// Nothing that it has said counts any more: there is another hook.
    pub fn forget(&self) {
        if let Some(known) = self.0.get() {
            known.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::StreamId;
    use crate::model::transport::Transport;

    fn about(principal: &str, headers: &[(&str, &str)]) -> About {
        let text = |text: &str| text.to_owned();
        About {
            stream: None,
            principal: text(principal),
            role: text("viewer"),
            transport: Transport::Sse,
            claims: Default::default(),
            headers: headers.iter().map(|(n, v)| (text(n), text(v))).collect(),
        }
    }

    #[test]
    fn a_yes_holds_for_half_a_minute_for_whom_it_was_said_to_and_where() {
        let (agreed, now) = (Agreed::default(), Moment::default());
        let room = |name| Room::parse(name).unwrap();
        let (ann, tab) = (about("ann", &[]), room("tab:7"));
        agreed.note(Asked::of(&ann, &tab), now);
        let later = now + Duration::from_secs(29);
        assert!(agreed.has(Asked::of(&ann, &tab), later));
        assert!(!agreed.has(Asked::of(&ann, &tab), now + HOLDS));
        let elsewhere = About {
            stream: Some(StreamId::from_random(1)),
            transport: Transport::WebSocket,
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
}
