//! The way to a session for the requests that name it: what they bring is put down here, and the loop that the session
//! lives in is called.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::model::code::{Code, Refusal};
use crate::transport::context::come_back;
use crate::transport::shard::{Io, Loan};
use crate::wire::engineio::{Rejection, Transport};

use super::item::Item;
use super::sid::Sid;

/// What may wait for one session, in bytes, beyond one body: whoever sends faster than it is read waits for its answer.
const WAITING: usize = 64 * 1024;

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
        let mut all = lock(&self.0.all);
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
        let known = lock(&self.0.all).known.get(&sid).cloned()?;
        let has_ended = matches!(&known, Known::Polling(door) if door.lock().has_ended);
        (!has_ended).then_some(known)
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
            Self::Polling(door) => !door.lock().has_joined,
            Self::WebSocket => false,
        }
    }

    fn new(carrier: Transport) -> Self {
        match carrier {
            Transport::Polling => Self::Polling(Arc::new(Door::new())),
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
        let mut all = lock(&self.sessions.0.all);
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
        let mut all = lock(&self.sessions.0.all);
        let known = all.known.remove(&self.sid);
        if let Some(Known::Polling(door)) = known {
            all.polled -= 1;
            drop(all);
            door.end();
        }
    }
}

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

impl Door {
    fn new() -> Self {
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

    /// What carries it.
    #[must_use]
    pub fn carrier(&self) -> Transport {
        self.lock().carrier
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
            VecDeque::new()
        } else {
            std::mem::take(&mut state.news.items)
        };
        if wants && state.weight > 0 {
            state.weight = 0;
            self.changed.notify_waiters();
        }
        let news = std::mem::take(&mut state.news);
        state.news.items = items;
        news
    }

    /// The packets that requests have brought.
    #[must_use]
    pub fn items(&self) -> VecDeque<Item> {
        let mut state = self.lock();
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
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
