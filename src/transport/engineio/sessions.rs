//! The sessions that there are: by the names that requests give, and who gives way where there is no room for more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::code::{Code, Refusal};
use crate::transport::context::come_back;
use crate::wire::engineio::Transport;

use super::door::{Door, Misuse};
use super::sid::Sid;

/// The sessions that there are, by their names.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    all: Mutex<All>,
    most: usize,
}

#[derive(Default)]
struct All {
    known: HashMap<Sid, Known>,
    /// How many of them requests carry.
    polled: usize,
    /// Those of these that had joined no namespace when they came, oldest first; some have since, or are gone.
    silent: VecDeque<Sid>,
}

/// What is known of a session where a request names it.
#[derive(Clone)]
pub enum Known {
    /// Requests carry it.
    Polling(Arc<Door>),
    /// A WebSocket carries it: there is nothing that a request could do.
    WebSocket,
}

impl Known {
    /// What carries it now.
    #[must_use]
    pub fn carrier(&self) -> Transport {
        match self {
            Self::Polling(door) => door.carrier(),
            Self::WebSocket => Transport::WebSocket,
        }
    }

    /// Its door, where requests carry it.
    #[must_use]
    pub fn door(self) -> Option<Arc<Door>> {
        match self {
            Self::Polling(door) => Some(door),
            Self::WebSocket => None,
        }
    }
}

impl Sessions {
    /// So many are carried by requests at most: such a session holds no connection, which would count.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let all = Mutex::default();
        Self(Arc::new(Inner { all, most }))
    }

    /// A new session that is carried so. It is among them until its entry is dropped. Where there is no room, the oldest that
    /// has joined no namespace makes it: to ask for a session costs next to nothing.
    ///
    /// # Errors
    /// `overloaded`: all have.
    pub fn enter(&self, carrier: Transport) -> Result<(Entry, Option<Arc<Door>>), Refusal> {
        let (sid, known) = (Sid::random(), Known::new(carrier));
        let mut all = self.all();
        let mut given_up = None;
        if let Known::Polling(_) = known {
            if all.polled >= self.0.most {
                given_up = all.oldest_silent();
                if given_up.is_none() {
                    let refusal =
                        Refusal::new(Code::Overloaded, "the gateway has no room for more");
                    return Err(refusal.limit("connections").retry_after(come_back()));
                }
            }
            all.polled += 1;
            all.silent.push_back(sid);
            all.tidy();
        }
        all.known.insert(sid, known.clone());
        drop(all);
        if let Some(door) = given_up {
            door.misused(Misuse::Aborted);
        }
        let sessions = self.clone();
        Ok((Entry { sessions, sid }, known.door()))
    }

    /// The session of this name.
    #[must_use]
    pub fn find(&self, sid: Sid) -> Option<Known> {
        let known = self.all().known.get(&sid).cloned()?;
        let has_ended = matches!(&known, Known::Polling(door) if door.has_ended());
        (!has_ended).then_some(known)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Takes out the oldest that has joined no namespace.
    fn oldest_silent(&mut self) -> Option<Arc<Door>> {
        loop {
            let sid = self.silent.pop_front()?;
            if self.known.get(&sid).is_some_and(Known::is_silent) {
                self.polled -= 1;
                return self.known.remove(&sid)?.door();
            }
        }
    }

    /// Keeps the list short: most on it have joined since.
    fn tidy(&mut self) {
        if self.silent.len() > 2 * self.polled + 1024 {
            let known = &self.known;
            self.silent
                .retain(|sid| known.get(sid).is_some_and(Known::is_silent));
        }
    }
}

impl Known {
    /// Whether requests carry it, and it has joined no namespace.
    fn is_silent(&self) -> bool {
        match self {
            Self::Polling(door) => door.is_silent(),
            Self::WebSocket => false,
        }
    }

    fn new(carrier: Transport) -> Self {
        match carrier {
            Transport::Polling => Self::Polling(Arc::default()),
            Transport::WebSocket => Self::WebSocket,
        }
    }
}

/// A session's place among all.
pub struct Entry {
    sessions: Sessions,
    sid: Sid,
}

impl Entry {
    /// The session's name.
    #[must_use]
    pub const fn sid(&self) -> Sid {
        self.sid
    }

    /// A WebSocket carries it from now on.
    pub fn is_upgraded(&self) {
        let mut all = self.sessions.all();
        let before = all.known.insert(self.sid, Known::WebSocket);
        if let Some(Known::Polling(door)) = before {
            all.polled -= 1;
            drop(all);
            door.upgrades(false, Transport::WebSocket);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.sessions.all();
        let known = all.known.remove(&self.sid);
        if let Some(Known::Polling(door)) = known {
            all.polled -= 1;
            drop(all);
            door.end();
        }
    }
}
