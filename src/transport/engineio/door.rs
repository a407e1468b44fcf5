//! The way to a session for the requests that name it: what they bring is put down here, and the loop that the session
//! lives in is called.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::transport::shard::{Io, Loan};
use crate::wire::engineio::{Rejection, Transport};

use super::item::Item;

/// What may wait for one session, in bytes, beyond one body: whoever sends faster than it is read waits for its answer.
const WAITING: usize = 64 * 1024;

/// The door of one session that requests carry.
pub struct Door {
    /// Calls the session, once it is there.
    call: OnceLock<Waker>,
    state: Mutex<State>,
    /// Something has changed that requests wait for.
    changed: Notify,
}

struct State {
    carrier: Transport,
    /// Whether a WebSocket is on trial, which has said so much that it will carry the session soon.
    is_upgrading: bool,
    has_ended: bool,
    /// Whether a namespace was joined.
    has_joined: bool,
    /// Whether a GET waits for what the session has to say.
    is_polled: bool,
    news: News,
    /// What the items of `news` weigh, in bytes.
    weight: usize,
}

impl State {
    /// Whether requests carry it.
    const fn is_polling(&self) -> Result<(), Rejection> {
        match (self.has_ended, self.carrier) {
            (true, _) => Err(Rejection::SessionUnknown),
            (false, Transport::WebSocket) => Err(Rejection::BadRequest),
            (false, Transport::Polling) => Ok(()),
        }
    }
}

/// What requests have brought.
#[derive(Default)]
pub struct News {
    /// Packets.
    pub items: VecDeque<Item>,
    /// Whoever waits for what the session has to say.
    pub getter: Option<Getter>,
    /// A WebSocket that would carry it.
    pub offered: Option<Offered>,
    /// Why it ends.
    pub end: Option<Misuse>,
}

/// A WebSocket that a session is offered, and what is to be written to it first.
pub struct Offered {
    /// The connection.
    pub io: Box<dyn Io>,
    /// The head of its response.
    pub head: Vec<u8>,
}

/// What requests may do that ends their session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// Two of them waited for what it has to say.
    Overlap,
    /// One that waited was given up.
    Aborted,
    /// What one has brought is no packet.
    Malformed,
}

/// A GET that waits.
pub enum Getter {
    /// With the connection that it came on.
    Lent(Loan, Claim),
    /// Elsewhere.
    Waiting(oneshot::Sender<Bytes>, Claim),
}

/// A GET that came too late to be answered by its session.
pub enum Late {
    /// It has ended.
    Ended(Loan),
    /// A WebSocket carries it.
    Upgraded(Loan),
}

/// The right of one GET to what the session has to say. Where it is dropped before it was answered, the session ends: the
/// client has given up, and nobody knows what it has got.
pub struct Claim {
    door: Arc<Door>,
    is_answered: bool,
}

impl Claim {
    /// What it waited for was handed over: the next may come.
    pub fn answered(mut self) {
        self.is_answered = true;
        self.door.lock().is_polled = false;
    }

    /// Waits on the connection that it came on.
    ///
    /// # Errors
    /// Nobody hears of it any more.
    pub fn lend(self, loan: Loan) -> Result<(), Late> {
        let door = self.door.clone();
        let mut state = door.lock();
        if state.has_ended {
            drop(state);
            return Err(Late::Ended(loan));
        }
        if state.carrier != Transport::Polling {
            drop(state);
            return Err(Late::Upgraded(loan));
        }
        state.news.getter = Some(Getter::Lent(loan, self));
        drop(state);
        door.call();
        Ok(())
    }

    /// Waits here; nothing comes where the session has ended.
    pub async fn piece(self) -> Option<Bytes> {
        let (sender, piece) = oneshot::channel();
        let door = self.door.clone();
        door.put(|news| news.getter = Some(Getter::Waiting(sender, self)));
        let mut watch = Watch(Some(door));
        let piece = piece.await.ok();
        watch.0 = None;
        piece
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_answered {
            self.door.misused(Misuse::Aborted);
        }
    }
}

/// Whoever waits elsewhere may be dropped, and nobody else would notice before the session has something to say.
struct Watch(Option<Arc<Door>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(door) = &self.0 {
            door.misused(Misuse::Aborted);
        }
    }
}

impl Default for Door {
    fn default() -> Self {
        Self {
            call: OnceLock::new(),
            state: Mutex::new(State {
                carrier: Transport::Polling,
                is_upgrading: false,
                has_ended: false,
                has_joined: false,
                is_polled: false,
                news: News::default(),
                weight: 0,
            }),
            changed: Notify::new(),
        }
    }
}

impl Door {
    /// What carries it.
    #[must_use]
    pub fn carrier(&self) -> Transport {
        self.lock().carrier
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    /// Whether it has joined no namespace.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        !self.lock().has_joined
    }

    /// Somebody speaks here.
    pub fn has_joined(&self) {
        self.lock().has_joined = true;
    }

    /// From now on this calls the session.
    pub fn opens(&self, call: Waker) {
        // There is one session to a door.
        _ = self.call.set(call);
    }

    /// What requests have brought since it was asked last: packets too, if it `wants` them.
    #[must_use]
    pub fn take(&self, wants: bool) -> News {
        let mut state = self.lock();
        let items = if wants {
            self.read(&mut state)
        } else {
            VecDeque::new()
        };
        let unread = std::mem::take(&mut state.news.items);
        let news = std::mem::take(&mut state.news);
        state.news.items = unread;
        News { items, ..news }
    }

    /// The packets that requests have brought.
    #[must_use]
    pub fn items(&self) -> VecDeque<Item> {
        self.read(&mut self.lock())
    }

    /// Whoever waits to bring more may.
    fn read(&self, state: &mut State) -> VecDeque<Item> {
        if state.weight > 0 {
            state.weight = 0;
            self.changed.notify_waiters();
        }
        std::mem::take(&mut state.news.items)
    }

    /// Whether a WebSocket is about to carry it, or does so from now on.
    pub fn upgrades(&self, is_upgrading: bool, carrier: Transport) {
        let mut state = self.lock();
        (state.is_upgrading, state.carrier) = (is_upgrading, carrier);
        drop(state);
        self.changed.notify_waiters();
    }

    /// It has ended: nobody finds it any more.
    pub fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        // What is in it may have a claim, which comes back here.
        let news = std::mem::take(&mut state.news);
        drop(state);
        drop(news);
        self.changed.notify_waiters();
    }

    /// Returns once no WebSocket is on trial any more.
    pub async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.lock().is_upgrading {
                return;
            }
            changed.await;
        }
    }

    /// Lets a GET wait for what the session has to say.
    ///
    /// # Errors
    /// Another one waits already, and that ends the session; or it has ended.
    pub fn claim(self: &Arc<Self>) -> Result<Claim, Rejection> {
        let mut state = self.lock();
        state.is_polling()?;
        if std::mem::replace(&mut state.is_polled, true) {
            drop(state);
            self.misused(Misuse::Overlap);
            return Err(Rejection::BadRequest);
        }
        Ok(Claim {
            door: self.clone(),
            is_answered: false,
        })
    }

    /// Brings packets; returns once there is room for more.
    ///
    /// # Errors
    /// The session has ended.
    pub async fn post(&self, items: Vec<Item>) -> Result<(), Rejection> {
        let weight: usize = items.iter().map(Item::weight).sum();
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                state.is_polling()?;
                if state.weight <= WAITING {
                    state.weight += weight;
                    state.news.items.extend(items);
                    break;
                }
            }
            changed.await;
        }
        self.call();
        Ok(())
    }

    /// Offers the session a WebSocket.
    pub fn offer(&self, offered: Offered) -> Result<(), Offered> {
        let mut state = self.lock();
        if state.is_polling().is_err() || state.news.offered.is_some() {
            return Err(offered);
        }
        state.news.offered = Some(offered);
        drop(state);
        self.call();
        Ok(())
    }

    /// A request has done what ends the session.
    pub fn misused(&self, how: Misuse) {
        let mut state = self.lock();
        state.news.end.get_or_insert(how);
        drop(state);
        self.call();
    }

    fn put(&self, put: impl FnOnce(&mut News)) {
        let mut state = self.lock();
        if state.is_polling().is_ok() {
            put(&mut state.news);
        }
        drop(state);
        self.call();
    }

    fn call(&self) {
        if let Some(call) = self.call.get() {
            call.wake_by_ref();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
